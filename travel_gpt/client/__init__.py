"""The Python client of an API of Travel GPT, deployed or on this machine. docs/python.md shows its use.

Threads may share a ``TravelGPT``. A ``Stream`` belongs to the thread that reads it.
"""

from travel_gpt.client.answers import Answer, Budget, Health, Usage
from travel_gpt.client.api import ANSWER_TIMEOUT, IDLE_TIMEOUT, LOCAL_URL, STREAM_TIMEOUT, Format, TravelGPT
from travel_gpt.client.errors import (
    AccessRefused,
    ApiError,
    ApiFailed,
    ConnectionFailed,
    LimitReached,
    RequestRefused,
    TimedOut,
    UnexpectedAnswer,
)
from travel_gpt.client.stream import Stream

__all__ = [
    "ANSWER_TIMEOUT",
    "IDLE_TIMEOUT",
    "LOCAL_URL",
    "STREAM_TIMEOUT",
    "AccessRefused",
    "Answer",
    "ApiError",
    "ApiFailed",
    "Budget",
    "ConnectionFailed",
    "Format",
    "Health",
    "LimitReached",
    "RequestRefused",
    "Stream",
    "TimedOut",
    "TravelGPT",
    "UnexpectedAnswer",
    "Usage",
]
