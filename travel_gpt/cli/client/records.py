"""The records of clients in the table, written with the owner's own permissions.

Besides the records that the function reads, each name has an item ``name#NAME``, so that of two clients that
are added at the same time only one gets it. Which keys a client has is in the items ``key#API_KEY_ID`` alone.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import boto3

from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.cli.client.items import item_key, kind_of, text_of
from travel_gpt.cli.client.page_access import PREFIXES
from travel_gpt.cli.client.registered import Registered, id_of, read_registered
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.guard.clients import OWNER, Client
from travel_gpt.guard.counters import STACK
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.new_invitation import NewInvitation
from travel_gpt.guard.typed_limits import checked_name

_RESERVED: Final = frozenset({STACK, "address"})
"""Names that the counters of all clients, and of callers without a key, have."""
_USAGE: Final = "usage#"


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
        prefixes = {f":{number}": each for number, each in enumerate(("client#", "key#", *PREFIXES))}
        condition = " OR ".join(f"begins_with(pk, {alias})" for alias in prefixes)
        records: list[dict[str, Any]] = []
        others: dict[str, list[dict[str, Any]]] = {}
        for item in self._scan(condition, prefixes):
            if kind_of(item) == "client":
                records.append(item)
            else:
                others.setdefault(text_of(item, "client"), []).append(item)
        found = [read_registered(item, others.get(id_of(item), [])) for item in records]
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
        self._add(client, {**item_key("key", key_id), "client": {"S": client.id}})

    def add_guest(self, client: Client, invitation: NewInvitation) -> None:
        """Write a new client without an API key, its name and its invitation, all of them or none.

        Args:
            client: the client.
            invitation: its invitation.

        Raises:
            CliError: there is a client of that name.
            ClientError: AWS refused.
        """
        self._add(client, invitation.item, guest=1)

    def _add(self, client: Client, access: dict[str, Any], **more: int) -> None:
        numbers = {
            **client.limits._asdict(),
            "expires_at": client.expires_at,
            "created_at": int(time.time()),
            **more,
        }
        record = {"name": {"S": client.name}, **{name: {"N": str(value)} for name, value in numbers.items()}}
        puts = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": item,
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
            for item in (
                {**item_key("client", client.id), **record},
                {**item_key("name", client.name), "client": {"S": client.id}},
                access,
            )
        ]
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as canceled:
            reasons = [each.get("Code") for each in canceled.response.get("CancellationReasons", [])]
            if "ConditionalCheckFailed" in reasons:
                raise self._taken(client.name) from None
            raise

    def change(self, client: Client, numbers: dict[str, int], *, enabled: bool = False) -> None:
        """Change some fields of a client's record, and leave the others as they are by then.

        Args:
            client: the client. The owner's record is made with the first change.
            numbers: the fields and their new values.
            enabled: whether to enable it.

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
        if enabled:
            update.remove("disabled")
        try:
            self._client.update_item(
                TableName=self._table, Key=item_key("client", client.id), **update.parameters()
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise CliError(f"The client {client.name} was removed meanwhile.") from None

    def disable(self, registered: Registered) -> None:
        """Disable a client, and end its sessions and invitations for good.

        Args:
            registered: the client.

        Raises:
            CliError: the client was removed meanwhile.
            ClientError: AWS refused.
        """
        client = registered.client
        # Another one in any case, also where the clock was put back since the last time.
        ended = max(int(time.time()), client.sessions_after + 1)
        self.change(client, {"disabled": 1, "sessions_after": ended})

    def add_key(self, client: Client, key_id: str) -> None:
        """Write that a key belongs to a client."""
        item = {**item_key("key", key_id), "client": {"S": client.id}}
        self._client.put_item(TableName=self._table, Item=item)

    def add_invitation(self, invitation: NewInvitation) -> None:
        """Write another invitation of a client."""
        self._client.put_item(TableName=self._table, Item=invitation.item)

    def remove_key(self, key_id: str) -> None:
        """Delete what says that a key belongs to a client."""
        self._client.delete_item(TableName=self._table, Key=item_key("key", key_id))

    def remove(self, registered: Registered) -> int:
        """Delete a client, its name, keys, invitations and sessions, its counters and its kept answers.

        The record is deleted last: until then the client can be found, and its removal repeated.

        Args:
            registered: the client.

        Returns:
            How many items were deleted.
        """
        client = registered.client
        own = self._scan(
            "pk = :usage OR begins_with(pk, :kept) OR #client = :id",
            {":usage": f"{_USAGE}{client.id}", ":kept": f"idempotency#{client.id}#", ":id": client.id},
            ExpressionAttributeNames={"#client": "client"},
        )
        keys = [{name: item[name] for name in ("pk", "sk")} for item in own]
        keys.append(item_key("client", client.id))
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
                TableName=self._table, Key=item_key("flag", "paused"), ConsistentRead=True
            )

    def pause(self, on: bool) -> None:
        """Pause the API, or let queries through again."""
        key = item_key("flag", "paused")
        with self._found():
            if on:
                since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
                self._client.put_item(TableName=self._table, Item={**key, "since": {"S": since}})
            else:
                self._client.delete_item(TableName=self._table, Key=key)

    def _taken(self, name: str) -> CliError:
        return CliError(
            f"There is a client {name} already. Choose another name, make a link to the page for that one "
            f"(travel-gpt invite {name} --again{self._flags}), or look at it: travel-gpt client show "
            f"{name}{self._flags}",
            USAGE,
        )

    def _scan(self, condition: str, values: dict[str, str], **more: Any) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression=condition,
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            ConsistentRead=True,
            **more,
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
