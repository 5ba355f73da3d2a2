"""Whatever is sent to the page's API, the answer is one of the contract's: never a bug of ours."""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as some

from tests.fakes.openai import FakeOpenAI
from tests.support.clock import Clock
from tests.support.page import COOKIE, KEY, NONCE, PageFunction
from travel_gpt.api import resources

_VALUES = some.one_of(some.none(), some.booleans(), some.integers(), some.text(), some.lists(some.text()))
_TEXTS = some.text(max_size=80)
_BODIES = some.one_of(
    _VALUES,
    some.fixed_dictionaries(
        {}, optional={"code": _VALUES, "nonce": some.one_of(some.just(NONCE), _VALUES), "device": _VALUES}
    ),
)
_HEADERS = some.fixed_dictionaries(
    {},
    optional={
        name: some.one_of(_TEXTS, some.none())
        for name in ("Host", "Origin", "X-Forwarded-Proto", "X-Travel-GPT", "Content-Type", "X-Forwarded-For")
    },
)
_COOKIES = some.one_of(_TEXTS, _TEXTS.map(lambda value: f"{COOKIE}={value}"))


@pytest.fixture(scope="module")
def sending() -> Any:
    with pytest.MonkeyPatch.context() as patch, FakeOpenAI() as upstream:
        patch.setenv("OPENAI_API_KEY", KEY)
        function = PageFunction(upstream, Clock(time.time()))
        yield function.send
        function.api.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    resource=some.sampled_from([each for each in resources.ALL if each.startswith(resources.PAGE_API)]),
    body=_BODIES,
    headers=_HEADERS,
    cookie=_COOKIES,
    method=some.sampled_from(["GET", "POST"]),
    address=_TEXTS,
)
def test_it_is_never_a_500(
    sending: Any,
    resource: str,
    body: object,
    headers: dict[str, str | None],
    cookie: str,
    method: str,
    address: str,
) -> None:
    reply = sending(
        resource,
        body,
        headers=headers,
        cookie=cookie,
        httpMethod=method,
        requestContext={"identity": {"sourceIp": address}},
        pathParameters={"id": cookie},
    )

    assert reply.status < 500, reply
    assert reply.body["status"] == ("success" if reply.status < 400 else "error")
