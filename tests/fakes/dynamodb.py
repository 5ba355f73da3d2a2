"""DynamoDB: moto's, which does each operation as a whole, and can fail as the service and the network do.

moto alone has no conflicts, loses no reply and sends nothing twice, so tests on it alone would show nothing.
"""

import json
import random
import selectors
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws
from moto.core.models import botocore_stubber

from tests.fakes.dynamodb_items import Items

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE: Final = "travel-gpt-clients"

_ERRORS: Final = {
    # Recorded, and longer: dynamodb/PutItem/on-demand-throttled.
    "throttle": (
        "ThrottlingException",
        "Throughput exceeds the current capacity of your table or index. Please try again shortly.",
    ),
    # Recorded: dynamodb/UpdateItem during a transaction/transaction-conflict-exception.
    "conflict": ("TransactionConflictException", "Transaction is ongoing for the item"),
    # Developer guide, "Error handling with DynamoDB": Internal Server Error, HTTP status 500. The text is
    # assumed.
    "fail": ("InternalServerError", "The request could not be processed."),
    # IAM's text for a denied action: recorded for other services.
    "deny": ("AccessDeniedException", "User: test is not authorized to perform: dynamodb:UpdateItem"),
}
FAULTS: Final = (*_ERRORS, "fail late", "lose", "drop", "duplicate")
"""What can happen to a call: an error; an error after it was carried out (``fail late``: "When you receive a
status code 500 on a write operation, the operation may have succeeded or failed", the same page); its reply
is lost (``lose``), it does not arrive (``drop``), or it arrives twice (``duplicate``). That the network does
these three is assumed."""


@dataclass(frozen=True, slots=True)
class TableResponse:
    """What the table answers."""

    status_code: int
    content: bytes


class FakeTable:
    """The table, in this process. Use as a context: it starts moto and makes the table.

    Args:
        rates: the share of calls that each of ``FAULTS`` happens to.
        seed: of the random numbers that decide it.

    Attributes:
        calls: how often each operation was called.
        before: called before each call with its operation and parameters; what it returns is a fault.
    """

    def __init__(self, rates: dict[str, float] | None = None, seed: int = 1) -> None:
        self.calls: Counter[str] = Counter()
        self.rates = rates or {}
        self.before: Callable[[str, dict[str, Any]], str | None] = lambda *_: None
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._mock = mock_aws()

    def __enter__(self) -> Self:
        self._mock.start()
        attributes = ("pk", "HASH"), ("sk", "RANGE")
        self.client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in attributes],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in attributes],
            BillingMode="PAY_PER_REQUEST",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._mock.stop()

    @property
    def client(self) -> Any:
        """boto3's client for moto."""
        return boto3.client("dynamodb", "us-east-1")

    def put(self, key: str, **attributes: int | str) -> None:
        """Write a record as the command line does: ``client#ID``, ``key#ID`` or ``flag#NAME``."""
        values = {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in attributes.items()
        }
        self.put_item({"pk": {"S": key}, "sk": {"S": "record"}, **values})

    def put_item(self, item: dict[str, dict[str, str]]) -> None:
        """Write a whole item."""
        self.client.put_item(TableName=TABLE, Item=item)

    def counters(self, name: str, month: str) -> dict[str, int]:
        """The counters of a client or of the stack."""
        key = {"pk": {"S": f"usage#{name}"}, "sk": {"S": month}}
        item = self.client.get_item(TableName=TABLE, Key=key).get("Item", {})
        return _numbers(item)

    def send(self, request: AWSPreparedRequest) -> TableResponse:
        """Answer a signed request, as botocore's HTTP session does."""
        operation = str(request.headers["X-Amz-Target"]).rpartition(".")[2]
        fault = self._fault(operation, _parameters(request))
        if fault in _ERRORS:
            return _error(*_ERRORS[fault])
        if fault == "drop":
            raise ReadTimeoutError(endpoint_url=request.url)
        answer = self._do(request)
        if fault == "duplicate":
            self._do(request)
        if fault == "lose":
            raise ReadTimeoutError(endpoint_url=request.url)
        return _error(*_ERRORS["fail"]) if fault == "fail late" else answer

    def _fault(self, operation: str, parameters: dict[str, Any]) -> str | None:
        with self._lock:
            self.calls[operation] += 1
            if (fault := self.before(operation, parameters)) is not None:
                return fault
            drawn = self._random.random()
        for fault, rate in self.rates.items():
            drawn -= rate
            if drawn < 0:
                return fault
        return None

    def _do(self, request: AWSPreparedRequest) -> TableResponse:
        # The operations on an item are atomic and applied in the order in which they arrive (developer guide,
        # "Working with items and attributes"); moto reads and writes in two steps.
        with self._lock:
            try:
                answer = botocore_stubber.process_request(request)
            except TypeError:
                # moto does not compare a number with a string. To DynamoDB such a condition is not met
                # (assumed).
                return self._not_met(_parameters(request))
        assert answer is not None
        status, _, body = answer
        return TableResponse(status, body if isinstance(body, bytes) else body.encode())

    def _not_met(self, parameters: dict[str, Any]) -> TableResponse:
        item = self.client.get_item(TableName=TABLE, Key=parameters["Key"])["Item"]
        return _error("ConditionalCheckFailedException", "The conditional request failed", Item=item)


class MemoryTable(FakeTable):
    """The table without moto, for thousands of calls. It knows UpdateItem and BatchGetItem only."""

    def __init__(self, rates: dict[str, float] | None = None, seed: int = 1) -> None:
        super().__init__(rates, seed)
        self.items = Items()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""

    def put_item(self, item: dict[str, dict[str, str]]) -> None:
        self.items.put(item)

    def counters(self, name: str, month: str) -> dict[str, int]:
        for item in self.items.all():
            if (item["pk"]["S"], item["sk"]["S"]) == (f"usage#{name}", month):
                return _numbers(item)
        return {}

    def _do(self, request: AWSPreparedRequest) -> TableResponse:
        operation = str(request.headers["X-Amz-Target"]).rpartition(".")[2]
        with self._lock:
            status, document = self.items.call(operation, _parameters(request))
            if "__type" in document:
                return _error(document.pop("__type"), document.pop("message", ""), **document)
            return TableResponse(status, json.dumps(document).encode())


class FakeTableServer(MemoryTable):
    """The table behind a port, for other processes (``AWS_ENDPOINT_URL_DYNAMODB``).

    One thread answers every connection: with one thread for each, hundreds of them would wait for each other.
    """

    def __init__(self, rates: dict[str, float] | None = None, seed: int = 1) -> None:
        super().__init__(rates, seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._received: dict[socket.socket, bytes] = {}
        self._wake, closing = socket.socketpair()
        self._selector.register(closing, selectors.EVENT_READ)
        self._closing = closing
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._wake.close()
        self._thread.join()
        self._selector.close()
        for connection in (*self._received, self._listener, self._closing):
            connection.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                ready = key.fileobj
                assert isinstance(ready, socket.socket)
                if ready is self._closing:
                    return
                if ready is self._listener:
                    connection, _ = ready.accept()
                    # Two small writes would otherwise wait 40 ms for the client's ACK.
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._received[connection] = b""
                    self._selector.register(connection, selectors.EVENT_READ)
                elif not self._read(ready):
                    self._selector.unregister(ready)
                    self._received.pop(ready)
                    ready.close()

    def _read(self, connection: socket.socket) -> bool:
        """Read what has arrived, and answer the request once it is whole. False: the connection ends."""
        try:
            received = connection.recv(1 << 16)
        except OSError:
            # The client was killed.
            return False
        self._received[connection] += received
        head, end, body = self._received[connection].partition(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if received and (not end or len(body) < int(headers[b"content-length"])):
            return True
        if not received:
            return False
        self._received[connection] = b""
        target = head[head.lower().index(b"x-amz-target: ") + 14 :].split(b"\r\n")[0]
        request = AWSPreparedRequest(
            method="POST",
            url=self.url,
            headers=HTTPHeaders.from_pairs([("X-Amz-Target", target.decode())]),
            body=body,
            stream_output=False,
        )
        try:
            answer = self.send(request)
            connection.sendall(
                f"HTTP/1.1 {answer.status_code} .\r\nContent-Type: application/x-amz-json-1.0\r\n"
                f"Content-Length: {len(answer.content)}\r\n\r\n".encode()
                + answer.content
            )
        except (ReadTimeoutError, OSError):
            # The reply is lost, or the client was killed.
            return False
        return True


def _numbers(item: dict[str, dict[str, str]]) -> dict[str, int]:
    return {attribute: int(value["N"]) for attribute, value in item.items() if "N" in value}


def _parameters(request: AWSPreparedRequest) -> dict[str, Any]:
    assert isinstance(request.body, bytes)
    found: dict[str, Any] = json.loads(request.body)
    return found


def _error(code: str, message: str, **more: object) -> TableResponse:
    # The shape of the body is recorded: dynamodb/TransactWriteItems/canceled-raw.
    document = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message, **more}
    return TableResponse(500 if code == "InternalServerError" else 400, json.dumps(document).encode())
