"""Third-party servers that speak OpenAI's API: what starts them, and what runs in one of them."""
