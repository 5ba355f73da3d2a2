"""The model's server, Secrets Manager and DynamoDB on loopback, answering as fast as Python can.

    python -m benchmarks.loopback

It prints its URL, and ends with its standard input. The scripted upstream of the tests reads and checks every
request; that would be a good part of what is measured here, so this one only looks at the path, and whether a
stream is asked for. The table alone carries each update out, with its conditions: they change what the next
request reads.
"""

import json
import os
import re
import secrets
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from benchmarks import ANSWER, CLIENT, KEY_ID, SECRET
from tests.fakes.dynamodb_items import Items
from tests.fakes.openai import bodies
from tests.fakes.openai.events import chat_stream, responses_stream

# As random as a real one: pieces of sk-0000… would be found in every log line, and masking them takes time.
_KEY: Final = f"sk-proj-{secrets.token_urlsafe(96)}"

_VALUE: Final = {
    "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:travel-gpt/openai-api-key-AbCdEf",
    "CreatedDate": 1.79e9,
    "Name": SECRET,
    "SecretString": json.dumps({"api_key": _KEY}),
    "VersionId": "00000000-0000-4000-8000-000000000001",
    "VersionStages": ["AWSCURRENT"],
}
_ASKED: Final = {"model": "gpt-6-luna", "store": False, "reasoning": {"effort": "none"}}


_ITEMS: Final = Items()
# Far above what the requests of a run come to, so that each update has all of its conditions and meets them.
_ITEMS.put({"pk": {"S": f"key#{KEY_ID}"}, "sk": {"S": "record"}, "client": {"S": CLIENT}})
_ITEMS.put(
    {
        "pk": {"S": f"client#{CLIENT}"},
        "sk": {"S": "record"},
        "name": {"S": "benchmark"},
        **{name: {"N": "1000000"} for name in ("per_minute", "per_day")},
        **{name: {"N": str(10**14)} for name in ("budget_per_day", "budget_per_month")},
    }
)
_ONE_AT_A_TIME: Final = threading.Lock()


def _http(document: object, media_type: str = "application/json", status: int = 200) -> bytes:
    body = json.dumps(document).encode()
    return (
        f"HTTP/1.1 {status} OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


_REPLIES: Final = {
    b"/v1/responses": _http(bodies.response(_ASKED, ANSWER)),
    b"/v1/chat/completions": _http(bodies.completion(_ASKED, ANSWER)),
    b"/": _http(_VALUE, "application/x-amz-json-1.1"),
    b"/secretsmanager/get": _http(_VALUE),
}


def _stream(events: Iterable[bytes]) -> bytes:
    """All of a stream, each event in a chunk of its own."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n"


_STREAM_ASKED: Final = re.compile(rb'"stream": ?true')
_STREAMS: Final = {
    b"/v1/responses": _stream(responses_stream(_ASKED, ANSWER)),
    b"/v1/chat/completions": _stream(
        chat_stream({**_ASKED, "stream_options": {"include_usage": True}}, ANSWER)
    ),
}


def _table(operation: str, body: bytes) -> bytes:
    with _ONE_AT_A_TIME:
        status, document = _ITEMS.call(operation, json.loads(body))
    return _http(document, "application/x-amz-json-1.0", status)


def _serve(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The key is fetched meanwhile, and a process that served the page may end before it is there.
    with connection, connection.makefile("rb") as stream, suppress(ConnectionError):
        while request := stream.readline():
            length, operation = 0, ""
            while (header := stream.readline()) not in (b"\r\n", b""):
                if header[:15].lower() == b"content-length:":
                    length = int(header[15:])
                elif header[:22].lower() == b"x-amz-target: dynamodb":
                    operation = header.decode().strip().rpartition(".")[2]
            body = stream.read(length)
            if operation:
                connection.sendall(_table(operation, body))
            else:
                replies = _STREAMS if _STREAM_ASKED.search(body) else _REPLIES
                connection.sendall(replies[request.split(b" ")[1].partition(b"?")[0]])


def main() -> None:
    """Serve until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
