"""The records of clients in the table, written with the owner's own permissions."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import boto3

from travel_gpt.cli.errors import CliError
from travel_gpt.guard.clients import OWNER, Client, read_client, record_key
from travel_gpt.guard.limits import Limits

_OWN_NAMES: Final = frozenset({OWNER, "stack", "address"})


@dataclass(frozen=True, slots=True)
class Registered:
    """A client and what is stored beside its limits."""

    client: Client
    key_id: str
    """The id of its API key; empty where it has none."""
    created_at: int
    """Seconds since the epoch."""


class ClientRecords:
    """The clients of one stack.

    Args:
        table: the name of its table.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._client = boto3.client("dynamodb")

    def all(self) -> Iterator[Registered]:
        """Return every client, in no order."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :kind)",
            ExpressionAttributeValues={":kind": {"S": "client#"}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield _registered(item)

    def find(self, name: str) -> Registered:
        """Return a client.

        Args:
            name: its name or its id.

        Raises:
            CliError: there is none.
        """
        for registered in self.all():
            if name in (registered.client.name, registered.client.id):
                return registered
        if name == OWNER:
            return Registered(Client(OWNER, OWNER, Limits()), "", 0)
        raise CliError(f"There is no client {name}. `travel-gpt client list` shows all of them.")

    def require_new(self, name: str) -> None:
        """Raise CliError where a client of that name exists already."""
        if name in _OWN_NAMES or any(name == each.client.name for each in self.all()):
            raise CliError(
                f"There is a client {name} already. Choose another name, or change it: "
                f"travel-gpt client limit {name}"
            )

    def write(self, client: Client, key_id: str, *, old_key_id: str = "", created_at: int = 0) -> None:
        """Write a client, and which key is its.

        Args:
            client: the client.
            key_id: the id of its API key; empty for none.
            old_key_id: the id of a key that it had before, and has no longer.
            created_at: when it was made; by default now.
        """
        record = {
            **_key("client", client.id),
            "name": {"S": client.name},
            "key_id": {"S": key_id},
            "created_at": {"N": str(created_at or int(time.time()))},
            "expires_at": {"N": str(client.expires_at)},
            **{field: {"N": str(getattr(client.limits, field))} for field in Limits.__dataclass_fields__},
            **({"disabled": {"BOOL": True}} if client.disabled else {}),
        }
        changes: list[dict[str, Any]] = [{"Put": {"TableName": self._table, "Item": record}}]
        if key_id:
            pointer = {**_key("key", key_id), "client": {"S": client.id}}
            changes.append({"Put": {"TableName": self._table, "Item": pointer}})
        if old_key_id and old_key_id != key_id:
            changes.append({"Delete": {"TableName": self._table, "Key": _key("key", old_key_id)}})
        self._client.transact_write_items(TransactItems=changes)

    def remove(self, registered: Registered) -> int:
        """Delete a client, its key's record, its counters and the answers that are kept for it.

        Args:
            registered: the client.

        Returns:
            How many items were deleted.
        """
        own = f"usage#{registered.client.id}", f"idempotency#{registered.client.id}#"
        keys = [_key("client", registered.client.id)]
        if registered.key_id:
            keys.append(_key("key", registered.key_id))
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table, ProjectionExpression="pk, sk", ConsistentRead=True
        )
        for page in pages:
            keys += [
                item
                for item in page["Items"]
                if item["pk"]["S"] == own[0] or item["pk"]["S"].startswith(own[1])
            ]
        for key in keys:
            self._client.delete_item(TableName=self._table, Key=key)
        return len(keys)

    def paused(self) -> bool:
        """Return whether the API is paused."""
        return "Item" in self._client.get_item(
            TableName=self._table, Key=_key("flag", "paused"), ConsistentRead=True
        )

    def pause(self, on: bool) -> None:
        """Pause the API, or let queries through again."""
        key = _key("flag", "paused")
        if on:
            since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            self._client.put_item(TableName=self._table, Item={**key, "since": {"S": since}})
        else:
            self._client.delete_item(TableName=self._table, Key=key)


def new_id() -> str:
    """Return an id for a client."""
    return f"c-{secrets.token_hex(8)}"


def _key(kind: str, name: str) -> dict[str, dict[str, str]]:
    return {attribute: {"S": value} for attribute, value in record_key(kind, name).items()}


def _registered(item: dict[str, Any]) -> Registered:
    client = read_client(item["pk"]["S"].removeprefix("client#"), item)
    return Registered(
        client, item.get("key_id", {}).get("S", ""), int(item.get("created_at", {"N": "0"})["N"])
    )
