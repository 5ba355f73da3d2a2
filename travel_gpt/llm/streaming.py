"""An answer that is read while it arrives, as server-sent events of either API."""

import json
import socket
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from threading import Timer
from typing import Any

import httpx2
import openai

from travel_gpt.deadline import Deadline
from travel_gpt.llm.error_body import is_error
from travel_gpt.llm.model_api import Answer, ModelApi, ModelRequest
from travel_gpt.llm.refusals import meaning_of_error_in_200
from travel_gpt.redaction import StreamConcealer, conceal


def read_stream(
    events: openai.Stream[object], api: ModelApi, request: ModelRequest, deadline: Deadline
) -> Generator[str | Answer]:
    """Yield each piece of an answer's text when it arrives, and then the answer.

    Closing the generator closes the connection.

    Args:
        events: the stream, of which nothing was read.
        api: which of the two APIs it is of.
        request: what was asked.
        deadline: when the answer must be here.

    Raises:
        TimeoutError: the time is up.
        Exception: what the SDK raises, or what the stream's error means.
    """
    # The timeout of a socket bounds the gap between two bytes, so a server that sends one now and then could
    # make the stream last for ever.
    watchdog = Timer(deadline.left(), _shut_down, [events.response])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield from _read(events, api, request)
    except Exception:
        if deadline.left():
            raise
        raise TimeoutError("the time is up") from None
    finally:
        watchdog.cancel()
        events.close()


def _read(events: openai.Stream[object], api: ModelApi, request: ModelRequest) -> Iterator[str | Answer]:
    reply: dict[str, Any] = {}
    sent: list[str] = []
    if events.response.headers.get("content-type", "").startswith("application/json"):
        # A server that does not stream.
        reply = json.loads(events.response.read())
        if is_error(reply):
            raise meaning_of_error_in_200(reply, str(events.response.url))
    else:
        for piece in _concealed(api.read_events(events, reply, request.capabilities)):
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
    for text in texts:
        if piece := concealer.feed(text if begun else text.lstrip()):
            begun = True
            yield piece
    if piece := concealer.end():
        yield piece


def _shut_down(response: httpx2.Response) -> None:
    """End a connection, so that another thread which waits for its next byte waits no longer."""
    if stream := response.extensions.get("network_stream"):
        with suppress(OSError):
            # Not SSLSocket.shutdown(): it takes the TLS session away from the thread that reads.
            socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)
