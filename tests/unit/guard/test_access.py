"""Who may POST: whom API Gateway authenticated, or anyone where the owner says so."""

from typing import Any

import pytest

from tests.conftest import ProxyEvent
from travel_gpt.errors import Forbidden
from travel_gpt.guard.access import require_access

UNAUTHENTICATED = [
    {},
    {"requestContext": None},
    {"requestContext": {}},
    {"requestContext": {"identity": None}},
    {"requestContext": {"identity": {}}},
    {"requestContext": {"identity": {"apiKeyId": None}}},
    {"requestContext": {"identity": {"apiKeyId": ""}}},
    # What the caller sent proves nothing: only the id says that API Gateway knew it.
    {"requestContext": {"identity": {"apiKey": "EXAMPLEapikey"}}, "headers": {"x-api-key": "EXAMPLEapikey"}},
]


@pytest.mark.parametrize("name", ["post", "post-base64"])
def test_given_a_caller_whom_api_gateway_authenticated_then_it_may_ask(
    proxy_event: ProxyEvent, name: str
) -> None:
    require_access(proxy_event(name), "api-key")


def test_given_api_gateways_event_of_a_post_without_a_key_then_it_is_refused(proxy_event: ProxyEvent) -> None:
    with pytest.raises(Forbidden, match="without an API key") as refused:
        require_access(proxy_event("post-without-key"), "api-key")

    assert "x-api-key" in refused.value.message


@pytest.mark.parametrize("event", UNAUTHENTICATED)
def test_given_no_proof_of_a_key_then_a_post_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        require_access(event, "api-key")


@pytest.mark.parametrize("event", UNAUTHENTICATED)
def test_given_an_open_api_then_anyone_may_ask(event: dict[str, Any]) -> None:
    require_access(event, "open")


@pytest.mark.parametrize("access", ["", "OPEN", "none", "other"])
def test_given_an_access_mode_that_does_not_exist_then_the_api_is_closed(access: str) -> None:
    with pytest.raises(Forbidden):
        require_access({}, access)
