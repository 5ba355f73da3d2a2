"""The counters in the table: requests and money of a client, or of the whole stack, in one item a month.

Each change is one UpdateItem, so it is made as a whole or not at all. A reservation adds the most that a call
can cost, with a condition for each limit, and leaves an attribute with its id. Settling it removes that
attribute and replaces the amount by the cost. So a request that reaches DynamoDB twice changes the counters
once, and what is never settled stays counted.

The attributes of an item, where ``05`` is the day of the month:

    latest          the latest minute that was counted in: windows never run backwards
    cost            nanodollars of the month, reserved or spent
    05.cost         those of the day
    05.requests     requests of the day
    05.refused      refusals of the day
    m29852190       requests of the minute
    p0, p1          when the lease of a request that runs at the same time ends, in milliseconds
    r29852190.ab12  a reservation: its nanodollars
    05.MODEL.input  what was answered by a model: also .output, .cost and .answers
    expires         when DynamoDB may delete the item (its TTL attribute)
"""

import re
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Final, NamedTuple

from travel_gpt.aws.failures import AwsFailure, Kind
from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.aws.table import ConditionFailed, Item, Table, TableFailed
from travel_gpt.deadline import Deadline
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.windows import Windows

STACK: Final = "stack"
"""The name of the counters of all clients together."""

TRIES: Final = 4
"""Updates that one reservation may take: the first, and those after a throttle or a lost reply."""

UPDATES: Final = 40
"""Updates of one reservation, with those that find the window over or the lease taken by another request."""

TRY_SECONDS: Final = 1.5
"""Seconds after which an update is not repeated: the caller waits."""

KEEP: Final = 400 * 86_400
"""Seconds after which DynamoDB may delete the counters of a month."""

STALE_MINUTES: Final = 60
"""Minutes after which a reservation that was not settled loses its attribute. Its amount stays counted."""

MOST_STALE: Final = 50
"""Attributes that one settlement deletes."""


_MINUTE: Final = re.compile(r"(?P<kind>[mr])(?P<minute>\d+)(\.\w+)?")


class Totals(NamedTuple):
    """What an item counts, after a change."""

    windows: Windows
    minute: int = 0
    """Requests of the minute."""
    requests: int = 0
    """Requests of the day."""
    day: int = 0
    """Nanodollars of the day."""
    month: int = 0
    """Nanodollars of the month."""

    @classmethod
    def of(cls, item: Item, windows: Windows) -> "Totals":
        """Read an item.

        Raises:
            TableFailed: a counter is not a whole number, or is negative.
        """
        day = windows.day
        names = (f"m{windows.minute}", f"{day}.requests", f"{day}.cost", "cost")
        return cls(windows, *(_number(item, name) for name in names))


class Exceeded(Exception):
    """A limit is reached.

    Args:
        limit: the field of ``Limits``.
        totals: what is counted.
    """

    def __init__(self, limit: str, totals: Totals) -> None:
        super().__init__(limit)
        self.limit, self.totals = limit, totals


class Spent(NamedTuple):
    """What a call cost and used."""

    cost: int
    """Nanodollars."""
    model: str = ""
    """Empty where no call was charged."""
    input_tokens: int = 0
    output_tokens: int = 0


class Reservation(NamedTuple):
    """An amount that one item counts until it is settled."""

    name: str
    token: str
    amount: int
    """Nanodollars."""
    totals: Totals
    lease: str = ""
    """The attribute of its lease."""
    lease_ends: int = 0
    """When the lease ends, in milliseconds since the epoch."""
    stale: tuple[str, ...] = ()
    """Attributes of windows and reservations that are over."""

    @property
    def attribute(self) -> str:
        """The attribute that stands for it."""
        return _attribute(self.totals.windows, self.token)


class Counters:
    """The counters.

    Args:
        table: the table.
        now: the wall clock, in seconds: for leases, and for the items' time to live.

    Attributes:
        now: the same.
    """

    def __init__(self, table: Table, *, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self.now = now
        self._latest = Windows(0)

    def reserve(
        self,
        name: str,
        limits: Limits,
        amount: int,
        windows: Windows,
        *,
        first: bool = True,
        lease_seconds: float = 0,
        deadline: Deadline | None = None,
    ) -> Reservation:
        """Count a request, and reserve the most that its call can cost.

        Args:
            name: whose counters.
            limits: the limits to keep.
            amount: nanodollars.
            windows: the windows of the request.
            first: whether the request itself is to be counted: not for a further try of it.
            lease_seconds: for how long the request counts as running, unless it is settled before.
            deadline: when the caller stops waiting.

        Returns:
            The reservation.

        Raises:
            Exceeded: a limit is reached, and nothing was counted.
            TableFailed: the table cannot be used. The amount may be counted nevertheless.
        """
        # The clock of API Gateway may be set back too.
        windows, began = max(windows, self._latest), self.now()
        self._latest = windows
        lease_ends = int((began + lease_seconds) * 1000) if first and limits.parallel else 0
        asked = _Asked(name, limits, amount, secrets.token_hex(6), first, lease_ends)
        slot = secrets.randbelow(limits.parallel) if lease_ends else 0
        failures = 0
        for _ in range(UPDATES):
            bounds = asked.bounds(windows)
            _require_within(bounds, {}, windows)
            now = int(self.now() * 1000)
            try:
                item = self._table.update(
                    _key(name, windows),
                    **_reserving(asked, bounds, windows, slot, now),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    deadline=deadline,
                )
            except TableFailed as failed:
                failures += 1
                if failures == TRIES or not failed.retryable or self.now() >= began + TRY_SECONDS:
                    raise
            except ConditionFailed as failed:
                item = failed.item
                if asked.attribute(windows) in item:
                    # An earlier try was carried out, and its reply was lost.
                    return asked.reservation(item, windows, slot)
                if (latest := _latest(item, windows)) > windows:
                    windows = self._latest = max(latest, self._latest)
                    continue
                _require_within(bounds, item, windows)
                slot = _free_slot(item, limits.parallel, now, windows) if asked.lease_ends else 0
            else:
                return asked.reservation(item, windows, slot)
        raise TableFailed(AwsFailure(Kind.THROTTLED, "too many requests change this item at the same time"))

    def read(
        self, names: Collection[str], windows: Windows, deadline: Deadline | None = None
    ) -> dict[str, Totals]:
        """Return what is counted, without counting anything.

        Args:
            names: whose counters.
            windows: the windows of the request.
            deadline: when the caller stops waiting.

        Raises:
            TableFailed: the table cannot be used, or a counter is damaged.
        """
        windows = max(windows, self._latest)
        keys = {name: _key(name, windows) for name in names}
        items = {item["pk"]["S"]: item for item in self._table.get(*keys.values(), deadline=deadline)}
        found = {name: items.get(key["pk"], {}) for name, key in keys.items()}
        return {name: Totals.of(item, max(windows, _latest(item, windows))) for name, item in found.items()}

    def settle(
        self, reservation: Reservation, spent: Spent, deadline: Deadline | None = None
    ) -> Totals | None:
        """Replace a reservation by what was spent. On any doubt whether that was done the reservation stays.

        Args:
            reservation: the reservation.
            spent: what the call cost; a ``cost`` of 0 releases the reservation.
            deadline: when the caller stops waiting.

        Returns:
            What is counted now; None where the reservation was settled before.

        Raises:
            TableFailed: the table cannot be used. It may be settled nevertheless.
        """
        windows = reservation.totals.windows
        try:
            item = self._table.update(
                _key(reservation.name, windows),
                **_settling(reservation, spent),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                deadline=deadline,
            )
        except ConditionFailed as failed:
            if reservation.lease and reservation.attribute in failed.item:
                # The lease had ended, and is another request's now.
                return self.settle(reservation._replace(lease=""), spent, deadline)
            return None
        return Totals.of(item, windows)

    def release(self, reservation: Reservation, deadline: Deadline | None = None) -> None:
        """End the lease of a reservation that was settled without it.

        Args:
            reservation: the reservation, with its lease.
            deadline: when the caller stops waiting.

        Raises:
            TableFailed: the table cannot be used. The lease then ends by itself.
        """
        update = ItemUpdate()
        update.require_equal(reservation.lease, reservation.lease_ends)
        update.remove(reservation.lease)
        with suppress(ConditionFailed):
            # It had ended, and may be another request's now.
            key = _key(reservation.name, reservation.totals.windows)
            self._table.update(key, **update.parameters(), deadline=deadline)

    def count_refusal(self, name: str, windows: Windows, deadline: Deadline | None = None) -> None:
        """Count a request that was refused.

        Raises:
            TableFailed: the table cannot be used.
        """
        update = ItemUpdate()
        update.add(f"{windows.day}.refused", 1)
        update.set("expires", windows.month_ends + KEEP)
        self._table.update(_key(name, windows), **update.parameters(), deadline=deadline)


class _Bound(NamedTuple):
    counter: str
    adds: int
    most: int | None
    """The most that may be counted before; None without a limit."""
    limit: str
    """The field of ``Limits``."""


class _Asked(NamedTuple):
    """What is to be reserved, the same for each try."""

    name: str
    limits: Limits
    amount: int
    token: str
    first: bool
    lease_ends: int

    def attribute(self, windows: Windows) -> str:
        return _attribute(windows, self.token)

    def bounds(self, windows: Windows) -> list[_Bound]:
        limits, day = self.limits, windows.day
        requests = [
            _Bound(
                f"m{windows.minute}", 1, limits.per_minute - 1 if limits.per_minute else None, "per_minute"
            ),
            _Bound(f"{day}.requests", 1, limits.per_day - 1 if limits.per_day else None, "per_day"),
        ]
        money = [
            _Bound(counter, self.amount, budget - self.amount if budget else None, limit)
            for counter, budget, limit in (
                (f"{day}.cost", limits.budget_per_day, "budget_per_day"),
                ("cost", limits.budget_per_month, "budget_per_month"),
            )
        ]
        return [*requests, *money] if self.first else money

    def reservation(self, item: Item, windows: Windows, slot: int) -> Reservation:
        oldest = {"m": windows.minute, "r": windows.minute - STALE_MINUTES}
        stale = [
            attribute
            for attribute in item
            if (over := _MINUTE.fullmatch(attribute)) and int(over["minute"]) < oldest[over["kind"]]
        ]
        lease = f"p{slot}" if self.lease_ends else ""
        totals, stale = Totals.of(item, windows), stale[:MOST_STALE]
        return Reservation(self.name, self.token, self.amount, totals, lease, self.lease_ends, tuple(stale))


def _reserving(asked: _Asked, bounds: list[_Bound], windows: Windows, slot: int, now: int) -> dict[str, Any]:
    update = ItemUpdate()
    update.require_absent(asked.attribute(windows))
    update.set(asked.attribute(windows), asked.amount)
    update.require_at_most("latest", windows.minute)
    update.set("latest", windows.minute)
    update.set("expires", windows.month_ends + KEEP)
    for bound in bounds:
        if bound.most is not None:
            update.require_at_most(bound.counter, bound.most)
        update.add(bound.counter, bound.adds)
    if asked.lease_ends:
        update.require_at_most(f"p{slot}", now)
        update.set(f"p{slot}", asked.lease_ends)
    return update.parameters()


def _settling(reservation: Reservation, spent: Spent) -> dict[str, Any]:
    day = reservation.totals.windows.day
    update = ItemUpdate()
    update.require(reservation.attribute)
    update.remove(reservation.attribute, *reservation.stale)
    if reservation.lease:
        update.require_equal(reservation.lease, reservation.lease_ends)
        update.remove(reservation.lease)
    for counter in ("cost", f"{day}.cost"):
        update.add(counter, spent.cost - reservation.amount)
    if spent.model:
        prefix = f"{day}.{spent.model}."
        update.add(f"{prefix}answers", 1)
        update.add(f"{prefix}input", spent.input_tokens)
        update.add(f"{prefix}output", spent.output_tokens)
        update.add(f"{prefix}cost", spent.cost)
    return update.parameters()


def _require_within(bounds: list[_Bound], item: Item, windows: Windows) -> None:
    for bound in bounds:
        if bound.most is not None and _number(item, bound.counter) > bound.most:
            raise Exceeded(bound.limit, Totals.of(item, windows))


def _free_slot(item: Item, slots: int, now: int, windows: Windows) -> int:
    free = [slot for slot in range(slots) if _number(item, f"p{slot}") <= now]
    if not free:
        raise Exceeded("parallel", Totals.of(item, windows))
    return secrets.choice(free)


def _latest(item: Item, windows: Windows) -> Windows:
    minute = _number(item, "latest")
    if minute * 60 >= windows.month_ends:
        wrong = f"the attribute latest of {_name(item)} is in another month"
        raise TableFailed(AwsFailure(Kind.OTHER, wrong))
    return Windows(minute)


def _attribute(windows: Windows, token: str) -> str:
    return f"r{windows.minute}.{token}"


def _key(name: str, windows: Windows) -> dict[str, str]:
    return {"pk": f"usage#{name}", "sk": windows.month}


def _number(item: Item, attribute: str) -> int:
    """Return a counter; 0 where there is none."""
    value = str(item.get(attribute, {"N": "0"}).get("N"))
    if not value.isdecimal():
        wrong = f"the attribute {attribute} of {_name(item)} is not a whole number from 0 on"
        raise TableFailed(AwsFailure(Kind.OTHER, wrong))
    return int(value)


def _name(item: Item) -> str:
    return str(item.get("pk", {}).get("S", "an item"))
