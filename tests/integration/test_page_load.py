"""Many visitors at the same time, over real HTTP, through the throttles of a deployed stack.

Simulated are API Gateway's throttle of each method, as a token bucket (tests/infrastructure/test_api.py has
the comparison with the template), and a Lambda that runs 10 requests at the same time, which may be the limit
of a new account, each for 50 ms at least. What comes above that waits here. Lambda would refuse it, and API
Gateway does not try again (Lambda developer guide, "Handling Lambda errors with an API Gateway API"):
docs/operations/access.md says what that means for visitors.
"""

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes.dynamodb import FakeTable
from tests.integration.conftest import Deployment
from travel_gpt.local import usage_plan
from travel_gpt.local.gateway import Gateway
from travel_gpt.local.server import Server, listen
from travel_gpt.local.usage_plan import Throttle, UsagePlan

VISITORS = 20
CONCURRENCY = 10
SCRIPT = re.compile(r'src="(/Prod/travel-gpt/app/assets/[^"]+)"')


class Lambda:
    """The function, of which ten run at the same time.

    Attributes:
        most: how many ran at the same time so far.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        self._places = threading.Semaphore(CONCURRENCY)
        self._lock = threading.Lock()
        self._running = self.most = 0

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        with self._places:
            with self._lock:
                self._running += 1
                self.most = max(self.most, self._running)
            try:
                time.sleep(0.05)
                return self._api.answer(event, context)
            finally:
                with self._lock:
                    self._running -= 1


@dataclass
class Visit:
    """What one visitor's browser got."""

    statuses: list[int] = field(default_factory=list)


def visit(port: int, begin: threading.Barrier) -> Visit:
    """Load the page as a browser does: the HTML, its script, then what the script asks."""
    made = Visit()

    def get(path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        made.statuses.append(answer.status)
        return body.decode()

    begin.wait()
    for script in SCRIPT.findall(get("/Prod/travel-gpt/app")):
        get(script)
    get("/Prod/travel-gpt/app/api/me")
    return made


@contextmanager
def served(deployment: Deployment) -> Iterator[tuple[Lambda, int]]:
    """The function behind the throttles of the template's defaults, and the port."""
    function = Lambda(deployment.api)
    server = Server(Gateway(function, usage=UsagePlan(5, 10, 1000)), listen("127.0.0.1", 0))
    server.start()
    try:
        yield function, server.port
    finally:
        server.close()


def visits(port: int) -> list[Visit]:
    """Let all visitors come at the same time."""
    begin = threading.Barrier(VISITORS)
    with ThreadPoolExecutor(VISITORS) as pool:
        return list(pool.map(lambda _: visit(port, begin), range(VISITORS)))


def test_twenty_visitors_at_once_all_get_the_page(deploy: Callable[..., Deployment]) -> None:
    # Given a stack in a new account
    with served(deploy(table=FakeTable(), WEB_PAGE="enabled")) as (function, port):
        # When twenty people open the page at the same time
        made = visits(port)

    # Then nothing is refused, and each first load is three requests
    assert [each.statuses for each in made] == [[200] * 3] * VISITORS
    # And the limit was met
    assert function.most == CONCURRENCY


def test_with_the_throttle_of_other_paths_visitors_would_be_refused(
    deploy: Callable[..., Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the throttle that holds for what has none of its own
    monkeypatch.setattr(usage_plan, "PAGE_FILES", Throttle(5, 10))
    with served(deploy(table=FakeTable(), WEB_PAGE="enabled")) as (_, port):
        made = visits(port)

    # Then some of the twenty see a refusal
    assert 429 in {status for each in made for status in each.statuses}
