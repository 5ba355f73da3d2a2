"""What the Python client sends again, and when."""

import pytest

from tests.support.scripted_api import BODY, TEXT, ScriptedApi, failure
from travel_gpt.client import ApiError, ConnectionFailed, RequestRefused, TravelGPT


def test_a_request_is_repeated_after_the_time_that_the_api_gives(
    server: ScriptedApi, pauses: list[float]
) -> None:
    server.json(429, failure("rate_limited"), Retry_After="3")
    server.json(503, failure("limits_unavailable"), Retry_After="20")
    server.whole_stream()

    with TravelGPT(server.base_url) as api, api.stream("Lisbon?", idempotency_key="k") as stream:
        assert stream.answer().text == TEXT

    assert pauses == [3, 20]
    assert [headers["idempotency-key"] for _, _, headers, _ in server.seen] == ["k"] * 3


@pytest.mark.parametrize(
    ("status", "retry_after", "retries", "sent"),
    [(429, "21", 2, 1), (429, "", 2, 1), (500, "", 2, 1), (429, "1", 0, 1), (429, "1", 2, 3)],
    ids=["too-long", "no-time", "failed", "off", "twice"],
)
def test_a_request_is_not_repeated_otherwise(
    server: ScriptedApi, pauses: list[float], status: int, retry_after: str, retries: int, sent: int
) -> None:
    server.json(status, failure("rate_limited"), Retry_After=retry_after)

    with TravelGPT(server.base_url, retries=retries) as api, pytest.raises(ApiError):
        api.ask("Lisbon?")

    assert (len(server.seen), len(pauses)) == (sent, sent - 1)


def test_a_cut_connection_is_repeated_with_an_idempotency_key_only(
    server: ScriptedApi, pauses: list[float]
) -> None:
    server.script += [[b""], [b""]]
    with TravelGPT(server.base_url) as api:
        with pytest.raises(ConnectionFailed) as raised:
            api.ask("Lisbon?")
        assert (len(server.seen), raised.value.sent, raised.value.status) == (1, True, None)

        server.json(200, BODY)
        assert api.ask("Lisbon?", idempotency_key="k").text == "Take tram 28."
    assert len(pauses) == 1


def test_a_connection_that_is_refused_is_repeated(pauses: list[float]) -> None:
    with ScriptedApi() as closed:
        url = closed.base_url
    with TravelGPT(url) as api, pytest.raises(ConnectionFailed, match="No connection to 127") as raised:
        api.ask("Lisbon?")

    assert (len(pauses), raised.value.sent) == (2, False)


def test_an_answer_of_the_first_try_is_waited_for(server: ScriptedApi, pauses: list[float]) -> None:
    server.script.append([b""])
    for _ in range(4):
        server.json(409, failure("request_in_progress"), Retry_After="2")
    server.json(200, BODY)

    with TravelGPT(server.base_url, retries=1) as api:
        assert api.ask("Lisbon?", idempotency_key="k").text == "Take tram 28."

    assert pauses == [0.5, 2, 2, 2, 2]


@pytest.mark.parametrize(("retries", "timeout", "sent"), [(0, 30.0, 1), (1, 0.0, 2)], ids=["off", "too-long"])
def test_an_answer_of_another_try_is_not_waited_for(
    server: ScriptedApi, pauses: list[float], retries: int, timeout: float, sent: int
) -> None:
    server.json(409, failure("request_in_progress"), Retry_After="2")

    with (
        TravelGPT(server.base_url, retries=retries, stream_timeout=timeout) as api,
        pytest.raises(RequestRefused) as raised,
    ):
        api.stream("Lisbon?", idempotency_key="k")

    assert raised.value.code == "request_in_progress"
    assert (len(server.seen), len(pauses)) == (sent, sent - 1)


@pytest.mark.parametrize("key", ["k", None])
def test_an_answer_that_is_cut_is_repeated_with_an_idempotency_key_only(
    server: ScriptedApi, pauses: list[float], key: str | None
) -> None:
    server.script.append([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
    server.json(200, BODY)

    with TravelGPT(server.base_url) as api:
        if key:
            assert api.ask("Lisbon?", idempotency_key=key).text == "Take tram 28."
        else:
            with pytest.raises(ConnectionFailed, match="was cut"):
                api.ask("Lisbon?")

    assert (len(server.seen), len(pauses)) == ((2, 1) if key else (1, 0))
