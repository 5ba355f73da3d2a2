"""An HTTP server on a free port of loopback, which the fakes of whole services are."""

import contextlib
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = tuple[int, dict[str, str], bytes]


class LoopbackServer:
    """Serves what ``serve`` returns, one thread a connection, until the context is left.

    Args:
        tls: its certificate; plain HTTP without it.
        protocol: the version of HTTP; a connection is kept open from HTTP/1.1 on.

    Attributes:
        stopping: set once it closes; a ``serve`` that waits has to wait for this too.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, protocol: str = "HTTP/1.0") -> None:
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self, protocol))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer | None:
        """Answer one request with a status, headers and a body, or None where nothing is left to be written.

        ``request.close_connection`` says whether the connection ends then.
        """
        raise NotImplementedError

    def _accept(self) -> None:
        # serve_forever would look two hundred times a second whether it has to stop.
        while not self.stopping.is_set():
            self._server.handle_request()

    def close(self) -> None:
        """Stop listening, end every wait and connection, and wait for their threads."""
        self.stopping.set()
        # The connection that ends the wait for one.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    # Closing waits for the threads of connections only where they are no daemons.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        # The base class says an orderly goodbye first, which would hide a reset.
        self.close_request(request)


def _handler(server: LoopbackServer, protocol: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = protocol
        # Two small writes on a connection that stays open otherwise wait 40 ms for the client's ACK.
        disable_nagle_algorithm = True

        def handle(self) -> None:
            # A client that hung up or does not trust the certificate ends the exchange, and so does closing.
            with contextlib.suppress(OSError):
                super().handle()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = server.serve(self, body)
            if answer is None:
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_CONNECT = do_HEAD = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    return Handler
