"""An answer while it is written."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, Final, Self

import httpx2

from travel_gpt.client.answers import Answer, read_answer
from travel_gpt.client.errors import ConnectionFailed, host_of, refusal, timed_out, unexpected
from travel_gpt.client.events import EventReader
from travel_gpt.client.fields import json_object, text, whole
from travel_gpt.client.transport import translated
from travel_gpt.errors import HTTP_STATUS

STOP_TIMEOUT: Final = 35.0
"""Seconds for the answer to a stop. API Gateway ends a request after 29."""
_STATUS_OF_CODE: Final = {kind.code: status for kind, status in HTTP_STATUS.items()}


class Stream(Iterator[str]):
    """An answer while it is written: an iterator over the pieces of its text.

    The text of a trip comes in one piece, once the trip is complete; ``events`` has its days before.

    ``TravelGPT.stream`` makes it. It belongs to the thread that reads it; another one can stop it with
    ``TravelGPT.stop`` and its request id.

    Attributes:
        request_id: the id of the request.
        model: the model; empty before the first piece.
    """

    def __init__(
        self, response: httpx2.Response, url: str, until: float, stop: Callable[[str, float], None]
    ) -> None:
        # The event ``start`` has it too, which may come seconds later.
        self.request_id = response.headers.get("x-amzn-requestid", "")
        self.model = ""
        self._response = response
        self._url = url
        self._stop = stop
        self._text: list[str] = []
        self._body: dict[str, Any] = {}
        self._complete = False
        self._taken = self._read(until)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> str:
        for name, data in self._taken:
            if piece := _text_of(name, data):
                return piece
        raise StopIteration

    def events(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the name and the data of each event, for a program that passes them on or measures them.

        Raises:
            ApiError: the stream failed: ``error`` is raised, and not yielded.
        """
        yield from self._taken

    def close(self) -> None:
        """Close the connection. A deployed API goes on writing the answer, unless it is stopped before."""
        self._taken.close()
        self._response.close()

    def stop(self, *, timeout: float = STOP_TIMEOUT) -> None:
        """Have the API stop writing, so that it spends no more, and close the connection.

        Args:
            timeout: seconds for the answer of the API.

        Raises:
            ApiError: the API cannot stop it; the connection is closed nevertheless.
        """
        self.close()
        if self.request_id and not self._complete:
            self._stop(self.request_id, timeout)

    def answer(self) -> Answer:
        """Read the rest, and return the whole answer.

        Raises:
            ApiError: the stream failed, or was closed before its end.
        """
        for _ in self:
            pass
        if not self._complete:
            raise ConnectionFailed(
                "The stream was closed before its end.",
                code="connection_failed",
                status=200,
                request_id=self.request_id,
            )
        body = {"status": "success", "answer": "".join(self._text), "model": self.model, **self._body}
        return read_answer({**body, "request_id": self.request_id}, self._url)

    def _read(self, until: float) -> Generator[tuple[str, Mapping[str, Any]]]:
        host = host_of(self._url)
        with closing(self._response), translated(host, lambda: self.request_id):
            for name, data in self._events(until):
                self._take(name, data)
                yield name, data
                if self._complete:
                    return
        raise ConnectionFailed(
            "The stream ended before the answer was complete. Ask again, or ask for less at once.",
            code="connection_failed",
            status=200,
            request_id=self.request_id,
        )

    def _events(self, until: float) -> Iterator[tuple[str, Mapping[str, Any]]]:
        reader = EventReader()
        for chunk in self._response.iter_bytes():
            try:
                events = list(reader.feed(chunk))
            except ValueError:
                raise unexpected(self._url) from None
            for name, data in events:
                if (body := json_object(data)) is None:
                    raise unexpected(self._url)
                yield name, body
            if time.monotonic() > until:
                raise timed_out(host_of(self._url), self.request_id)

    def _take(self, name: str, data: Mapping[str, Any]) -> None:
        """Take one event. Unknown ones are ignored."""
        match name:
            case "start":
                self.request_id, self.model = text(data, "request_id"), text(data, "model")
            case "delta":
                self._text.append(_text_of(name, data))
            case "itinerary":
                self._text = [_text_of(name, data)]
                self._body |= {key: value for key, value in data.items() if key != "answer"}
            case "checks" | "usage":
                self._body |= data
            case "done":
                # A POST does not say when its text was sent.
                self._body |= {key: value for key, value in data.items() if key != "text_milliseconds"}
                self._complete = True
            case "error":
                code = text(data, "code")
                raise refusal(_STATUS_OF_CODE.get(code, 500), code, data, whole(data, "retry_after"))


def _text_of(name: str, data: Mapping[str, Any]) -> str:
    """Return what an event adds to the text of the answer."""
    match name:
        case "delta":
            return text(data, "text")
        case "itinerary":
            return text(data, "answer")
    return ""
