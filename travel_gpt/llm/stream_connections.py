"""The connections of streams, each of which another thread can end at any moment."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import httpx2

from travel_gpt.credentials.secret import Credential
from travel_gpt.llm.client import Connection, NewHttp

if TYPE_CHECKING:
    from travel_gpt.llm.streaming import StreamControl

_CONNECTED: Final = ("connect_tcp.complete", "start_tls.complete")


class EndableConnection(Connection):
    """A connection for one call at a time, which another thread can end at any moment of the call.

    A pool of the SDK would do for a response that has begun. Until then nothing says which of the pool's
    sockets a call waits for; here there is one.

    Args:
        new_http: as for ``Connection``.
    """

    def __init__(self, new_http: NewHttp) -> None:
        super().__init__(new_http)
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._ended = False

    def end(self) -> None:
        """End the call: the thread that waits for it waits no longer. The connection cannot be used again."""
        with self._lock:
            self._ended = True
            self._shut_down()

    def _prepare(self, request: httpx2.Request) -> None:
        request.extensions = {**request.extensions, "trace": self._note}

    def _note(self, event: str, about: Mapping[str, Any]) -> None:
        # Source: HTTPX2's documentation, "Extensions", trace.
        if not event.endswith(_CONNECTED):
            return
        with self._lock:
            self._socket = about["return_value"].get_extra_info("socket")
            if self._ended:
                self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                # Not SSLSocket.shutdown(): it takes the TLS session away from the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class StreamConnections:
    """The connections of streams: each is lent to one of them at a time.

    Args:
        new_http: as for ``Connection``.
    """

    KEPT: Final = 8
    """Connections that are kept for later streams."""

    def __init__(self, new_http: NewHttp) -> None:
        self._new_http = new_http
        self._lock = Lock()
        self._idle: list[EndableConnection] = []
        self._lent: set[EndableConnection] = set()

    @contextmanager
    def lend(self, credential: Credential, control: "StreamControl") -> Iterator[EndableConnection]:
        """Lend a connection to one stream, and end it unless the stream is read to its end.

        Args:
            credential: what the stream is asked with.
            control: ends it too.
        """
        with self._lock:
            connection = self._idle.pop() if self._idle else EndableConnection(self._new_http)
            if connection.served_another_than(credential):
                connection.close()
                connection = EndableConnection(self._new_http)
            self._lent.add(connection)
        complete = False
        try:
            control.attach(connection)
            yield connection
            complete = True
        finally:
            ended = control.detach()
            with self._lock:
                self._lent.discard(connection)
                if kept := complete and not ended and len(self._idle) < self.KEPT:
                    self._idle.append(connection)
            if not kept:
                connection.end()
                connection.close()

    def close(self) -> None:
        """Close all connections; streams that are under way fail."""
        with self._lock:
            idle, self._idle = self._idle, []
            lent = [*self._lent]
        for connection in lent:
            connection.end()
        for connection in idle:
            connection.close()
