"""The local server over real HTTP."""

import errno
import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from travel_gpt.local.gateway import Exchange, Gateway
from travel_gpt.local.server import LARGEST_BODY, CannotListen, Server, listen

TOO_MUCH = LARGEST_BODY + 1


class Running:
    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.server = Server(Gateway(self._echo), listen("127.0.0.1", 0), self.exchanges.append)
        self.server.start()

    @staticmethod
    def _echo(event: dict[str, Any], _context: object) -> dict[str, Any]:
        return {
            "statusCode": 200,
            "headers": {"X-Length": len(event["body"] or "")},
            "body": json.dumps(event),
        }

    def send(self, method: str, path: str = "/travel-gpt", **given: Any) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request(method, path, **given)
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def raw(self, data: bytes) -> tuple[int, dict[str, Any]]:
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.server.close()


def test_a_request_reaches_the_handler_as_it_was_sent(running: Running) -> None:
    text = json.dumps({"query": "三日間、京都"}, ensure_ascii=False).encode()
    status, headers, body = running.send(
        "POST", "/Prod/travel-gpt?a=%20b&a=c", body=text, headers={"content-Type": "application/json"}
    )
    event = json.loads(body)
    assert (status, event["body"].encode()) == (200, text)
    assert event["multiValueQueryStringParameters"] == {"a": [" b", "c"]}
    assert event["headers"]["content-Type"] == "application/json"
    assert headers["x-amzn-requestid"] == event["requestContext"]["requestId"]
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_headers_that_were_sent_twice_arrive_twice(running: Running) -> None:
    _, event = running.raw(b"GET /travel-gpt HTTP/1.1\r\nHost: localhost\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n")
    assert event["multiValueHeaders"]["X-Two"] == ["1", "2"]


def test_a_head_request_has_the_headers_and_no_body(running: Running) -> None:
    status, headers, body = running.send("HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0


def test_a_chunked_body_is_put_together(running: Running) -> None:
    status, headers, _ = running.send("POST", body=iter([b"abc", b"defg"]), encode_chunked=True)
    assert (status, headers["x-length"]) == (200, "7")


def test_no_answer_allows_another_origin_or_names_a_version(running: Running) -> None:
    _, headers, _ = running.send("GET", headers={"Origin": "https://elsewhere.example"})
    assert not [name for name in headers if name.startswith("access-control")]
    assert headers["server"] == "travel-gpt-local"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_10_mb_is_refused_with_an_answer_that_arrives(running: Running, chunked: bool) -> None:
    body = iter([b"x" * (TOO_MUCH // 4 + 1)] * 4) if chunked else b"x" * TOO_MUCH
    status, _, answer = running.send("POST", body=body, encode_chunked=chunked)
    assert (status, json.loads(answer)["code"]) == (413, "payload_too_large")


def test_a_body_of_10_mb_reaches_the_handler(running: Running) -> None:
    status, headers, _ = running.send("POST", body=b"x" * LARGEST_BODY)
    assert (status, headers["x-length"]) == (200, str(LARGEST_BODY))


@pytest.mark.parametrize(
    "data",
    [
        b"POST /travel-gpt HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /travel-gpt HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        b"POST /travel-gpt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999999\r\n\r\n",
        b"POST /travel-gpt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /travel-gpt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nshort",
        b"this is no HTTP\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_400_in_the_contracts_shape(running: Running, data: bytes) -> None:
    status, body = running.raw(data)
    assert (status, body["code"], body["status"]) == (400, "bad_request", "error")
    assert body["request_id"]


@pytest.mark.parametrize(
    ("version", "answers"),
    [
        ("HTTP/1.1", [b"HTTP/1.1 100", b"HTTP/1.1 200"]),
        # RFC 9110, section 10.1.1: a server ignores the expectation of an HTTP/1.0 request.
        ("HTTP/1.0", [b"HTTP/1.1 200"]),
    ],
)
def test_a_client_that_expects_100_continue_gets_one_interim_answer(
    running: Running, version: str, answers: list[bytes]
) -> None:
    head = (
        f"POST /travel-gpt {version}\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 16\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.server.port), timeout=10) as connection:
        connection.sendall(head.encode())
        received = b""
        # The client waits for the interim answer before it sends the body.
        while version == "HTTP/1.1" and b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        connection.sendall(b'{"query":"Rome"}')
        while chunk := connection.recv(65536):
            received += chunk
    assert b'query\\":\\"Rome' in received
    assert re.findall(rb"(?m)^HTTP/1\.1 \d+", received) == answers


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("Content-Length: 2\r\nContent-Length: 3", 400),
        ("Content-Length: 3\r\nContent-Length: 2", 400),
        ("Content-Length: 2, 3", 400),
        ("Content-Length: 2\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 2\r\nContent-Length: 2", 200),
        ("Content-Length: 2", 200),
    ],
)
def test_a_body_whose_length_is_reported_in_two_ways_is_refused(
    running: Running, lines: str, status: int
) -> None:
    head = f"POST /travel-gpt HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n"
    got, body = running.raw(head.encode() + b"{}")
    assert got == status
    assert status == 200 or (body["status"], body["code"]) == ("error", "bad_request")


def test_every_exchange_is_reported(running: Running) -> None:
    running.exchanges.clear()
    running.send("GET", "/nowhere")
    (exchange,) = running.exchanges
    assert (exchange.request.method, exchange.request.path, exchange.response.status) == (
        "GET",
        "/nowhere",
        404,
    )


@pytest.mark.parametrize(
    ("failing", "failure", "said"),
    [
        # Without a DNS query for a name that does not exist.
        ("getaddrinfo", socket.gaierror(socket.EAI_NONAME, "unknown"), "not an address of this machine"),
        ("bind", OSError(errno.EADDRNOTAVAIL, "of another machine"), "not an address of this machine"),
        ("bind", OSError(errno.EACCES, "denied"), "reserved for the system"),
        ("bind", OSError(errno.EMFILE, "Too many open files"), "cannot be used: Too many open files"),
    ],
)
def test_an_address_that_cannot_be_used_is_reported_with_the_reason(
    failing: str, failure: OSError, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        socket if failing == "getaddrinfo" else socket.socket, failing, Mock(side_effect=failure)
    )
    with pytest.raises(CannotListen, match=said):
        listen("host.invalid" if failing == "getaddrinfo" else "127.0.0.1", 80)


def test_given_a_function_that_hangs_then_a_stop_answers_its_request_all_the_same() -> None:
    # Given a request that the function does not answer
    begun, release = threading.Event(), threading.Event()
    exchanges: list[Exchange] = []

    def hang(*_: object) -> None:
        begun.set()
        release.wait(20)

    server = Server(Gateway(hang), listen("127.0.0.1", 0), exchanges.append)
    server.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/travel-gpt")
    assert begun.wait(10)
    assert server.running == 1
    # When the server is stopped, and waits for less time than the function takes
    server.close(within=0.05)
    # Then the client has an answer, and the console a line of it
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["code"]) == (502, "internal_error")
    assert [exchange.error for exchange in exchanges] == [
        "the server was stopped before the function answered"
    ]
    assert server.running == 0
    release.set()
    connection.close()
