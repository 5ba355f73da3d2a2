"""Tests of where the key comes from and how it stays fresh."""
