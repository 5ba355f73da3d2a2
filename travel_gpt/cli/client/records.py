"""The records of clients in the table, written with the owner's own permissions.

Besides the records that the function reads, each name has an item ``name#NAME``, so that of two clients that
are added at the same time only one gets it. Which keys a client has is in the items ``key#API_KEY_ID`` alone.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import boto3

from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.errors import LimitsUnavailable
from travel_gpt.guard.clients import OWNER, Client, read_client, record_key
from travel_gpt.guard.counters import STACK
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.typed_limits import checked_name

_RESERVED: Final = frozenset({STACK, "address"})
"""Names that the counters of all clients, and of callers without a key, have."""
_NUMBERS: Final = (*Limits._fields, "expires_at")
_USAGE: Final = "usage#"


@dataclass(frozen=True, slots=True)
class Registered:
    """A client and what is stored beside its limits."""

    client: Client
    key_ids: tuple[str, ...] = ()
    """The ids of its API keys: more than one where a rotation did not finish."""
    created_at: int = 0
    """Seconds since the epoch; 0 where that is not known."""
    damaged: tuple[str, ...] = ()
    """Fields of its record with a value that they cannot have. The function refuses such a client; here
    they are 0."""


class ClientRecords:
    """The clients of one stack.

    Args:
        table: the name of its table.
        flags: the options that mean the stack, for the next command to type.
    """

    def __init__(self, table: str, flags: str = "") -> None:
        self._table, self._flags = table, flags
        self._client = boto3.client("dynamodb")

    def all(self) -> list[Registered]:
        """Return every client, by name."""
        items = list(
            self._scan("begins_with(pk, :a) OR begins_with(pk, :b)", {":a": "client#", ":b": "key#"})
        )
        keys: dict[str, list[str]] = {}
        for item in items:
            kind, _, name = item["pk"]["S"].partition("#")
            if kind == "key":
                keys.setdefault(item.get("client", {}).get("S", ""), []).append(name)
        found = [_registered(item, keys) for item in items if item["pk"]["S"].startswith("client#")]
        return sorted(found, key=lambda each: each.client.name)

    def find(self, name: str) -> Registered:
        """Return a client.

        Args:
            name: its name or its id.

        Raises:
            WrongLimit: no client can have that name.
            CliError: there is none.
        """
        checked_name(name)
        for registered in self.all():
            if name in (registered.client.name, registered.client.id):
                return registered
        if name == OWNER:
            return Registered(Client(OWNER, OWNER, Limits()))
        raise CliError(
            f"There is no client {name}. These are there: travel-gpt client list{self._flags}", USAGE
        )

    def require_new(self, name: str) -> None:
        """Raise CliError where a client of that name exists already."""
        if name in _RESERVED:
            raise CliError(
                f"The name {name} cannot be a client's, as the counters use it. Choose another name.", USAGE
            )
        if name == OWNER or any(name in (each.client.name, each.client.id) for each in self.all()):
            raise self._taken(name)

    def add(self, client: Client, key_id: str) -> None:
        """Write a new client, its name and its key, all of them or none.

        Args:
            client: the client.
            key_id: the id of its API key.

        Raises:
            CliError: there is a client of that name.
            ClientError: AWS refused.
        """
        numbers = {
            **client.limits._asdict(),
            "expires_at": client.expires_at,
            "created_at": int(time.time()),
        }
        record = {"name": {"S": client.name}, **{name: {"N": str(value)} for name, value in numbers.items()}}
        puts = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": {**key, **attributes},
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
            for key, attributes in (
                (_key("client", client.id), record),
                (_key("name", client.name), {"client": {"S": client.id}}),
                (_key("key", key_id), {"client": {"S": client.id}}),
            )
        ]
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as canceled:
            reasons = [each.get("Code") for each in canceled.response.get("CancellationReasons", [])]
            if "ConditionalCheckFailed" in reasons:
                raise self._taken(client.name) from None
            raise

    def change(self, client: Client, numbers: dict[str, int], *, disabled: bool | None = None) -> None:
        """Change some fields of a client's record, and leave the others as they are by then.

        Args:
            client: the client. The owner's record is made with the first change.
            numbers: the fields and their new values.
            disabled: whether it is disabled from now on; None to leave that.

        Raises:
            CliError: the client was removed meanwhile.
            ClientError: AWS refused.
        """
        update = ItemUpdate()
        if client.id != OWNER:
            update.require("pk")
        update.set_text("name", client.name)
        for name, number in numbers.items():
            update.set(name, number)
        if disabled:
            update.set("disabled", 1)
        elif disabled is not None:
            update.remove("disabled")
        try:
            self._client.update_item(
                TableName=self._table, Key=_key("client", client.id), **update.parameters()
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise CliError(f"The client {client.name} was removed meanwhile.") from None

    def add_key(self, client: Client, key_id: str) -> None:
        """Write that a key belongs to a client."""
        item = {**_key("key", key_id), "client": {"S": client.id}}
        self._client.put_item(TableName=self._table, Item=item)

    def remove_key(self, key_id: str) -> None:
        """Delete what says that a key belongs to a client."""
        self._client.delete_item(TableName=self._table, Key=_key("key", key_id))

    def remove(self, registered: Registered) -> int:
        """Delete a client, its name and keys, its counters and the answers that are kept for it.

        The record is deleted last: until then the client can be found, and its removal repeated.

        Args:
            registered: the client.

        Returns:
            How many items were deleted.
        """
        client = registered.client
        own = self._scan(
            "pk = :usage OR begins_with(pk, :kept)",
            {":usage": f"{_USAGE}{client.id}", ":kept": f"idempotency#{client.id}#"},
        )
        keys = [{name: item[name] for name in ("pk", "sk")} for item in own]
        keys += [_key("key", key_id) for key_id in registered.key_ids]
        keys += [_key("name", client.name), _key("client", client.id)]
        for key in keys:
            self._client.delete_item(TableName=self._table, Key=key)
        return len(keys)

    def counters(self, month: str) -> dict[str, dict[str, Any]]:
        """Return the counters of a month, by client; those of all together are under ``stack``.

        Args:
            month: such as 2026-11.
        """
        items = self._scan("begins_with(pk, :kind) AND sk = :month", {":kind": _USAGE, ":month": month})
        return {item["pk"]["S"].removeprefix(_USAGE): item for item in items}

    def paused(self) -> bool:
        """Return whether the API is paused."""
        with self._found():
            return "Item" in self._client.get_item(
                TableName=self._table, Key=_key("flag", "paused"), ConsistentRead=True
            )

    def pause(self, on: bool) -> None:
        """Pause the API, or let queries through again."""
        key = _key("flag", "paused")
        with self._found():
            if on:
                since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
                self._client.put_item(TableName=self._table, Item={**key, "since": {"S": since}})
            else:
                self._client.delete_item(TableName=self._table, Key=key)

    def _taken(self, name: str) -> CliError:
        return CliError(
            f"There is a client {name} already. Choose another name, or look at that one: travel-gpt client "
            f"show {name}{self._flags}",
            USAGE,
        )

    def _scan(self, condition: str, values: dict[str, str]) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression=condition,
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            ConsistentRead=True,
        )
        with self._found():
            for page in pages:
                yield from page["Items"]

    @contextmanager
    def _found(self) -> Iterator[None]:
        try:
            yield
        except self._client.exceptions.ResourceNotFoundException:
            raise CliError(
                f"The table {self._table} of the stack does not exist: it was deleted outside the stack. "
                "Restore it under its name from a backup or by point-in-time recovery (in the DynamoDB "
                "console), then repeat.",
                USAGE,
            ) from None


def new_id() -> str:
    """Return an id for a client."""
    return f"c-{secrets.token_hex(8)}"


def whole_number(item: dict[str, Any], attribute: str) -> int:
    """Return a counter; 0 where there is none, or no whole number."""
    text = str(item.get(attribute, {}).get("N", ""))
    return int(text) if text.removeprefix("-").isdecimal() else 0


def _key(kind: str, name: str) -> dict[str, dict[str, str]]:
    return {attribute: {"S": value} for attribute, value in record_key(kind, name).items()}


def _registered(item: dict[str, Any], keys: dict[str, list[str]]) -> Registered:
    client_id = item["pk"]["S"].removeprefix("client#")
    damaged: list[str] = []
    for field in _NUMBERS:
        try:
            read_client(client_id, {field: item[field]} if field in item else {})
        except LimitsUnavailable:
            damaged.append(field)
    client = read_client(client_id, {name: value for name, value in item.items() if name not in damaged})
    return Registered(
        client, tuple(sorted(keys.get(client_id, ()))), whole_number(item, "created_at"), tuple(damaged)
    )
