"""A server that sends what a test says, in the pieces that it says, to a client of the API."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes.loopback_server import Answer, LoopbackServer
from travel_gpt.api import sse

BODY = {
    "status": "success",
    "answer": "Take tram 28.",
    "model": "gpt-6-luna",
    "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "cost_usd": 0.0004},
    "budget": {
        "whose": "client",
        "period": "month",
        "limit_usd": 2.0,
        "left_usd": 1.98,
        "renews_at": 1798761600,
    },
    "warnings": ["80 % of the budget is used."],
    "truncated": False,
    "request_id": "r-1",
    "timestamp": 1795184890,
}
# Two separators of Unicode that Python's splitlines takes for line ends, an emoji of four bytes, and quotes.
TEXT = 'Graça 🚋 "28"\u2028\\n\x85 up\nand down'
USAGE = {"usage": BODY["usage"], "budget": BODY["budget"], "warnings": BODY["warnings"]}
EVENTS = [
    sse.event("start", {"request_id": "r-1", "model": "gpt-6-luna"}),
    sse.HEARTBEAT,
    sse.event("delta", {"text": TEXT[:8]}),
    sse.HEARTBEAT,
    sse.event("delta", {"text": TEXT[8:]}),
    sse.event("usage", USAGE),
    sse.event("done", {"truncated": False}),
]
Step = bytes | float | Callable[[], None]
COMMENTS: list[Step] = [sse.HEARTBEAT, 0.02] * 500


class ScriptedApi(LoopbackServer):
    """Sends scripted answers, one for each request; the last one for all that follow.

    Attributes:
        seen: the method, path, headers and body of each request.
        gone: set when a client hung up while a stream was sent.
    """

    def __init__(self) -> None:
        super().__init__(protocol="HTTP/1.1")
        self.script: list[Answer | list[Step]] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.gone = threading.Event()
        self.base_url = f"{self.url}/Prod/travel-gpt"

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer | None:
        """Send the next answer: a whole one, or the pieces of a stream and the pauses between them."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.command, request.path, headers, body))
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, tuple):
            return answer
        request.close_connection = True
        try:
            for step in answer:
                if isinstance(step, bytes):
                    request.wfile.write(step)
                    request.wfile.flush()
                elif isinstance(step, float):
                    self.stopping.wait(step)
                else:
                    step()
        except OSError:
            self.gone.set()
            raise
        return None

    def json(self, status: int, body: object, **headers: str) -> None:
        """Add an answer in JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.script.append((status, {"Content-Type": "application/json", **named}, json.dumps(body).encode()))

    def stream(self, *steps: Step) -> None:
        """Add a stream: its head, and its pieces in chunks of HTTP."""
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-amzn-RequestId: r-1\r\n"
        head += f"Content-Type: {sse.HEADERS['Content-Type']}\r\n\r\n".encode()
        pieces = [b"%x\r\n%s\r\n" % (len(step), step) if isinstance(step, bytes) else step for step in steps]
        self.script.append([head, *pieces])

    def whole_stream(self, *events: bytes) -> None:
        self.stream(*(events or EVENTS), b"")


def failure(code: str, **more: Any) -> dict[str, Any]:
    return {"status": "error", "code": code, "message": f"About {code}.", "request_id": "r-9", **more}
