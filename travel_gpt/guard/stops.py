"""Which streams their clients stopped: flags in the table, since another function serves the streams."""

import time
from collections.abc import Callable
from typing import Final

from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.aws.table import Table, TableFailed
from travel_gpt.deadline import Deadline
from travel_gpt.guard.clients import RECORD
from travel_gpt.guard.unavailable import unavailable

KEEP: Final = 3600
"""Seconds after which DynamoDB may delete a flag. No stream lasts as long."""


class Stops:
    """The flags.

    Args:
        table: the table.
        now: the wall clock, in seconds.
    """

    def __init__(self, table: Table, *, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self._now = now

    def request(self, client: str, stream: str, deadline: Deadline) -> None:
        """Ask a stream to stop.

        Args:
            client: the id of the client: it reaches its own streams only.
            stream: the id of the stream's request.
            deadline: when the caller stops waiting.

        Raises:
            LimitsUnavailable: the table cannot be used.
        """
        update = ItemUpdate()
        update.set("expires", int(self._now()) + KEEP)
        try:
            self._table.update(_key(client, stream), deadline=deadline, **update.parameters())
        except TableFailed as failed:
            raise unavailable(failed, retry_after=2) from failed

    def requested(self, client: str, stream: str, deadline: Deadline) -> bool:
        """Return whether the client asked a stream to stop.

        Args:
            client: the id of the client.
            stream: the id of the stream's request.
            deadline: when the caller stops waiting.

        Raises:
            TableFailed: it cannot be read.
        """
        return bool(self._table.get(_key(client, stream), deadline=deadline))


def _key(client: str, stream: str) -> dict[str, str]:
    return {"pk": f"stop#{client}#{stream}", "sk": RECORD}
