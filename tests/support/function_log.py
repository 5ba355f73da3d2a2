"""The log of the function: a fixture of the suites that import it."""

import io

import pytest

from travel_gpt import telemetry
from travel_gpt.settings import Settings


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    """What the project writes to its log, which each test begins with the default settings."""
    stream = io.StringIO()
    telemetry.configure(Settings(), stream=stream)
    return stream
