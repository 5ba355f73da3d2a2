"""An answer that is read while it arrives, as server-sent events of either API."""

import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import httpx2
import openai

from travel_gpt.errors import UpstreamFailed
from travel_gpt.llm.error_body import is_error
from travel_gpt.llm.model_api import Answer, ModelApi, ModelRequest, Usage
from travel_gpt.llm.refusals import meaning_of_error_in_200
from travel_gpt.redaction import StreamConcealer, conceal

if TYPE_CHECKING:
    from travel_gpt.llm.stream_connections import EndableConnection


class StreamControl:
    """What other threads see and do of an answer that one thread reads.

    Attributes:
        model: the model that is asked.
    """

    def __init__(self) -> None:
        self.model = ""
        self._last_event: float | None = None
        self._lock = Lock()
        self._ended = False
        self._connection: EndableConnection | None = None
        self._others: list[StreamControl] = []

    @property
    def last_event(self) -> float | None:
        """When the last event of the server arrived, by ``time.monotonic()``; None before the first.

        Events of the further calls count too, and their beginnings.
        """
        with self._lock:
            others = [*self._others]
        times = (self._last_event, *(other.last_event for other in others))
        return max((at for at in times if at is not None), default=None)

    def another(self) -> "StreamControl":
        """Return the control of a further call for the same reader, which may be read at the same time.

        It can be ended alone, and ends with this one.
        """
        other = StreamControl()
        with self._lock:
            self._last_event = time.monotonic()
            self._others.append(other)
            ended = self._ended
        if ended:
            other.end()
        return other

    def end(self) -> None:
        """End the call and the further ones, or have them not begin: the threads that read wait no longer."""
        with self._lock:
            self._ended = True
            if self._connection is not None:
                self._connection.end()
            others = [*self._others]
        for other in others:
            other.end()

    def end_further(self) -> bool:
        """End the further calls, so that what they were to answer is left out.

        Returns:
            Whether there was one, which had not been ended.
        """
        with self._lock:
            others = [other for other in self._others if other.open and not other.ended]
            if others:
                # Who reads the rest may take a moment to go on without them.
                self._last_event = time.monotonic()
        for other in others:
            other.end()
        return bool(others)

    @property
    def open(self) -> bool:
        """Whether the call or a further one has a connection."""
        with self._lock:
            others = [*self._others]
        return self._connection is not None or any(other.open for other in others)

    @property
    def ended(self) -> bool:
        """Whether the call was ended."""
        return self._ended

    def attach(self, connection: "EndableConnection") -> None:
        """Note the connection of the call."""
        with self._lock:
            self._connection = connection
            if self._ended:
                connection.end()

    def detach(self) -> bool:
        """Forget the connection, which another call may use from now on.

        Returns:
            Whether it was ended.
        """
        with self._lock:
            self._connection = None
            return self._ended

    def require_open(self) -> None:
        """Raise UpstreamFailed where ``end`` was called."""
        if self._ended:
            raise UpstreamFailed("the stream was ended by its reader")

    def watch(self, events: Iterable[object]) -> Iterator[object]:
        """Yield the events, and note when each arrives."""
        for event in events:
            self.note_event()
            yield event

    def note_event(self) -> None:
        """Note that the server sent something."""
        self._last_event = time.monotonic()


def read_stream(
    events: openai.Stream[object],
    api: ModelApi,
    request: ModelRequest,
    control: StreamControl,
    settle: Callable[[Usage], None],
) -> Generator[str | Answer]:
    """Yield each piece of an answer's text when it arrives, and then the answer.

    Args:
        events: the stream, of which nothing was read.
        api: which of the two APIs it is of.
        request: what was asked.
        control: for other threads.
        settle: gets the usage that the server reported, before the answer or the failure.

    Raises:
        Exception: what the SDK raises, or what the stream's error means.
    """
    beside_text: dict[str, Any] = {}
    reply: object = beside_text
    sent: list[str] = []
    try:
        if events.response.headers.get("content-type", "").startswith("application/json"):
            reply = _read_at_once(events.response)
            control.note_event()
        else:
            pieces = api.read_events(control.watch(events), beside_text, request.capabilities)
            for piece in _concealed(pieces):
                sent.append(piece)
                yield piece
    except Exception:
        if beside_text.get("usage"):
            settle(api.usage(beside_text))
        raise
    finally:
        events.close()
    settle(api.usage(reply))
    answer = api.read(reply, request.model, "".join(sent) or None)
    if not sent:
        answer = replace(answer, text=conceal(answer.text))
        yield answer.text
    yield answer


def _read_at_once(response: httpx2.Response) -> object:
    """Return the reply of a server that does not stream."""
    reply = json.loads(response.read())
    if is_error(reply):
        raise meaning_of_error_in_200(reply, str(response.url))
    return reply


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
