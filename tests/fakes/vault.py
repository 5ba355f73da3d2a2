"""Vault as its HTTP API is documented, on loopback: the KV engine, version 2, tokens and the AWS login.

No real server could be had for these tests: this one is written after the API's documentation
(https://developer.hashicorp.com/vault/api-docs, secret/kv/kv-v2 and auth/aws) and after how OpenBao answers.
"""

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes.loopback_server import Answer, LoopbackServer

NO_ROUTE = 'no handler for route "{}". route entry not found.'


@dataclass(frozen=True)
class Call:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    document: dict[str, Any]

    @property
    def token(self) -> str:
        """What it was authorised with."""
        return self.headers.get("x-vault-token", "")


@dataclass(frozen=True)
class Fault:
    """What comes instead of an answer; ``{token}`` in the body is the token that was sent."""

    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    """Take the request and say nothing."""


DROPPED = Fault()
HANGS = Fault(hangs=True)


def fault(status: int, *errors: str) -> Fault:
    """Return a failure in Vault's own shape."""
    return Fault(status, json.dumps({"errors": errors}))


@dataclass
class Version:
    """One version of the secret."""

    data: dict[str, Any]
    created: str
    deleted: str = ""
    destroyed: bool = False


@dataclass
class Login:
    """Who may log in: an AWS caller, and for how long."""

    access_key: str
    secret_key: str
    role: str = ""
    seconds: int = 3600
    server_id: str = ""


class Vault(LoopbackServer):
    """The server. Its secret engine is at ``secret``, its secret at ``travel-gpt/openai-api-key``.

    Args:
        tls: its certificate; plain HTTP without it.
        mount: where the engine is.
        path: where the secret is.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        mount: str = "secret",
        path: str = "travel-gpt/openai-api-key",
    ) -> None:
        self.mount, self.path = mount, path
        self.namespace = ""
        self.versions: list[Version] = []
        self.tokens = {"hvs.root"}
        self.login: Login | None = None
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        super().__init__(tls, "HTTP/1.1")

    def put(self, created: str = "2026-11-20T10:11:12.123456789Z", **data: Any) -> None:
        """Write a version, as ``vault kv put`` does."""
        self.versions.append(Version(data, created))

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer | None:
        """Record a request and answer it, or fail as scripted."""
        parts = urllib.parse.urlsplit(request.path)
        call = Call(
            request.command,
            parts.path,
            dict(urllib.parse.parse_qsl(parts.query)),
            {name.lower(): value for name, value in request.headers.items()},
            json.loads(body or "{}"),
        )
        self.calls.append(call)
        headers = {"Content-Type": "application/json"}
        if not self.faults:
            status, document = self.answer(call)
            return status, headers, json.dumps(document).encode()
        # The last one stays.
        fault = self.faults.pop(0) if len(self.faults) > 1 else self.faults[0]
        if fault.hangs:
            self.stopping.wait(10)
        if not fault.status:
            request.close_connection = True
            return None
        return fault.status, {**headers, **fault.headers}, fault.body.replace("{token}", call.token).encode()

    def answer(self, call: Call) -> tuple[int, dict[str, Any]]:
        """Do what was asked."""
        if call.headers.get("x-vault-namespace", "") != self.namespace:
            return 404, {"errors": [NO_ROUTE.format(call.path)]}
        if call.path == "/v1/auth/aws/login" and call.method == "POST":
            return self._log_in(call.document)
        if not call.token:
            return 400, {"errors": ["missing client token"]}
        if call.token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if call.method != "GET" or not call.path.startswith(f"/v1/{self.mount}/data/"):
            return 404, {"errors": [NO_ROUTE.format(call.path.removeprefix("/v1/"))]}
        return self._read(call)

    def _read(self, call: Call) -> tuple[int, dict[str, Any]]:
        number = int(call.query.get("version", "0")) or len(self.versions)
        if call.path != f"/v1/{self.mount}/data/{self.path}" or not 1 <= number <= len(self.versions):
            return 404, {"errors": []}
        version = self.versions[number - 1]
        gone = bool(version.deleted) or version.destroyed
        metadata = {
            "created_time": version.created,
            "custom_metadata": None,
            "deletion_time": version.deleted,
            "destroyed": version.destroyed,
            "version": number,
        }
        document = {"data": None if gone else version.data, "metadata": metadata}
        return (404 if gone else 200), {
            "request_id": "r",
            "lease_duration": 0,
            "data": document,
            "auth": None,
        }

    def _log_in(self, login_request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        login = self.login
        if login is None:
            return 403, {"errors": ["permission denied"]}
        if login_request.get("role", "") != login.role:
            return 400, {"errors": [f"entry for role {login_request.get('role')!r} not found"]}
        if (wrong := _wrong_in(login_request, login)) is not None:
            return 400, {"errors": [wrong]}
        token = f"hvs.{secrets.token_urlsafe(24)}"
        self.tokens.add(token)
        auth = {"client_token": token, "lease_duration": login.seconds, "renewable": True}
        return 200, {"request_id": "r", "data": None, "auth": auth}


def _wrong_in(login_request: dict[str, Any], login: Login) -> str | None:
    """Check the signature as AWS does (Signature Version 4), and the header that binds it to this server."""
    url = base64.b64decode(login_request["iam_request_url"]).decode()
    body = base64.b64decode(login_request["iam_request_body"]).decode()
    listed = json.loads(base64.b64decode(login_request["iam_request_headers"]))
    headers = {name.lower(): values[0] for name, values in listed.items()}
    if (login_request["iam_http_request_method"], url) != ("POST", "https://sts.amazonaws.com/"):
        return "the request is for another endpoint than this server's"
    if body != "Action=GetCallerIdentity&Version=2011-06-15":
        return "body of iam_request is not GetCallerIdentity"
    headers["host"] = "sts.amazonaws.com"
    given = dict(part.split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(", "))
    signed = given["SignedHeaders"].split(";")
    if login.server_id and (
        "x-vault-aws-iam-server-id" not in signed or headers["x-vault-aws-iam-server-id"] != login.server_id
    ):
        return "error validating X-Vault-AWS-IAM-Server-ID header"
    access_key, scope = given["Credential"].split("/", 1)
    head = [f"{name}:{headers[name]}" for name in signed]
    digest = hashlib.sha256(body.encode()).hexdigest()
    canonical = "\n".join(["POST", "/", "", *head, "", ";".join(signed), digest])
    moment = headers["x-amz-date"]
    age = datetime.now(UTC) - datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{login.secret_key}".encode()
    for part in [*scope.split("/"), text]:
        key = hmac.digest(key, part.encode(), "sha256")
    if access_key != login.access_key or key.hex() != given["Signature"] or abs(age.total_seconds()) > 300:
        return "error making upstream request: received error code 403 from STS: SignatureDoesNotMatch"
    return None if scope.split("/")[1:] == ["us-east-1", "sts", "aws4_request"] else "wrong scope"
