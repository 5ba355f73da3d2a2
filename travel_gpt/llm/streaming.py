"""An answer that is read while it arrives, as server-sent events of either API."""

import json
import socket
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx2
import openai

from travel_gpt.deadline import Deadline
from travel_gpt.errors import UpstreamFailed
from travel_gpt.llm.error_body import is_error
from travel_gpt.llm.model_api import Answer, ModelApi, ModelRequest
from travel_gpt.llm.refusals import meaning_of_error_in_200
from travel_gpt.redaction import StreamConcealer, conceal


class StreamControl:
    """What other threads see and do of an answer that one thread reads.

    Attributes:
        last_event: when the last event of the server arrived, by ``time.monotonic()``; None before the first.
        model: the model that is asked.
    """

    def __init__(self) -> None:
        self.last_event: float | None = None
        self.model = ""
        self._ended = threading.Event()
        self._response: httpx2.Response | None = None

    def end(self) -> None:
        """End the connection, now or as soon as there is one: the thread that reads waits no longer."""
        self._ended.set()
        if self._response is not None:
            _shut_down(self._response)

    def attach(self, response: httpx2.Response) -> None:
        """Note the connection.

        Args:
            response: of which nothing was read.

        Raises:
            UpstreamFailed: ``end`` was called before.
        """
        self._response = response
        self.require_open()

    def require_open(self) -> None:
        """Raise UpstreamFailed where ``end`` was called."""
        if self._ended.is_set():
            raise UpstreamFailed("the stream was ended by its reader")

    def watch(self, events: Iterable[object]) -> Iterator[object]:
        """Yield the events, and note when each arrives."""
        for event in events:
            self.last_event = time.monotonic()
            yield event


def read_stream(
    events: openai.Stream[object],
    api: ModelApi,
    request: ModelRequest,
    deadline: Deadline,
    control: StreamControl,
) -> Generator[str | Answer]:
    """Yield each piece of an answer's text when it arrives, and then the answer.

    Closing the generator closes the connection.

    Args:
        events: the stream, of which nothing was read.
        api: which of the two APIs it is of.
        request: what was asked.
        deadline: when the answer must be here.
        control: for other threads.

    Raises:
        TimeoutError: the time is up.
        Exception: what the SDK raises, or what the stream's error means.
    """
    # The timeout of a socket bounds the gap between two bytes, so a server that sends one now and then could
    # make the stream last for ever.
    watchdog = threading.Timer(deadline.left(), _shut_down, [events.response])
    watchdog.daemon = True
    watchdog.start()
    try:
        control.attach(events.response)
        yield from _read(events, api, request, control)
    except Exception:
        if deadline.left():
            raise
        raise TimeoutError("the time is up") from None
    finally:
        watchdog.cancel()
        events.close()


def _read(
    events: openai.Stream[object], api: ModelApi, request: ModelRequest, control: StreamControl
) -> Iterator[str | Answer]:
    reply: dict[str, Any] = {}
    sent: list[str] = []
    if events.response.headers.get("content-type", "").startswith("application/json"):
        # A server that does not stream.
        reply = json.loads(events.response.read())
        if is_error(reply):
            raise meaning_of_error_in_200(reply, str(events.response.url))
    else:
        for piece in _concealed(api.read_events(control.watch(events), reply, request.capabilities)):
            sent.append(piece)
            yield piece
    answer = api.read(reply, request.model, "".join(sent) or None)
    if not sent:
        answer = replace(answer, text=conceal(answer.text))
        yield answer.text
    yield answer


def _concealed(texts: Iterator[str]) -> Iterator[str]:
    """Yield what may be sent of a text in pieces, from its first character on that is not white space."""
    concealer, begun = StreamConcealer(), False
    for text in _whole_characters(texts):
        if piece := concealer.feed(text if begun else text.lstrip()):
            begun = True
            yield piece
    if piece := concealer.end():
        yield piece


def _whole_characters(texts: Iterator[str]) -> Iterator[str]:
    """Yield a text in pieces of which none ends inside a character.

    In JSON, a character beyond the first 65,536 may be written as two escapes (RFC 8259, section 7), and a
    server may send each in an event of its own.
    """
    held = ""
    for text in texts:
        text, held = held + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, held = text[:-1], text[-1]
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            # As UTF-16, both halves become the character.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        yield text
    if held:
        yield held


def _shut_down(response: httpx2.Response) -> None:
    """End a connection, so that another thread which waits for its next byte waits no longer."""
    if stream := response.extensions.get("network_stream"):
        with suppress(OSError):
            # Not SSLSocket.shutdown(): it takes the TLS session away from the thread that reads.
            socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)
