"""Tests of travel_gpt/cli/deploy, without a process of aws or sam."""
