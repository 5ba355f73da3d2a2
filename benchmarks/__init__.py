"""Cold start and warm overhead, measured against the least and the most that the same answer can cost."""

from typing import Final

SECRET: Final = "travel-gpt/openai-api-key"
TABLE: Final = "travel-gpt-clients"
CLIENT: Final = "c-benchmark"
KEY_ID: Final = "benchmark"
"""The id of the API key that every request comes with."""

QUERY: Final = "Three days in Lisbon in May?"
ANSWER: Final = "Three days in Lisbon: Alfama and the castle, Belém by tram, a day in Sintra."
"""What the model's server says to whatever it is asked; who gives back something else is not measured."""
