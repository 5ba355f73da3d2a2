"""An HTTP server on a free port of loopback, which the fakes of whole services are."""

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = tuple[int, dict[str, str], bytes]


class LoopbackServer:
    """Serves what ``serve`` returns, until the context is left.

    Args:
        tls: its certificate; plain HTTP without it.
        protocol: the version of HTTP; a connection is kept open from HTTP/1.1 on.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, protocol: str = "HTTP/1.0") -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, protocol))
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer | None:
        """Answer one request with a status, headers and a body, or None to end the connection instead."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _handler(server: LoopbackServer, protocol: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = protocol
        disable_nagle_algorithm = True

        def handle(self) -> None:
            # A client that hung up, or that does not trust the certificate, ends the exchange.
            with contextlib.suppress(OSError):
                super().handle()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = server.serve(self, body)
            if answer is None:
                self.close_connection = True
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
