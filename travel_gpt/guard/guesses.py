"""How many codes of invitations an address may try.

A code is too long to be guessed. The limit keeps those who try from using the table and the function for it.

An item has an attribute for each try that an address may make, with the moment from which it may be made
again. So the tries of any ten minutes are counted, not those of a window that begins anew.
"""

import time
from collections.abc import Callable
from typing import Final

from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.aws.table import ConditionFailed, Item, Table, TableFailed
from travel_gpt.deadline import Deadline
from travel_gpt.errors import RateLimited
from travel_gpt.guard.clients import record_key
from travel_gpt.guard.sessions import whole_number
from travel_gpt.guard.unavailable import unavailable
from travel_gpt.telemetry import logger

MOST: Final = 10
"""Tries of one address."""

WITHIN: Final = 600
"""Seconds in which it may make them."""

_TRIES: Final = tuple(f"t{number}" for number in range(MOST))


class Guesses:
    """The tries of each address.

    Args:
        table: the table.
        now: the wall clock, in seconds.
    """

    def __init__(self, table: Table, *, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self._now = now

    def count(self, address: str, item: Item, deadline: Deadline) -> str:
        """Count a try.

        Args:
            address: the id of the client that stands for the address.
            item: the item of the address as it was read; empty where there is none.
            deadline: when the caller stops waiting.

        Returns:
            What ``take_back`` needs.

        Raises:
            RateLimited: the address has made all its tries. Nothing is counted.
            LimitsUnavailable: the table cannot be used.
        """
        now = int(self._now())
        # Each time that another request takes the attribute first, one is fewer left.
        for _ in range(MOST + 1):
            free = [name for name in _TRIES if whole_number(item, name) <= now]
            if not free:
                break
            update = ItemUpdate()
            update.require_at_most(free[0], now)
            update.set(free[0], now + WITHIN)
            update.set("expires", now + WITHIN)
            try:
                self._table.update(
                    guesses_key(address),
                    **update.parameters(),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    deadline=deadline,
                )
            except ConditionFailed as failed:
                item = failed.item
            except TableFailed as failed:
                raise unavailable(failed) from failed
            else:
                return free[0]
        wait = max(1, min(whole_number(item, name) for name in _TRIES) - now)
        raise RateLimited(
            "the address has tried too many codes",
            message=f"Too many invitation links were tried from your network. Try again in {wait} seconds.",
            retry_after=wait,
        )

    def take_back(self, address: str, tried: str, deadline: Deadline) -> None:
        """Count a try no longer, since its code was right: many guests may be in one network.

        Args:
            address: as for ``count``.
            tried: what ``count`` returned.
            deadline: when the caller stops waiting.
        """
        update = ItemUpdate()
        update.set(tried, 0)
        try:
            self._table.update(guesses_key(address), **update.parameters(), deadline=deadline)
        except TableFailed as failed:
            logger.warning("A right code counts as a guess", extra={"detail": str(failed)})


def guesses_key(address: str) -> dict[str, str]:
    """Return the key of the item of an address."""
    return record_key("guess", address)
