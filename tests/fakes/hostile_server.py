"""A listener of somebody else's: it keeps every byte that it is sent, and answers so that more is sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import TracebackType

# The shape of API_GetCallerIdentity's answer (AWS STS API Reference), which the command asks for first.
_CALLER: Final = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::999999999999:user/them</Arn><UserId>AIDA</UserId><Account>999999999999</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
# As Secrets Manager's API Reference has DescribeSecret's ResourceNotFoundException: a put then creates it.
_NOT_FOUND: Final = {"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find it."}


class HostileListener:
    """A listener on loopback, as an attacker who controls the named host would have it."""

    def __init__(self) -> None:
        self._received: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def received(self) -> str:
        """Everything that it was sent."""
        return "\n".join(self._received)

    def forget(self) -> None:
        """Forget what it was sent."""
        self._received.clear()

    def keep(self, text: str) -> None:
        """Keep what it was sent."""
        self._received.append(text)

    def __enter__(self) -> HostileListener:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(listener: HostileListener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
            listener.keep(f"{self.requestline}\n{self.headers}\n{body}")
            target = self.headers.get("X-Amz-Target", "")
            if "GetCallerIdentity" in body:
                status, text = 200, _CALLER
            elif target.endswith("DescribeSecret"):
                status, text = 400, json.dumps(_NOT_FOUND)
            else:
                status, text = 200, json.dumps({"data": [], "object": "list"})
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_CONNECT = do_HEAD = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    return Handler
