"""Where the OpenAI credential comes from, and how it stays fresh."""
