"""travel-gpt secret: stores, shows, rotates and encrypts the OpenAI key."""
