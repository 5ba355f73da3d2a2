"""travel-gpt client: who may ask, how often, and for how much."""
