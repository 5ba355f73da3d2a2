"""The clients of the local server: their table, in this process's memory, their API keys and invitations."""

import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials

from travel_gpt.aws.table import Table
from travel_gpt.guard.clients import OWNER, Client, record_key
from travel_gpt.guard.limits import Limits, WrongLimit
from travel_gpt.guard.new_invitation import MOST_DEVICES, NewInvitation, new_invitation
from travel_gpt.guard.typed_limits import MOST_REQUESTS, TypedLimits, checked_name
from travel_gpt.local.invocation import API_KEY_ID, REGION

TABLE: Final = "travel-gpt-local-clients"

_URL: Final = f"https://dynamodb.{REGION}.amazonaws.com/"
_ONE_AT_A_TIME: Final = Lock()
_COUNTS: Final = ("per-minute", "per-day", "parallel")
_EXPIRED: Final = 1
"""A moment that is over: the first second of 1970."""
_GUEST: Final = "guest devices=5"
"""The guest where none was given, for as many devices as a developer has browsers."""
_INVITED_FOR: Final = 30 * 86_400


@dataclass(frozen=True, slots=True)
class LocalClient:
    """A client, and what was made up for it: an API key or, for a guest, an invitation."""

    client: Client
    key_id: str = ""
    key: str = ""
    invitation: NewInvitation | None = None


def read_clients(
    given: Sequence[str], file: Path | None, *, per_minute: int, per_day: int
) -> list[LocalClient]:
    """Return the owner and the clients that were given, each with a key for this run, and a guest at least.

    Args:
        given: one text for each: its name and its limits, such as ``ann per-minute=2 budget=0.01/month``.
        file: a file with one client in each line; None without one. Lines that begin with # are comments.
        per_minute: the most that API Gateway lets through in a minute.
        per_day: the most that it lets through of one key in a day; 0 for no limit.

    Raises:
        WrongLimit: a client or the file cannot be read, two clients have one name, or a limit is above what
            API Gateway lets through.
    """
    clients = [_read(text) for text in [*given, *_lines(file)]]
    if not any(each.invitation or each.client.name == "guest" for each in clients):
        clients.append(_read(_GUEST))
    names = [OWNER, *(each.client.name for each in clients)]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise WrongLimit(
            f"More than one client has the name {' and the name '.join(repeated)}. The name {OWNER} belongs "
            "to the first key."
        )
    for each in clients:
        for limit, wanted, most, variable in (
            ("per-minute", each.client.limits.per_minute, per_minute, "THROTTLE_RATE"),
            ("per-day", each.client.limits.per_day, per_day, "DAILY_QUOTA"),
        ):
            if most and wanted > most:
                raise WrongLimit(
                    f"The client {each.client.name}: {limit}={wanted} is above the {most} that API Gateway "
                    f"lets through. Lower it, or raise {variable}."
                )
    return [LocalClient(Client(OWNER, OWNER, Limits()), API_KEY_ID, secrets.token_urlsafe(30)), *clients]


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as failed:
        reason = failed.strerror if isinstance(failed, OSError) else "it is not UTF-8"
        raise WrongLimit(f"The file {file} of --clients cannot be read: {reason}.") from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _read(text: str) -> LocalClient:
    name, *options = text.split() or [""]
    checked_name(name)
    counts: dict[str, str] = {}
    budgets: list[str] = []
    expires, expired, disabled, devices = None, False, False, 0
    for option in options:
        what, _, value = option.partition("=")
        if what in _COUNTS and re.fullmatch("[0-9]{1,7}", value) and 1 <= int(value) <= MOST_REQUESTS:
            counts[what.replace("-", "_")] = value
        elif what == "devices" and re.fullmatch("[0-9]{1,2}", value) and 1 <= int(value) <= MOST_DEVICES:
            devices = int(value)
        elif what == "budget":
            budgets.append(value)
        elif what == "expires":
            expires = value
        elif option == "expired":
            expired = True
        elif option == "disabled":
            disabled = True
        else:
            raise WrongLimit(
                f"The client {name}: {option} is no limit. These are: per-minute=2 per-day=50 parallel=1 "
                "budget=0.01/month budget=0.001/day expires=12h expired disabled, and devices=2 for a guest. "
                f"A number is from 1 to {MOST_REQUESTS:,}, of devices to {MOST_DEVICES}."
            )
    typed = TypedLimits(**counts, budget=tuple(budgets), expires=expires)
    try:
        limits, expires_at = typed.apply(Limits()), typed.expires_at() or 0
    except WrongLimit as wrong:
        raise WrongLimit(f"The client {name}: {wrong}") from None
    client = Client(f"c-{name}", name, limits, disabled, _EXPIRED if expired else expires_at)
    if devices:
        ends = client.expires_at or int(time.time()) + _INVITED_FOR
        return LocalClient(client, invitation=new_invitation(client, devices=devices, expires_at=ends))
    return LocalClient(client, f"key{secrets.token_hex(5)}", secrets.token_urlsafe(30))


@dataclass(frozen=True, slots=True)
class _Response:
    status_code: int
    content: bytes


def client_table(clients: Sequence[LocalClient]) -> Table:
    """Make the table, in moto, with the clients' records.

    moto answers this table's requests only, unless it is active for others: the source of the key may be in
    AWS. So nothing of the environment is used either.

    Args:
        clients: the clients.

    Returns:
        The table.
    """
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    _ask(
        "CreateTable",
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
    )
    for each in clients:
        # The owner needs no record.
        if each.client.id != OWNER:
            _ask("PutItem", TableName=TABLE, Item=_record(each.client))
            key = {**record_key("key", each.key_id), "client": each.client.id}
            item = {name: {"S": value} for name, value in key.items()}
            _ask("PutItem", TableName=TABLE, Item=each.invitation.item if each.invitation else item)
    return Table(TABLE, send=_send_to_moto, url=_URL, credentials=Credentials("local", "local"))


def _record(client: Client) -> dict[str, Any]:
    numbers = {**client.limits._asdict(), "expires_at": client.expires_at}
    texts = {**record_key("client", client.id), "name": client.name}
    return {
        **{name: {"S": value} for name, value in texts.items()},
        **{name: {"N": str(value)} for name, value in numbers.items()},
        **({"disabled": {"BOOL": True}} if client.disabled else {}),
    }


def _ask(operation: str, **parameters: Any) -> None:
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
    }
    request = AWSRequest(method="POST", url=_URL, data=json.dumps(parameters).encode(), headers=headers)
    answer = _send_to_moto(request.prepare())
    if answer.status_code != 200:
        raise RuntimeError(f"moto refused {operation}: {answer.content.decode()}")


def _send_to_moto(request: AWSPreparedRequest) -> _Response:
    """Answer a request for DynamoDB as moto does, without a port that others could read."""
    from moto.core.models import botocore_stubber

    # DynamoDB does each write to an item as a whole; moto reads, then writes.
    with _ONE_AT_A_TIME:
        answer = botocore_stubber.process_request(request)
    assert answer is not None, "moto knows DynamoDB"  # noqa: S101 - a broken installation
    status, _, body = answer
    return _Response(status, body if isinstance(body, bytes) else body.encode())
