"""Answers that are read while they arrive: their text, what is kept out of it, and how they fail."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import httpx2
import pytest
from hypothesis import given, strategies as st

from tests.fakes.openai import bodies
from tests.fakes.openai.events import chat_event, responses_event
from tests.unit.doubles import FIRST, FIRST_KEY, soon
from tests.unit.llm.sdk import PROMPT, Server, model_client
from tests.unit.llm.test_capabilities import LEFT_ALONE, STRIPPED
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    ContentRefused,
    KeyRefused,
    QuotaExhausted,
    TravelGPTError,
    UpstreamApiUnsupported,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from travel_gpt.llm import client as module, streaming
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.client import MODEL_APIS, ModelClient
from travel_gpt.llm.model_api import Answer, Usage
from travel_gpt.llm.streaming import StreamControl

if TYPE_CHECKING:
    from travel_gpt.llm.stream_connections import EndableConnection

APIS = ("responses", "chat")
both_apis = pytest.mark.parametrize("api", APIS)


def events(api: str, *texts: str, **final: Any) -> list[bytes]:
    """Return the events of an answer in these pieces; the keywords are those of its last document."""
    if api == "responses":
        deltas = [responses_event({"type": "response.output_text.delta", "delta": text}) for text in texts]
        document = bodies.response({}, "".join(texts), **final)
        return [*deltas, responses_event({"type": f"response.{document['status']}", "response": document})]
    chunks = [{"choices": [{"delta": {"content": text}, "finish_reason": None}]} for text in texts]
    chunks.append({"choices": [{"delta": {}, "finish_reason": final.get("finish", "stop")}]})
    document = bodies.completion({}, "".join(texts))
    chunks.append({"choices": [], "model": document["model"], "usage": document["usage"]})
    return [*map(chat_event, chunks), b"data: [DONE]\n\n"]


def error_event(api: str, **error: Any) -> bytes:
    return (
        responses_event({"type": "error", "error": error})
        if api == "responses"
        else chat_event({"error": error})
    )


def reply(sent: Iterable[bytes]) -> httpx2.Response:
    return httpx2.Response(200, content=iter(sent), headers={"content-type": "text/event-stream"})


def cut(sent: Iterable[bytes]) -> Iterator[bytes]:
    yield from sent
    raise httpx2.ReadError("reset")


def client(api: str, *script: Any, **environment: str) -> tuple[ModelClient, Server]:
    server = Server(*script)
    return model_client(server, OPENAI_API=api, **environment), server


def stream(api: str, sent: Iterable[bytes] | httpx2.Response) -> tuple[list[str], Answer]:
    """Return the pieces of an answer, and the answer."""
    response = sent if isinstance(sent, httpx2.Response) else reply(sent)
    *pieces, answer = client(api, response)[0].stream(PROMPT, FIRST, soon(), StreamControl())
    assert isinstance(answer, Answer)
    return [str(piece) for piece in pieces], answer


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda _: None))


def cut_up(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def whole(api: str, text: str) -> httpx2.Response:
    document = bodies.response({}, text) if api == "responses" else bodies.completion({}, text)
    return httpx2.Response(200, json=document)


@both_apis
def test_each_piece_is_yielded_and_the_answer_last(api: str) -> None:
    pieces, answer = stream(api, events(api, "\n", " Take", " tram", "", " 28", ".\n"))

    assert pieces == ["Take", " tram", " 28", ".\n"]
    assert (answer.text, answer.model, answer.truncated) == ("Take tram 28.", "gpt-6-luna", False)
    assert answer.usage.output_tokens == bodies.tokens("\n Take tram 28.\n")


def test_nothing_is_sent_before_the_first_piece_is_asked_for() -> None:
    upstream, server = client("chat", reply(events("chat", "Yes.")))

    parts = upstream.stream(PROMPT, FIRST, soon(), StreamControl())

    assert server.requests == []
    assert next(parts) == "Yes."


@both_apis
def test_the_body_is_that_of_a_question_and_asks_for_a_stream_with_usage(api: str) -> None:
    upstream, server = client(api, reply(events(api, "Yes.")), reply([]))
    list(upstream.stream(PROMPT, FIRST, soon(), StreamControl()))
    with pytest.raises(TravelGPTError):
        upstream.ask(PROMPT, FIRST, soon())

    streamed, asked = server.bodies()
    options = {"stream_options": {"include_usage": True}} if api == "chat" else {}
    assert streamed == asked | {"stream": True} | options


def test_a_server_without_stream_options_is_asked_without() -> None:
    refusal = httpx2.Response(422, json=bodies.error("Extra inputs are not permitted: stream_options"))
    upstream, server = client(
        "chat", refusal, reply(events("chat", "Yes.")[:-2]), OPENAI_BASE_URL="https://llm.example/v1"
    )

    *_, answer = upstream.stream(PROMPT, FIRST, soon(), StreamControl())

    assert ["stream_options" in body for body in server.bodies()] == [True, False]
    assert isinstance(answer, Answer)
    assert answer.usage == Usage(None, None, None)


@both_apis
def test_a_server_that_refuses_to_stream_is_asked_for_the_whole_answer(api: str) -> None:
    # Recorded: openai/POST /v1/responses stream/400-org-not-verified-stream; on Chat Completions assumed.
    message = "Your organization must be verified to stream this model."
    error = {"message": message, "type": "invalid_request_error", "param": "stream"}
    refusal = httpx2.Response(400, json={"error": {**error, "code": "unsupported_value"}})
    upstream, server = client(api, refusal, whole(api, "Take tram 28."), whole(api, "Take tram 28."))

    for _ in range(2):
        piece, answer = upstream.stream(PROMPT, FIRST, soon(), StreamControl())
        assert isinstance(answer, Answer)
        assert piece == answer.text == "Take tram 28."

    assert [body.get("stream") for body in server.bodies()] == [True, None, None]


@both_apis
@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [text for text, _ in STRIPPED if "think" in text.lower().partition("/")[0]] + [*filter(None, LEFT_ALONE)],
)
def test_a_stream_has_the_text_of_a_whole_answer(api: str, text: str, size: int) -> None:
    asked = client(api, whole(api, text))[0].ask(PROMPT, FIRST, soon())

    pieces, answer = stream(api, events(api, *cut_up(text, size)))

    assert ("".join(pieces).strip(), answer) == (asked.text, asked)


@both_apis
def test_reasoning_without_an_opening_tag_is_held_back_once_it_is_known(api: str) -> None:
    sent = events(api, "A tram", " or a", " bus?</th", "ink>", "Take tram 28.")
    upstream, _ = client(api, *(reply(sent) for _ in range(3)))
    seen: list[object] = []
    with pytest.raises(UpstreamFailed, match="reasoning"):
        seen.extend(upstream.stream(PROMPT, FIRST, soon(), StreamControl()))

    piece, answer = upstream.stream(PROMPT, FIRST, soon(), StreamControl())

    assert isinstance(answer, Answer)
    assert piece == answer.text == "Take tram 28."


def test_each_message_of_a_response_may_begin_with_reasoning() -> None:
    def delta(text: str) -> bytes:
        return responses_event({"type": "response.output_text.delta", "delta": text})

    done = responses_event({"type": "response.output_item.done"})
    sent = [delta("<think>a</think>Take "), done, delta("<think>b</think>tram 28."), done]

    assert "".join(stream("responses", [*sent, *events("responses")])[0]) == "Take tram 28."


@both_apis
@pytest.mark.parametrize("size", [1, 2, 5, 7, 11, 1000])
def test_a_key_that_the_server_quotes_is_masked_however_it_is_split(api: str, size: int) -> None:
    text = f"Your key is {FIRST_KEY}, and {FIRST_KEY[:4]} begins it; twice: {FIRST_KEY}{FIRST_KEY}."

    pieces, answer = stream(api, events(api, *cut_up(text, size)))

    assert "".join(pieces) == answer.text == text.replace(FIRST_KEY, "[redacted]")


@both_apis
def test_a_key_that_is_cut_at_the_end_is_masked(api: str) -> None:
    assert FIRST_KEY[4:12] not in "".join(stream(api, events(api, "Your key is ", FIRST_KEY[:20]))[0])


@both_apis
def test_a_key_in_the_reply_of_a_server_that_does_not_stream_is_masked(api: str) -> None:
    pieces, answer = stream(api, whole(api, f"It is {FIRST_KEY}."))

    assert (pieces, answer.text) == (["It is [redacted]."], "It is [redacted].")


@pytest.mark.parametrize(("api", "kind"), [("responses", UpstreamApiUnsupported), ("chat", UpstreamFailed)])
def test_an_error_with_status_200_in_the_place_of_a_stream(api: str, kind: type[Exception]) -> None:
    # lmstudio-bug-tracker issue 618.
    error = {"error": "Unexpected endpoint or method. (POST /responses)" if api == "responses" else "No."}
    upstream, _ = client(api, httpx2.Response(200, json=error), OPENAI_BASE_URL="http://localhost:1234")

    with pytest.raises(kind, match="answered 200 with an error"):
        next(upstream.stream(PROMPT, FIRST, soon(), StreamControl()))


OVERLOADED = {"code": "server_is_overloaded", "message": "Overloaded.", "type": "service_unavailable_error"}
NO_QUOTA = {"code": "insufficient_quota", "message": "You exceeded your current quota.", "type": "x"}
LIMITED = {"code": "rate_limit_exceeded", "message": "Slow down.", "type": "too_many_requests"}
INVALID = {"code": 400, "message": "No images.", "type": "BadRequestError"}


@both_apis
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OVERLOADED, UpstreamFailed),
        (NO_QUOTA, QuotaExhausted),
        (LIMITED, UpstreamRateLimited),
        (INVALID, UpstreamFailed),
        ({"code": "401", "message": "No."}, KeyRefused),
    ],
)
def test_an_error_before_the_first_text_is_as_one_in_the_place_of_the_stream(
    api: str, error: dict[str, Any], kind: type[TravelGPTError]
) -> None:
    upstream, server = client(api, lambda _: reply([error_event(api, **error)]), OPENAI_MAX_RETRIES="2")

    with pytest.raises(kind) as raised:
        next(upstream.stream(PROMPT, FIRST, soon(28), StreamControl()))

    assert (type(raised.value), len(server.requests)) == (kind, 1), "what began may be charged"
    assert raised.value.__cause__ is raised.value.__context__ is None


@both_apis
def test_a_stream_that_is_refused_is_tried_again(api: str) -> None:
    refused = httpx2.Response(503, json=bodies.error("Later."))
    upstream, server = client(api, refused, reply(events(api, "Take tram 28.")))

    assert next(upstream.stream(PROMPT, FIRST, soon(28), StreamControl())) == "Take tram 28."
    assert len(server.requests) == 2


@both_apis
@pytest.mark.parametrize("failing", ["cut", "ended", "error"])
def test_a_stream_that_fails_before_its_first_text_is_not_tried_again(api: str, failing: str) -> None:
    first = events(api, "", " \n", "<think>hm")[:3]
    failure = {"cut": cut(first), "ended": first, "error": [*first, error_event(api, **OVERLOADED)]}[failing]
    upstream, server = client(api, reply(failure), reply(events(api, "Take tram 28.")))

    with pytest.raises(UpstreamFailed):
        next(upstream.stream(PROMPT, FIRST, soon(28), StreamControl()))

    assert len(server.requests) == 1, "what began may be charged"


@both_apis
@pytest.mark.parametrize(
    ("failing", "kind"),
    [
        ("cut", UpstreamFailed),
        ("ended", UpstreamFailed),
        ("overloaded", UpstreamFailed),
        ("quota", QuotaExhausted),
    ],
)
def test_a_stream_that_fails_after_its_first_text_is_not_tried_again(
    api: str, failing: str, kind: type[TravelGPTError]
) -> None:
    first = events(api, "Take ", "tram 28.")[:2]
    failure = {
        "cut": cut(first),
        "ended": first,
        "overloaded": [*first, error_event(api, **OVERLOADED)],
        "quota": [*first, error_event(api, **NO_QUOTA)],
    }[failing]
    upstream, server = client(api, reply(failure))
    parts: list[object] = []

    with pytest.raises(kind) as raised:
        parts.extend(upstream.stream(PROMPT, FIRST, soon(28), StreamControl()))

    assert (parts, len(server.requests)) == (["Take ", "tram 28."], 1)
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_failed_response_has_the_meaning_of_its_error() -> None:
    failed = {"type": "response.failed", "response": {"status": "failed", "error": NO_QUOTA}}

    with pytest.raises(QuotaExhausted, match="status failed"):
        stream("responses", [responses_event(failed)])


def test_a_failed_response_without_an_error_has_it_in_the_next_event() -> None:
    # azure-openai/POST /v1/responses stream/stream-failed-then-error-rate-limit.
    failed = {"type": "response.failed", "response": {"status": "failed", "error": None}}

    with pytest.raises(UpstreamRateLimited):
        stream("responses", [responses_event(failed), error_event("responses", **LIMITED)])


def test_an_answer_is_complete_with_its_last_event() -> None:
    assert stream("responses", cut(events("responses", "Take tram 28.")))[1].text == "Take tram 28."


@pytest.mark.parametrize(
    ("api", "final"),
    [("responses", {"status": "incomplete", "reason": "max_output_tokens"}), ("chat", {"finish": "length"})],
)
def test_an_answer_that_the_cap_cut_says_so(api: str, final: dict[str, str]) -> None:
    assert stream(api, events(api, "Day 1:", **final))[1].truncated

    with pytest.raises(UpstreamFailed, match="raise OPENAI_MAX_OUTPUT_TOKENS"):
        stream(api, events(api, "<think>Day 1:", **final))


@pytest.mark.parametrize(
    ("api", "sent"),
    [
        ("responses", events("responses", refusal="I can't help with that.")),
        ("chat", [chat_event({"choices": [{"delta": {"refusal": "I can't"}}]}), *events("chat")]),
        ("chat", events("chat", finish="content_filter")),
    ],
)
def test_a_refusal_of_the_model_refuses_the_query(api: str, sent: list[bytes]) -> None:
    with pytest.raises(ContentRefused):
        stream(api, sent)


@both_apis
def test_no_time_means_that_nothing_is_sent(api: str) -> None:
    upstream, server = client(api, reply(events(api, "Yes.")))

    with pytest.raises(UpstreamTimeout):
        next(upstream.stream(PROMPT, FIRST, Deadline(0), StreamControl()))

    assert server.requests == []


NAMES = ["type", "delta", "response", "error", "choices", "content", "finish_reason", "usage"]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "error", "response.completed"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@both_apis
@given(sent=st.lists(ODD, max_size=3))
def test_any_events_end_in_an_answer_or_an_error_of_the_contract(api: str, sent: list[object]) -> None:
    read: dict[str, Any] = {}
    try:
        texts = [*MODEL_APIS[api].read_events(sent, read, ServerCapabilities(at_openai=False))]
        answer = MODEL_APIS[api].read(read, "gpt-6-luna", "".join(texts) or None)
    except (TravelGPTError, ConnectionError):
        return
    assert answer.text


class TestFurtherCalls:
    """Controls of several calls for one reader."""

    def test_the_last_event_is_the_latest_of_all_calls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = iter([3.0, 4.0, 5.0, 7.0, 6.0])
        monkeypatch.setattr(streaming, "time", SimpleNamespace(monotonic=lambda: next(times)))
        control = StreamControl()
        first, second = control.another(), control.another()

        seen = [control.last_event]
        for watched in (first, second, control):
            assert list(watched.watch(["event"])) == ["event"]
            seen.append(control.last_event)

        assert seen == [4, 5, 7, 7], "the beginning of a further call counts"
        assert (first.last_event, second.last_event) == (5, 7)

    def test_one_of_them_can_be_ended_alone(self) -> None:
        control = StreamControl()
        first, second = control.another(), control.another()

        first.end()

        control.require_open()
        second.require_open()
        with pytest.raises(UpstreamFailed, match="ended"):
            first.require_open()

    def test_all_but_the_first_can_be_ended(self) -> None:
        control = StreamControl()
        ended: list[int] = []

        def another(number: int) -> StreamControl:
            made = control.another()
            connection = SimpleNamespace(end=lambda: ended.append(number))
            made.attach(cast("EndableConnection", connection))
            return made

        assert not control.end_further(), "there is none"
        another(1).detach()
        assert not control.end_further(), "it is over"
        opens = [control.open]
        another(2)
        assert [*opens, control.open] == [False, True]

        assert control.end_further()

        assert ended == [2]
        assert not control.ended
        assert not control.end_further(), "it was ended"

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_they_all_end_with_the_first(self, when: str) -> None:
        control, connections = StreamControl(), [SimpleNamespace(ended=0) for _ in range(2)]
        if when == "before":
            control.end()
        other = control.another()
        further = other.another()
        for each, connection in zip((other, further), connections, strict=True):
            connection.end = lambda connection=connection: setattr(connection, "ended", 1)
            each.attach(cast("EndableConnection", connection))

        control.end()

        assert [connection.ended for connection in connections] == [1, 1]
        for each in (other, further):
            with pytest.raises(UpstreamFailed, match="ended"):
                each.require_open()

    def test_calls_that_begin_in_many_threads_while_the_first_ends_all_end(self) -> None:
        for _ in range(50):
            control, together = StreamControl(), Barrier(9)

            def begin(control: StreamControl = control, together: Barrier = together) -> StreamControl:
                together.wait(10)
                return control.another()

            with ThreadPoolExecutor(8) as pool:
                begun = [pool.submit(begin) for _ in range(8)]
                together.wait(10)
                control.end()
            for each in begun:
                with pytest.raises(UpstreamFailed, match="ended"):
                    each.result().require_open()

    @both_apis
    def test_they_are_read_at_the_same_time(self, api: str) -> None:
        # Each call waits for the other, so that neither would be answered alone.
        together = Barrier(2)

        def serve(_: httpx2.Request) -> httpx2.Response:
            together.wait(10)
            return reply(events(api, "Take", " tram 28."))

        upstream = model_client(serve, OPENAI_API=api)
        control = StreamControl()

        def read(each: StreamControl) -> list[str | Answer]:
            return list(upstream.stream(PROMPT, FIRST, soon(), each))

        with ThreadPoolExecutor(2) as pool:
            read_parts = list(pool.map(read, [control.another(), control.another()]))

        assert [parts[:-1] for parts in read_parts] == [["Take", " tram 28."]] * 2
        assert control.last_event is not None
