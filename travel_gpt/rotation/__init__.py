"""A new OpenAI key in the place of the old one, by itself: what the rotation Lambda does."""
