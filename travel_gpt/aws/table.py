"""One DynamoDB table, called over HTTP and signed by botocore.

Making boto3's client for DynamoDB takes a tenth of a cold start: it reads the description of 57 operations.
The function calls three, whose requests and answers are plain JSON (DynamoDB developer guide, "DynamoDB
low-level API").
"""

import json
import os
import socket
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Literal, Protocol

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure, Kind
from travel_gpt.deadline import Deadline

CONNECT_TIMEOUT: Final = 0.5
READ_TIMEOUT: Final = 1.0
CALL_SECONDS: Final = CONNECT_TIMEOUT + READ_TIMEOUT
"""Seconds for a connection, between two bytes, and for a whole call. DynamoDB answers in milliseconds; a
request must not wait for long to learn that it does not."""

Item = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's JSON: attributes by name, each a value by its type, such as ``{"N": "5"}``."""

Operation = Literal["BatchGetItem", "GetItem", "PutItem", "UpdateItem"]


class Response(Protocol):
    """The part of an HTTP response that is read."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def content(self) -> bytes:
        """The body."""
        ...


Send = Callable[[AWSPreparedRequest], Response]
"""Sends a signed request, and raises what botocore's HTTP session raises."""


class TableFailed(Exception):
    """A call failed. It may have been carried out nevertheless, unless DynamoDB refused it."""

    def __init__(self, failure: AwsFailure) -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure = failure

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed now."""
        return self.failure.retryable or self.failure.code == "TransactionConflictException"


class ConditionFailed(Exception):
    """The condition of a write is not met, and nothing was written.

    Args:
        item: the item as it is, where the call asked for it; empty where there is no such item.
    """

    def __init__(self, item: Item) -> None:
        super().__init__("the condition is not met")
        self.item = item


class Table:
    """One table.

    Args:
        name: its name.
        send: sends a request; by default over HTTP, with a pool of connections.
        url: the address of DynamoDB; by default that of the region, or of ``AWS_ENDPOINT_URL``.
        credentials: what requests are signed with; by default those of the environment.
    """

    def __init__(
        self,
        name: str,
        *,
        send: Send | None = None,
        url: str = "",
        credentials: Credentials | None = None,
    ) -> None:
        self.name = name
        self._send = send
        self._url = url
        self._credentials = credentials

    def update(self, key: Mapping[str, str], *, deadline: Deadline | None = None, **parameters: Any) -> Item:
        """Change one item.

        Args:
            key: the item's key attributes, which are strings.
            deadline: when the caller stops waiting, if the timeouts of the connection end later.
            parameters: further parameters of UpdateItem.

        Returns:
            The attributes that ``ReturnValues`` asks for.

        Raises:
            ConditionFailed: the condition is not met.
            TableFailed: the call failed.
        """
        update = {"TableName": self.name, "Key": _strings(key), **parameters}
        answer = self._call("UpdateItem", update, deadline)
        attributes: Item = answer.get("Attributes") or {}
        return attributes

    def get(self, *keys: Mapping[str, str], deadline: Deadline | None = None) -> list[Item]:
        """Read items, as they are now.

        Args:
            keys: the key attributes of each, 1 to 100.
            deadline: as for ``update``.

        Returns:
            Those that exist, in any order.

        Raises:
            TableFailed: the call failed, or DynamoDB left out an item for lack of capacity.
        """
        wanted = {"Keys": [_strings(key) for key in keys], "ConsistentRead": True}
        answer = self._call("BatchGetItem", {"RequestItems": {self.name: wanted}}, deadline)
        if answer.get("UnprocessedKeys"):
            raise TableFailed(AwsFailure(Kind.THROTTLED, "DynamoDB left out items", operation="BatchGetItem"))
        found: list[Item] = (answer.get("Responses") or {}).get(self.name, [])
        return found

    def _call(
        self, operation: Operation, parameters: Mapping[str, Any], deadline: Deadline | None
    ) -> dict[str, Any]:
        def send() -> Response:
            return (self._send or self._http.send)(self._signed(operation, parameters))

        try:
            # A thread takes as long as signing does: only where the connection's timeouts could end later.
            is_near = deadline is not None and deadline.left() < CALL_SECONDS
            response = deadline.run(send) if deadline is not None and is_near else send()
        except AWS_ERRORS as failed:
            raise TableFailed(AwsFailure.of(failed)) from failed
        except TimeoutError:
            failure = AwsFailure(Kind.UNREACHABLE, "DynamoDB did not answer in time", operation=operation)
            raise TableFailed(failure) from None
        try:
            document = json.loads(response.content)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            failure = AwsFailure(Kind.NOT_AWS, "what answered is not DynamoDB", operation=operation)
            raise TableFailed(failure)
        if response.status_code != 200:
            raise _failure(document, response.status_code, operation)
        return document

    def _signed(self, operation: Operation, parameters: Mapping[str, Any]) -> AWSPreparedRequest:
        request = AWSRequest(
            method="POST",
            url=self._endpoint,
            data=json.dumps(parameters).encode(),
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            },
        )
        if (credentials := self._credentials or self._session.get_credentials()) is None:
            raise NoCredentialsError
        SigV4Auth(credentials.get_frozen_credentials(), "dynamodb", self._region).add_auth(request)
        return request.prepare()

    @cached_property
    def _session(self) -> Any:
        # The session that the other clients use: it renews the role's credentials.
        if boto3.DEFAULT_SESSION is None:
            boto3.setup_default_session()
        return boto3.DEFAULT_SESSION

    @cached_property
    def _region(self) -> str:
        return os.environ.get("AWS_REGION") or self._session.region_name or "us-east-1"

    @cached_property
    def _endpoint(self) -> str:
        if self._url:
            return self._url
        suffix = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"
        return (
            os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
            or os.environ.get("AWS_ENDPOINT_URL")
            or f"https://dynamodb.{self._region}.{suffix}"
        ).rstrip("/") + "/"

    @cached_property
    def _http(self) -> URLLib3Session:
        # The stubs know one number and strings only; botocore passes these on to urllib3 for its own clients.
        return URLLib3Session(
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),  # type: ignore[arg-type]
            # botocore's clients set this themselves. Without it the body waits for the acknowledgement of the
            # headers, which the other side may delay by 40 ms.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # type: ignore[list-item]
        )


def _failure(document: dict[str, Any], status: int, operation: str) -> ConditionFailed | TableFailed:
    # Recorded: dynamodb/TransactWriteItems/canceled-raw for the prefix of the type and both spellings of the
    # message; dynamodb/PutItem/conditional-check-failed-with-item for the item.
    code = str(document.get("__type", "")).rpartition("#")[2]
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(document.get("Item") or {})
    message = document.get("message") or document.get("Message") or f"HTTP status {status} {code}".strip()
    error: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return TableFailed(AwsFailure.of(ClientError(error, operation)))


def _strings(key: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in key.items()}
