"""Secrets Manager and OpenAI in one small server, for what has no other package to stand on.

The scripted upstream and moto emulate much more; this one gives one valid answer to each call.
"""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ADVICE = "Start at the Forum."
SECRET = {
    "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:travel-gpt/openai-api-key-AbC123",
    "CreatedDate": 1795176000.0,
    "Name": "travel-gpt/openai-api-key",
    "SecretString": '{"api_key": "not-a-key"}',
    "VersionId": "6f5c2a4e-0000-4000-8000-000000000000",
    "VersionStages": ["AWSCURRENT"],
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-6-luna",
    "status": "completed",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": ADVICE, "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-6-luna",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ADVICE}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "POST /": SECRET,
    "GET /v1/models": {"object": "list", "data": []},
    "POST /v1/responses": RESPONSE,
    "POST /v1/chat/completions": COMPLETION,
}


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = ANSWERS.get(f"{self.command} {self.path}")
        body = json.dumps(found or {}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def fake_services() -> Iterator[str]:
    """Serve both on a free port of loopback.

    Yields:
        The URL, for AWS_ENDPOINT_URL; OpenAI is at ``/v1`` below it.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
