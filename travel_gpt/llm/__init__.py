"""The model client: one call to a server that speaks OpenAI's API, and what its answer means."""
