"""The client under test, and a server for it that sends what a test says."""

from collections.abc import Iterator

import pytest

from tests.support.scripted_api import ScriptedApi
from travel_gpt.client import TravelGPT

KEY = "Zx81canaryQm3vT8xLw2Rk7Yb4Nd6HpA0s"


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    with ScriptedApi() as running:
        yield running


@pytest.fixture
def api(server: ScriptedApi) -> Iterator[TravelGPT]:
    with TravelGPT(server.base_url, api_key=KEY, timeout=5, idle_timeout=5, retries=0) as made:
        yield made


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited
