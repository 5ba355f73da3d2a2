"""moto behind a port of loopback, so that a process of its own can be shown an AWS account.

moto's own server needs packages that the tests of what ships do without.
"""

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.core.models import botocore_stubber

from tests.fakes.loopback_server import Answer, LoopbackServer

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_OF_THE_SERVER = {"content-length", "date", "server"}
_ACTION = re.compile(r"(?:^|&)Action=(\w+)")


class LoopbackAws(LoopbackServer):
    """An account. Every caller is its owner.

    Attributes:
        asked: what was asked so far, as ``secretsmanager:GetSecretValue``.
        refusals: the error code to answer with, by action, such as ``secretsmanager:PutSecretValue``.
        meanwhile: what to do just before an action is answered, by action.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.refusals: dict[str, str] = {}
        self.meanwhile: dict[str, Any] = {}
        self._mock = mock_aws()

    def __enter__(self) -> Self:
        self._mock.start()
        return super().__enter__()

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)
        self._mock.stop()

    def client(self, service: str) -> Any:
        """A client of the account, past the port."""
        return boto3.client(service)  # type: ignore[call-overload]

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Answer one request as moto does."""
        headers = request.headers
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
        prepared = AWSPreparedRequest(
            method=request.command,
            url=f"https://{service}.{region}.amazonaws.com{request.path}",
            headers=HTTPHeaders.from_pairs(headers.items()),
            body=body,
            stream_output=False,
        )
        answer = botocore_stubber.process_request(prepared)
        assert answer is not None, f"moto does not know {action}"
        status, answered, content = answer
        raw = content.encode() if isinstance(content, str) else content
        kept = {name: str(value) for name, value in answered.items() if name.lower() not in _OF_THE_SERVER}
        return status, kept, raw


def _refusal(code: str, *, as_json: bool) -> Answer:
    if as_json:
        # Secrets Manager's spelling (recorded: secretsmanager/RotateSecret/no-client-request-token-raw).
        document = json.dumps({"__type": code, "Message": "Scripted."})
    else:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>Scripted.</Message></Error>"
        document = f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
    return 400, {}, document.encode()
