"""Servers that the tests call in the place of OpenAI, Vault and AWS."""
