"""Tests of scripts/deploy, without a process of aws or sam."""
