"""A function with the page enabled, and one guest."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.fakes.openai import FakeOpenAI
from tests.support.clock import Clock
from tests.support.page import KEY, PageFunction

Build = Callable[..., PageFunction]


@pytest.fixture
def clock() -> Clock:
    """A clock that starts now."""
    return Clock(time.time())


@pytest.fixture
def upstream() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def build(upstream: FakeOpenAI, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    """Give a function that starts an environment; its keywords are variables."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    started: list[PageFunction] = []

    def start(**environment: str) -> PageFunction:
        started.append(PageFunction(upstream, clock, **environment))
        return started[-1]

    yield start
    for function in started:
        function.api.close()


@pytest.fixture
def function(build: Build) -> PageFunction:
    """The function where visitors need an invitation."""
    return build(BUDGET_PER_MONTH="50")


@pytest.fixture
def open_function(build: Build) -> PageFunction:
    """The function where anyone may ask."""
    return build(API_ACCESS="open", BUDGET_PER_DAY="1", BUDGET_PER_MONTH="50")
