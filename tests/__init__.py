"""Tests of Travel GPT."""
