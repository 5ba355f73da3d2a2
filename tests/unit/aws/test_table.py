"""The table's client: what it sends is what boto3's own client sends, and what it makes of the answers."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import urllib3.util.connection
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from tests.fakes.dynamodb import TABLE, FakeTableServer, TableResponse
from travel_gpt.aws.table import READ_TIMEOUT, Table, TableFailed
from travel_gpt.deadline import Deadline

KEY = {"pk": "client#c1", "sk": "record"}
ATTRIBUTES = {name: {"S": value} for name, value in KEY.items()}
UPDATE: dict[str, Any] = {
    "UpdateExpression": "ADD #0 :0",
    "ExpressionAttributeNames": {"#0": "cost"},
    "ExpressionAttributeValues": {":0": {"N": "1"}},
}


def sent_by_boto3(call: Callable[[Any], object]) -> AWSPreparedRequest:
    client = boto3.client("dynamodb")
    found: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        found.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), None)

    client.meta.events.register("before-send.dynamodb", keep)
    # The response has no body to read.
    with contextlib.suppress(AttributeError):
        call(client)
    return found[0]


def sent_by_us(call: Callable[[Table], object]) -> AWSPreparedRequest:
    found: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest) -> TableResponse:
        found.append(request)
        return TableResponse(200, b"{}")

    call(Table(TABLE, send=keep))
    return found[0]


@pytest.mark.parametrize(
    ("ours", "boto3s"),
    [
        (
            lambda table: table.update(KEY, **UPDATE),
            lambda client: client.update_item(TableName=TABLE, Key=ATTRIBUTES, **UPDATE),
        ),
        (
            lambda table: table.get(KEY),
            lambda client: client.batch_get_item(
                RequestItems={TABLE: {"Keys": [ATTRIBUTES], "ConsistentRead": True}}
            ),
        ),
    ],
    ids=["UpdateItem", "BatchGetItem"],
)
@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1"])
def test_a_request_is_as_boto3_sends_it(
    monkeypatch: pytest.MonkeyPatch,
    region: str,
    ours: Callable[[Table], object],
    boto3s: Callable[[Any], object],
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")

    found, expected = sent_by_us(ours), sent_by_boto3(boto3s)

    assert (found.method, found.url) == (expected.method, expected.url)
    assert isinstance(found.body, bytes)
    assert isinstance(expected.body, bytes)
    assert json.loads(found.body) == json.loads(expected.body)
    for header in ("Content-Type", "X-Amz-Target", "X-Amz-Security-Token"):
        mine, theirs = found.headers[header], expected.headers[header]
        assert mine == (theirs.decode() if isinstance(theirs, bytes) else theirs)
    assert _scope(found) == _scope(expected)
    assert "content-type;host;x-amz-date;x-amz-security-token;x-amz-target" in found.headers["Authorization"]


def _scope(request: AWSPreparedRequest) -> str:
    # Without the date, which may change between the two.
    authorization = request.headers["Authorization"]
    text = authorization.decode() if isinstance(authorization, bytes) else authorization
    return text.partition("/")[2].partition(",")[0].partition("/")[2]


def test_connections_are_kept_and_send_without_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    connect = urllib3.util.connection.create_connection

    def keep(*arguments: Any, **options: Any) -> socket.socket:
        made.append(connect(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(urllib3.util.connection, "create_connection", keep)
    with FakeTableServer() as server:
        table = Table(TABLE, url=server.url)
        for _ in range(3):
            table.update(KEY, **UPDATE)
        (connection,) = made
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert connection.gettimeout() == READ_TIMEOUT


@pytest.mark.parametrize(
    ("status", "content", "says"),
    [
        (200, b"<html>A proxy's page</html>", "not DynamoDB"),
        (200, b"[]", "not DynamoDB"),
        (503, b"", "not DynamoDB"),
        (400, b'{"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "no"}', "no"),
        (400, b"{}", "HTTP status 400"),
    ],
)
def test_what_is_no_answer_of_the_table_is_a_failure(status: int, content: bytes, says: str) -> None:
    table = Table(TABLE, send=lambda _: TableResponse(status, content))

    with pytest.raises(TableFailed, match=says):
        table.update(KEY, **UPDATE)


def test_items_that_dynamodb_left_out_are_a_failure_that_may_pass() -> None:
    left_out = {"Responses": {TABLE: []}, "UnprocessedKeys": {TABLE: {"Keys": [ATTRIBUTES]}}}
    table = Table(TABLE, send=lambda _: TableResponse(200, json.dumps(left_out).encode()))

    with pytest.raises(TableFailed) as failed:
        table.get(KEY)

    assert failed.value.retryable


def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    with pytest.raises(TableFailed, match="credentials"):
        Table(TABLE, send=lambda _: TableResponse(200, b"{}")).get(KEY)


def test_a_call_that_takes_longer_than_the_deadline_is_not_waited_for() -> None:
    ended = threading.Event()

    def send(_: AWSPreparedRequest) -> TableResponse:
        ended.wait(10)
        return TableResponse(200, b"{}")

    began = time.monotonic()
    with pytest.raises(TableFailed, match="in time") as failed:
        Table(TABLE, send=send).update(KEY, deadline=Deadline(0.1), **UPDATE)
    ended.set()

    assert failed.value.retryable
    assert time.monotonic() - began < 1
