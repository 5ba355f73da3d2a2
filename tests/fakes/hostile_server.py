"""A listener of somebody else's: it keeps every byte that it is sent, and answers so that more is sent."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Final

from tests.fakes.loopback_server import Answer, LoopbackServer

# The shape of API_GetCallerIdentity's answer (AWS STS API Reference), which the command asks for first.
_CALLER: Final = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::999999999999:user/them</Arn><UserId>AIDA</UserId><Account>999999999999</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
# As Secrets Manager's API Reference has DescribeSecret's ResourceNotFoundException: a put then creates it.
_NOT_FOUND: Final = {"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find it."}


class HostileListener(LoopbackServer):
    """A listener on loopback, as an attacker who controls the named host would have it."""

    def __init__(self) -> None:
        super().__init__()
        self._received: list[str] = []

    @property
    def received(self) -> str:
        """Everything that it was sent."""
        return "\n".join(self._received)

    def forget(self) -> None:
        """Forget what it was sent."""
        self._received.clear()

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Keep a request, and answer so that a client goes on."""
        text = body.decode(errors="replace")
        self._received.append(f"{request.requestline}\n{request.headers}\n{text}")
        if "GetCallerIdentity" in text:
            return 200, {}, _CALLER.encode()
        if request.headers.get("X-Amz-Target", "").endswith("DescribeSecret"):
            return 400, {}, json.dumps(_NOT_FOUND).encode()
        return 200, {}, json.dumps({"data": [], "object": "list"}).encode()
