"""The API with its stream on loopback: what API Gateway would send to each of the two functions."""

import json
import time
import uuid
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.conftest import LambdaContext
from tests.fakes.dynamodb import TABLE, MemoryTable
from tests.fakes.loopback_server import Answer, LoopbackServer
from tests.fakes.openai import FakeOpenAI
from travel_gpt.api.streamed import StreamedResponse
from travel_gpt.aws.table import Table
from travel_gpt.bootstrap import build_api, build_stream_api
from travel_gpt.settings import Settings

STAGE = "/Prod"
CLIENT = "c1"


class StreamingServer(LoopbackServer):
    """``Api`` and ``StreamApi`` behind the part of API Gateway that checks the API key.

    Args:
        upstream: the model's server.
        key: the key that it gets; exported as OPENAI_API_KEY by the caller.
        api_key: what a POST needs in ``x-api-key``; empty for nothing.
        streaming: STREAMING, ``on`` or ``off``; ``missing`` for an API without the route.
        settings: further settings.
    """

    def __init__(
        self, upstream: FakeOpenAI, *, key: str, api_key: str = "", streaming: str = "on", **settings: str
    ) -> None:
        self.upstream = upstream
        self.table = MemoryTable()
        self.table.put("key#annskey", client=CLIENT)
        self.table.put(f"client#{CLIENT}", name="ann", per_minute=100)
        variables = {
            "CREDENTIAL_SOURCE": "environment",
            "OPENAI_API_KEY": key,
            "OPENAI_BASE_URL": upstream.base_url,
            "OPENAI_MAX_RETRIES": "0",
            "TABLE_NAME": TABLE,
            "BUDGET_PER_DAY": "1",
            "STREAMING": "off" if streaming == "off" else "on",
            **settings,
        }
        loaded = Settings.load(variables)
        assert loaded.problems == ()
        table = Table(TABLE, send=self.table.send)
        self._api, self._stream_api = (build(loaded, table=table) for build in (build_api, build_stream_api))
        self._api_key, self._has_stream = api_key, streaming != "missing"
        self.seen: list[tuple[str, str, str]] = []
        super().__init__(protocol="HTTP/1.1")
        self.base_url = f"{self.url}{STAGE}/travel-gpt"

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer | None:
        """Answer one request; a stream goes out as it comes, in chunks."""
        path = request.path.partition("?")[0].removeprefix(STAGE)
        sent = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.command, path, sent.get("x-api-key", "")))
        if path != "/travel-gpt" and not (path == "/travel-gpt/stream" and self._has_stream):
            # Recorded at AWS: what API Gateway answers to an unknown path, in the shape of GatewayResponses.
            return self._refused("There is nothing here.", "not_found", 404)
        if request.command == "POST" and self._api_key and sent.get("x-api-key") != self._api_key:
            return self._refused("This API needs an API key in the header x-api-key.", "forbidden", 403)
        event = self._event(request.command, path, sent, body.decode())
        api = self._stream_api if path.endswith("/stream") else self._api
        response = api.answer(event, LambdaContext(100_000))
        if not isinstance(response, StreamedResponse):
            return response["statusCode"], response["headers"], response["body"].encode()
        request.send_response(response.status)
        for name, value in {**response.headers, "Transfer-Encoding": "chunked"}.items():
            request.send_header(name, value)
        request.end_headers()
        with closing(response.chunks) as chunks:
            for piece in chunks:
                request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        request.wfile.write(b"0\r\n\r\n")
        return None

    def close(self) -> None:
        """Stop the server, and close the connections of the function."""
        super().close()
        self._api.close()
        self._stream_api.close()

    @staticmethod
    def _refused(message: str, code: str, status: int) -> Answer:
        body = {"status": "error", "code": code, "message": message, "request_id": "of-the-gateway"}
        return status, {"Content-Type": "application/json"}, json.dumps(body).encode()

    @staticmethod
    def _event(method: str, path: str, headers: dict[str, str], body: str) -> dict[str, Any]:
        return {
            "resource": path,
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": None,
            "body": body or None,
            "isBase64Encoded": False,
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "requestTimeEpoch": int(time.time() * 1000),
                "stage": "Prod",
                "identity": {"apiKeyId": "annskey", "sourceIp": "192.0.2.1"},
            },
        }
