"""The counters under any order of reservations, settlements, faults, deaths and jumps of the clock.

The environments share one table. The model is what each was promised and what it spent.
"""

from collections import Counter
from random import Random
from unittest.mock import patch

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.dynamodb import TABLE, FakeTable, MemoryTable
from tests.support.clock import Clock
from travel_gpt.aws.item_update import ItemUpdate
from travel_gpt.aws.table import ConditionFailed, Table, TableFailed
from travel_gpt.guard.counters import Counters, Exceeded, Reservation, Spent
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.windows import Windows

LIMITS = Limits(per_minute=3, per_day=8, parallel=2, budget_per_day=1000, budget_per_month=2000)
LEASE = 30
FAULT = st.sampled_from(
    [None, None, "lose", "duplicate", "throttle", "conflict", "drop", "fail", "fail late"]
)
ENVIRONMENT = st.integers(0, 2)


class Interleavings(RuleBasedStateMachine):
    """Three environments of the function."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = MemoryTable()
        self.clock = Clock()
        self.environments = [Counters(Table(TABLE, send=self.fake.send), now=self.clock) for _ in range(3)]
        self.held: list[tuple[Reservation, float]] = []
        self.ended: list[Reservation] = []
        self.spent: Counter[str] = Counter()
        self.admitted: Counter[str] = Counter()
        self.latest: dict[str, Windows] = {}
        # Where a lease is looked for first: hypothesis repeats its examples, with the same outcome each time.
        self.chance = patch("travel_gpt.guard.counters.secrets.randbelow", Random(0).randrange)
        self.chance.start()

    def teardown(self) -> None:
        self.chance.stop()

    @rule(
        environment=ENVIRONMENT,
        amount=st.integers(1, 400),
        faults=st.lists(FAULT, max_size=5),
        late=st.sampled_from([0, 0, 0, 1, 2, 90, 1440]),
    )
    def reserve(self, environment: int, amount: int, faults: list[str | None], late: int) -> None:
        """A request; a late one was taken minutes ago, or by a clock that was set back."""
        windows = Windows(Windows.at(self.clock()).minute - late)
        try:
            self.meet(*faults)
            found = self.environments[environment].reserve(
                "ann", LIMITS, amount, windows, lease_seconds=LEASE
            )
        except (Exceeded, TableFailed):
            return
        finally:
            self.meet()
        counted_in = found.totals.windows
        assert counted_in >= max(windows, self.latest.get(counted_in.month, windows))
        self.latest[counted_in.month] = counted_in
        self.admitted[f"m{counted_in.minute}"] += 1
        self.admitted[f"{counted_in.month} {counted_in.day}"] += 1
        self.held.append((found, self.clock() + LEASE))

    @precondition(lambda self: self.held)
    @rule(environment=ENVIRONMENT, data=st.data(), share=st.floats(0, 1), fault=FAULT)
    def settle(self, environment: int, data: st.DataObject, share: float, fault: str | None) -> None:
        """An answer that costs no more than was reserved for it."""
        reservation, _ = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        cost = int(reservation.amount * share)
        self.spend(reservation, cost)
        self.meet(fault)
        try:
            self.environments[environment].settle(reservation, Spent(cost, "model", 1, 1))
        except TableFailed:
            pass
        finally:
            self.meet()
        self.ended.append(reservation)

    @precondition(lambda self: self.ended)
    @rule(environment=ENVIRONMENT, data=st.data())
    def settle_again(self, environment: int, data: st.DataObject) -> None:
        """A settlement that arrives once more gives nothing back, unless the first did not arrive."""
        reservation = data.draw(st.sampled_from(self.ended))
        self.environments[environment].settle(reservation, Spent(reservation.amount))

    @precondition(lambda self: self.held)
    @rule()
    def die(self) -> None:
        """An environment ends: what it asked for may be charged in full."""
        reservation, _ = self.held.pop()
        self.spend(reservation, reservation.amount)

    @rule(seconds=st.sampled_from([1, 20, 31, 60, 3700, 86_400]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @invariant()
    def money_is_within_the_budgets_and_never_counted_too_low(self) -> None:
        promised = self.spent.copy()
        for reservation, _ in self.held:
            for period in _periods(reservation):
                promised[period] += reservation.amount
        for period, amount in promised.items():
            month, _, day = period.partition(" ")
            counters = self.fake.counters("ann", month)
            counted = counters[f"{day}.cost" if day else "cost"]
            assert amount <= counted <= (LIMITS.budget_per_day if day else LIMITS.budget_per_month)

    @invariant()
    def no_more_are_admitted_than_the_limits_say(self) -> None:
        for period, number in self.admitted.items():
            assert number <= (LIMITS.per_minute if period.startswith("m") else LIMITS.per_day)
        assert sum(self.clock() < ends for _, ends in self.held) <= LIMITS.parallel

    def spend(self, reservation: Reservation, cost: int) -> None:
        for period in _periods(reservation):
            self.spent[period] += cost

    def meet(self, *faults: str | None) -> None:
        left = iter(faults)
        self.fake.before = lambda *_: next(left, None)


def _periods(reservation: Reservation) -> tuple[str, str]:
    windows = reservation.totals.windows
    return windows.month, f"{windows.month} {windows.day}"


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)

_NAME = st.sampled_from(["a", "b.c", "size"])
_STEP = st.tuples(
    st.sampled_from(
        [
            *("require", "require_absent", "require_equal", "require_text", "require_at_most"),
            *("set", "set_text", "add", "remove"),
        ]
    ),
    _NAME,
    st.integers(-3, 3),
)
_OF_A_SET = st.tuples(st.sampled_from(["require_capacity", "add_to_set"]), st.just("set"), st.integers(0, 3))
_TEXTS = ("set_text", "require_text", "add_to_set")


def _do(table: Table, key: str, steps: list[tuple[str, str, int]]) -> object:
    update, changed = ItemUpdate(), set()
    update.add("always", 1)
    for verb, name, number in steps:
        if not verb.startswith("require"):
            if name in changed:
                continue
            changed.add(name)
        arguments: dict[str, list[object]] = {
            "require": [],
            "require_absent": [],
            "remove": [],
            "require_capacity": [str(number), 2],
        }
        given = str(number) if verb in _TEXTS else number
        getattr(update, verb)(name, *arguments.get(verb, [given]))
    try:
        return table.update(
            {"pk": key, "sk": "record"},
            **update.parameters(),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ConditionFailed as failed:
        return "condition", failed.item
    except TableFailed as failed:
        return failed.failure.code


def test_the_table_in_memory_answers_as_moto_does() -> None:
    with FakeTable() as moto:
        tables = Table(TABLE, send=moto.send), Table(TABLE, send=MemoryTable().send)
        examples = iter(range(10**6))

        @settings(max_examples=25, deadline=None)
        @given(st.lists(st.lists(_STEP | _OF_A_SET, max_size=4), min_size=1, max_size=5))
        def compare(updates: list[list[tuple[str, str, int]]]) -> None:
            key = f"usage#{next(examples)}"
            for steps in updates:
                expected, found = (_do(table, key, steps) for table in tables)
                assert found == expected
                if isinstance(found, str):
                    # moto keeps a part of an update that failed; DynamoDB's is made as a whole or not at all.
                    return
            one, other = (table.get({"pk": key, "sk": "record"}) for table in tables)
            assert one == other

        compare()
