"""Who a caller is, and whether that client may ask now."""

import pytest

from tests.fakes.dynamodb import MemoryTable
from tests.support.clock import Clock
from tests.unit.guard.conftest import Metrics
from travel_gpt.aws.table import Table
from travel_gpt.errors import (
    ClientDisabled,
    ClientExpired,
    Forbidden,
    LimitsUnavailable,
    Paused,
    TravelGPTError,
)
from travel_gpt.guard.clients import RECORD_TTL, ClientDirectory
from travel_gpt.guard.limits import Limits
from travel_gpt.settings import Settings

SETTINGS = Settings.load({"OWNER_API_KEY_ID": "ownerkey", "OPEN_PER_MINUTE": "5", "OPEN_PER_DAY": "50"})


@pytest.fixture
def directory(table: Table, clock: Clock) -> ClientDirectory:
    return ClientDirectory(SETTINGS, table, now=clock)


@pytest.fixture
def ann(fake: MemoryTable) -> None:
    fake.put("key#annskey", client="c1")
    fake.put("client#c1", name="ann", per_minute=10, budget_per_month=2_000_000_000)


@pytest.mark.usefixtures("ann")
def test_a_key_is_that_of_its_client_and_is_read_once_in_a_while(
    fake: MemoryTable, directory: ClientDirectory, clock: Clock
) -> None:
    client = directory.client_of_key("annskey")

    assert (client.id, client.name) == ("c1", "ann")
    assert client.limits == Limits(per_minute=10, budget_per_month=2_000_000_000)
    assert fake.calls["BatchGetItem"] == 2
    directory.client_of_key("annskey")
    assert fake.calls["BatchGetItem"] == 2
    clock.advance(RECORD_TTL)
    directory.client_of_key("annskey")
    assert fake.calls["BatchGetItem"] == 3


def test_the_owners_key_needs_no_record_and_obeys_one(
    fake: MemoryTable, directory: ClientDirectory, clock: Clock
) -> None:
    assert directory.client_of_key("ownerkey").limits == Limits()

    fake.put("client#owner", name="owner", per_day=3)
    clock.advance(RECORD_TTL)
    assert directory.client_of_key("ownerkey").limits == Limits(per_day=3)


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("client#c1", {"name": "ann", "disabled": 1}), ClientDisabled),
        (("client#c1", {"name": "ann", "expires_at": 1_795_176_004}), ClientExpired),
        (("flag#paused", {}), Paused),
        (("client#c1", {"name": "ann", "per_minute": "ten"}), LimitsUnavailable),
        (("client#c1", {"name": "ann", "budget_per_day": -1}), LimitsUnavailable),
    ],
)
def test_what_the_owner_changes_holds_within_seconds(
    fake: MemoryTable,
    directory: ClientDirectory,
    clock: Clock,
    change: tuple[str, dict[str, int | str]],
    error: type[TravelGPTError],
) -> None:
    directory.client_of_key("annskey")
    key, attributes = change
    fake.put(key, **attributes)
    clock.advance(RECORD_TTL)

    with pytest.raises(error):
        directory.client_of_key("annskey")


@pytest.mark.parametrize("key_id", ["", "unknown"])
def test_an_unknown_key_is_forbidden(directory: ClientDirectory, key_id: str) -> None:
    with pytest.raises(Forbidden):
        directory.client_of_key(key_id)


@pytest.mark.usefixtures("ann")
def test_a_removed_client_is_forbidden(fake: MemoryTable, directory: ClientDirectory, clock: Clock) -> None:
    directory.client_of_key("annskey")
    fake.items.delete("client#c1")
    clock.advance(RECORD_TTL)

    with pytest.raises(Forbidden):
        directory.client_of_key("annskey")


@pytest.mark.usefixtures("ann")
def test_a_table_that_is_away_lets_known_clients_ask(
    fake: MemoryTable, directory: ClientDirectory, clock: Clock, metrics: Metrics
) -> None:
    directory.client_of_key("annskey")
    clock.advance(3600)
    fake.before = lambda *_: "drop"

    assert directory.client_of_key("annskey").name == "ann"
    assert directory.client_of_key("ownerkey").id == "owner"
    assert metrics() == {"LimitsUnavailable": [1, 1, 1]}, "the key, ann's record and the owner's"
    with pytest.raises(LimitsUnavailable):
        directory.client_of_key("another")
    assert metrics() == {"LimitsUnavailable": [1]}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("", "none", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_an_address_counts_by_itself_and_ipv6_by_its_64(
    directory: ClientDirectory, one: str, other: str, same: bool
) -> None:
    first, second = directory.client_of_address(one), directory.client_of_address(other)

    assert (first.id == second.id) is same
    assert first.limits == Limits(per_minute=5, per_day=50)
    assert not one or one not in first.id
