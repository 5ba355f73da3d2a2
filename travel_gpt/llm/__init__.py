"""The model client: calls to a server with OpenAI's API, and what its answers and errors mean."""
