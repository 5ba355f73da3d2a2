"""moto behind a port of loopback, so that a process of its own can be shown an AWS account.

moto's own server needs packages that the tests of what ships do without.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.core.models import botocore_stubber

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_ACTION = re.compile(r"(?:^|&)Action=(\w+)")


class LoopbackAws:
    """An account. Every caller is its owner.

    Attributes:
        asked: what was asked so far, as ``secretsmanager:GetSecretValue``.
        refusals: the error code to answer with, by action, such as ``secretsmanager:PutSecretValue``.
        meanwhile: what to do just before an action is answered, by action.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refusals: dict[str, str] = {}
        self.meanwhile: dict[str, Callable[[], None]] = {}
        self._mock = mock_aws()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def endpoint(self) -> str:
        """What goes into AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> LoopbackAws:
        self._mock.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._mock.stop()

    def client(self, service: str) -> Any:
        """A client of the account, past the port."""
        return boto3.client(service)  # type: ignore[call-overload]

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer one request."""
        scope = _SCOPE.search(headers.get("Authorization", ""))
        if scope is None:
            return 403, {}, b'{"__type": "MissingAuthenticationToken"}'
        region, service = scope[1], scope[2]
        target = headers.get("X-Amz-Target", "").rpartition(".")[2]
        form = _ACTION.search(body.decode(errors="replace"))
        action = f"{service}:{target or (form[1] if form else '')}"
        self.asked.append(action)
        if meanwhile := self.meanwhile.pop(action, None):
            meanwhile()
        if code := self.refusals.get(action):
            return _refusal(code, as_json=bool(target))
        request = AWSPreparedRequest(
            method=method,
            url=f"https://{service}.{region}.amazonaws.com{path}",
            headers=HTTPHeaders.from_pairs(headers.items()),
            body=body,
            stream_output=False,
        )
        answer = botocore_stubber.process_request(request)
        assert answer is not None, f"moto does not know {action}"
        status, answered, content = answer
        raw = content.encode() if isinstance(content, str) else content
        return status, {str(name): str(value) for name, value in answered.items()}, raw


def _refusal(code: str, *, as_json: bool) -> tuple[int, dict[str, str], bytes]:
    if as_json:
        # Secrets Manager's spelling (recorded: secretsmanager/RotateSecret/no-client-request-token-raw).
        document = json.dumps({"__type": code, "Message": "Scripted."})
    else:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>Scripted.</Message></Error>"
        document = f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
    return 400, {}, document.encode()


def _handler(account: LoopbackAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, content = account.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
