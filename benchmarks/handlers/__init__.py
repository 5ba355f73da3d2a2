"""The handlers that Travel GPT is measured against. Each is copied into a package of its own."""
