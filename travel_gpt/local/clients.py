"""The clients of the local server: their table, in this process's memory, and their API keys."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from botocore.awsrequest import AWSPreparedRequest

from travel_gpt.guard.clients import OWNER, Client, record_key
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.typed_limits import TypedLimits, WrongLimit, checked_name
from travel_gpt.local.invocation import API_KEY_ID, REGION

TABLE: Final = "travel-gpt-local-clients"

_ONE_AT_A_TIME: Final = Lock()
_OPTIONS: Final = ("per-minute", "per-day", "parallel")


@dataclass(frozen=True, slots=True)
class LocalClient:
    """A client and the API key that was made up for it."""

    client: Client
    key_id: str
    key: str


def read_clients(given: list[str], file: Path | None) -> list[LocalClient]:
    """Return the clients that were given, each with a key for this run.

    Args:
        given: one text for each: its name and its limits, such as ``ann per-minute=2 budget=0.01/month``.
        file: a file with one client in each line; None without one. Lines that begin with # are comments.

    Raises:
        WrongLimit: a client cannot be read, or two have one name.
        OSError: the file cannot be read.
    """
    lines = file.read_text("utf-8").splitlines() if file is not None else []
    texts = [line for line in (each.strip() for each in [*given, *lines]) if line and line[0] != "#"]
    clients = [_read(text) for text in texts]
    names = [each.client.name for each in clients]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise WrongLimit(f"Two clients have one name: {', '.join(repeated)}.")
    return clients


def _read(text: str) -> LocalClient:
    name, *options = text.split()
    numbers: dict[str, int] = {}
    budgets: list[str] = []
    expires = None
    for option in options:
        what, _, value = option.partition("=")
        if what in _OPTIONS and value.isdecimal():
            numbers[what.replace("-", "_")] = int(value)
        elif what == "budget":
            budgets.append(value)
        elif what == "expires":
            expires = value
        else:
            raise WrongLimit(
                f"A client is a name and its limits, such as: ann per-minute=2 per-day=50 parallel=1 "
                f"budget=0.01/month expires=12h. This is none of them: {option}"
            )
    typed = TypedLimits(**numbers, budget=tuple(budgets), expires=expires)
    checked_name(name)
    client = Client(f"c-{name}", name, typed.apply(Limits()), expires_at=typed.expires_at() or 0)
    return LocalClient(client, f"key{secrets.token_hex(5)}", secrets.token_urlsafe(30))


def owner() -> LocalClient:
    """Return the owner, with a key for this run, who needs no record in the table."""
    return LocalClient(Client(OWNER, OWNER, Limits()), API_KEY_ID, secrets.token_urlsafe(30))


@dataclass(frozen=True, slots=True)
class _Response:
    status_code: int
    content: bytes


def send_to_moto(request: AWSPreparedRequest) -> _Response:
    """Answer a request for DynamoDB as moto does, without a port that others could read."""
    from moto.core.models import botocore_stubber

    # DynamoDB does each write to an item as a whole; moto reads, then writes.
    with _ONE_AT_A_TIME:
        answer = botocore_stubber.process_request(request)
    if answer is None:
        raise ValueError("moto does not know this request")
    status, _, body = answer
    return _Response(status, body if isinstance(body, bytes) else body.encode())


def client_table(clients: Sequence[LocalClient]) -> None:
    """Make the table in the running moto, with the clients' records.

    Args:
        clients: the clients.
    """
    import boto3

    database = boto3.client("dynamodb", REGION)
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    database.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
    )
    for each in clients:
        if each.client.id == OWNER:
            continue
        limits = {field: getattr(each.client.limits, field) for field in Limits.__dataclass_fields__}
        numbers = {**limits, "expires_at": each.client.expires_at}
        items = (
            {
                **record_key("client", each.client.id),
                "name": each.client.name,
                **{name: {"N": str(number)} for name, number in numbers.items()},
            },
            {**record_key("key", each.key_id), "client": each.client.id},
        )
        for item in items:
            values = {
                name: value if isinstance(value, dict) else {"S": value} for name, value in item.items()
            }
            database.put_item(TableName=TABLE, Item=values)
