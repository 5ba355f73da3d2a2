"""The sessions of the page: who a browser is, and how long."""

import hashlib
import json

import pytest

from tests.fakes.dynamodb import MemoryTable
from tests.support.clock import Clock
from tests.unit.guard.conftest import Metrics
from travel_gpt.aws.table import Table
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    ClientDisabled,
    ClientExpired,
    LimitsUnavailable,
    Paused,
    SessionExpired,
    SessionRequired,
    TravelGPTError,
)
from travel_gpt.guard.clients import OWNER, RECORD_TTL, Client, ClientDirectory
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.sessions import (
    IDLE,
    LONGEST,
    LONGEST_DEVICE,
    REPEATABLE,
    USE_NOTED_EVERY,
    Session,
    Sessions,
    new_token,
)
from travel_gpt.guard.visitors import Visitors
from travel_gpt.settings import Settings

ANN = Client("c1", "ann", Limits())
TOKEN = new_token()
SOON = Deadline(3600.0)  # of the whole file, however slow its tests are


@pytest.fixture
def sessions(table: Table, clock: Clock) -> Sessions:
    return Sessions(table, now=clock)


@pytest.fixture
def visitors(fake: MemoryTable, table: Table, sessions: Sessions, clock: Clock) -> Visitors:
    fake.put("client#c1", name="ann")
    return Visitors(sessions, ClientDirectory(Settings(), table, now=clock))


def begin(sessions: Sessions, client: Client = ANN, token: str = TOKEN, device: str = "Firefox") -> Session:
    return sessions.begin(client, token, device, SOON)


def stored(fake: MemoryTable) -> dict[str, dict[str, str]]:
    (item,) = (item for item in fake.items.all() if item["pk"]["S"].startswith("session#"))
    return item


def test_a_session_is_found_by_its_token_alone(sessions: Sessions, clock: Clock) -> None:
    begun = begin(sessions)

    assert sessions.find(TOKEN, SOON) == begun
    assert (begun.client, begun.device) == ("c1", "Firefox")
    assert begun.expires_at == clock() + LONGEST
    with pytest.raises(SessionExpired):
        sessions.find(new_token(), SOON)
    with pytest.raises(SessionRequired):
        sessions.find("", SOON)


def test_the_table_has_the_hash_of_the_token_and_the_token_is_not_printed(
    fake: MemoryTable, sessions: Sessions
) -> None:
    begun = begin(sessions)

    item = stored(fake)
    assert item["pk"]["S"] == f"session#{hashlib.sha256(TOKEN.encode()).hexdigest()}"
    assert {"client", "device", "created_at", "used_at", "expires_at", "expires"} <= set(item)
    assert TOKEN not in json.dumps(item) + repr(begun)


def test_tokens_have_256_random_bits() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert {len(new_token()) for _ in range(100)} == {43}, "base64url of 32 bytes"


@pytest.mark.parametrize("token", ["x", "x" * 42, "x" * 44, "ü" * 43, " " * 43, "x" * 43 + "\n", "../" * 15])
def test_a_token_of_another_form_is_refused_without_a_read(
    fake: MemoryTable, sessions: Sessions, token: str
) -> None:
    with pytest.raises(SessionExpired):
        sessions.find(token, SOON)
    sessions.end(token, SOON)

    assert fake.calls.total() == 0


def test_a_session_ends_after_90_days_though_it_is_used(sessions: Sessions, clock: Clock) -> None:
    begin(sessions)
    for _ in range(89):
        clock.advance(86_400)
        sessions.use(TOKEN, SOON)
    clock.advance(86_399)
    sessions.use(TOKEN, SOON)

    clock.advance(1)
    with pytest.raises(SessionExpired) as expired:
        sessions.use(TOKEN, SOON)
    assert expired.value.log_fields == {"client": "c1"}


def test_a_session_ends_after_30_days_without_use(sessions: Sessions, clock: Clock) -> None:
    begin(sessions)
    clock.advance(IDLE - 1)
    sessions.find(TOKEN, SOON)

    clock.advance(1)
    with pytest.raises(SessionExpired):
        sessions.find(TOKEN, SOON)


def test_a_session_does_not_outlive_its_client(sessions: Sessions, clock: Clock) -> None:
    ends = int(clock()) + 3600

    assert begin(sessions, ANN._replace(expires_at=ends)).expires_at == ends
    late = ANN._replace(expires_at=ends + LONGEST)
    assert begin(sessions, late, new_token()).expires_at == clock() + LONGEST


def test_use_is_written_once_a_day_and_looking_writes_nothing(
    fake: MemoryTable, sessions: Sessions, clock: Clock
) -> None:
    begin(sessions)
    fake.calls.clear()
    clock.advance(USE_NOTED_EVERY - 1)
    sessions.use(TOKEN, SOON)
    assert fake.calls == {"BatchGetItem": 1}

    clock.advance(1)
    sessions.find(TOKEN, SOON)
    assert fake.calls == {"BatchGetItem": 2}
    assert sessions.use(TOKEN, SOON).used_at == clock()
    assert fake.calls == {"BatchGetItem": 3, "UpdateItem": 1}
    sessions.use(TOKEN, SOON)
    assert fake.calls == {"BatchGetItem": 4, "UpdateItem": 1}
    # DynamoDB does not delete it before it is idle.
    assert int(stored(fake)["expires"]["N"]) == clock() + IDLE


def test_a_session_that_was_ended_is_ended_at_once_everywhere(
    fake: MemoryTable, table: Table, sessions: Sessions, clock: Clock
) -> None:
    elsewhere = Sessions(table, now=clock)
    begin(sessions)
    elsewhere.find(TOKEN, SOON)

    sessions.end(TOKEN, SOON)

    for each in (sessions, elsewhere):
        with pytest.raises(SessionExpired):
            each.use(TOKEN, SOON)
    with pytest.raises(SessionExpired):
        begin(sessions)
    # Deleted sooner, the same code and nonce could begin it again.
    assert int(stored(fake)["expires"]["N"]) == clock() + REPEATABLE


def test_ending_what_does_not_exist_writes_nothing(fake: MemoryTable, sessions: Sessions) -> None:
    sessions.end(new_token(), SOON)

    assert fake.items.all() == []


@pytest.mark.parametrize("ended", [True, False])
def test_a_session_that_ends_between_read_and_write_does_not_come_back(
    fake: MemoryTable, sessions: Sessions, clock: Clock, ended: bool
) -> None:
    begin(sessions)
    clock.advance(USE_NOTED_EVERY)
    key = stored(fake)["pk"]["S"]

    def between(operation: str, _: object) -> None:
        if operation == "UpdateItem":
            fake.items.delete(key)
            if ended:
                fake.put(key, client="c1", ended=1)

    fake.before = between
    with pytest.raises(SessionExpired):
        sessions.use(TOKEN, SOON)
    assert [set(item) for item in fake.items.all()] == ([{"pk", "sk", "client", "ended"}] if ended else [])


def test_a_use_that_cannot_be_noted_is_a_use(fake: MemoryTable, sessions: Sessions, clock: Clock) -> None:
    begin(sessions)
    clock.advance(USE_NOTED_EVERY)
    fake.before = lambda operation, _: "throttle" if operation == "UpdateItem" else None

    assert sessions.use(TOKEN, SOON).client == "c1"


def test_a_session_begins_once_however_often_that_is_asked_for(
    fake: MemoryTable, sessions: Sessions, clock: Clock
) -> None:
    first = begin(sessions)
    clock.advance(60)

    assert begin(sessions, device="Another") == first
    assert stored(fake)["device"]["S"] == "Firefox"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Firefox on Linux", "Firefox on Linux"),
        ("  Ann's\n\tphone\x1b[31m ", "Ann's phone [31m"),
        ("\u202ephone\ud800 📱", "phone 📱"),
        ("x" * 200, "x" * LONGEST_DEVICE),
        ("", ""),
    ],
)
def test_the_name_of_a_device_is_one_line(sessions: Sessions, given: str, kept: str) -> None:
    begin(sessions, device=given)

    assert sessions.find(TOKEN, SOON).device == kept


@pytest.mark.parametrize("fault", ["throttle", "fail", "deny", "drop"])
def test_without_the_table_known_sessions_go_on_and_others_do_not(
    fake: MemoryTable, sessions: Sessions, metrics: Metrics, fault: str
) -> None:
    begin(sessions)
    sessions.find(TOKEN, SOON)
    fake.before = lambda *_: fault

    assert sessions.find(TOKEN, SOON).client == "c1"
    for call in (
        lambda: sessions.find(new_token(), SOON),
        lambda: begin(sessions, token=new_token()),
        lambda: sessions.end(TOKEN, SOON),
    ):
        with pytest.raises(LimitsUnavailable) as failed:
            call()
        assert failed.value.retry_after == 5
    assert metrics() == {"LimitsUnavailable": [1, 1, 1, 1]}


def test_without_the_table_a_session_that_was_seen_to_have_ended_stays_ended(
    fake: MemoryTable, table: Table, sessions: Sessions
) -> None:
    begin(sessions)
    sessions.find(TOKEN, SOON)
    Sessions(table).end(TOKEN, SOON)
    with pytest.raises(SessionExpired):
        sessions.find(TOKEN, SOON)
    fake.before = lambda *_: "drop"

    with pytest.raises(LimitsUnavailable):
        sessions.find(TOKEN, SOON)


@pytest.mark.parametrize("field", ["client", "expires_at", "used_at"])
def test_a_damaged_session_has_ended(fake: MemoryTable, sessions: Sessions, field: str) -> None:
    begin(sessions)
    item = stored(fake)
    fake.put_item(item | {field: {"BOOL": "x"}})

    with pytest.raises(SessionExpired):
        sessions.find(TOKEN, SOON)


def test_a_visitor_asks_as_the_client_of_its_session(
    fake: MemoryTable, sessions: Sessions, visitors: Visitors
) -> None:
    fake.put("client#c1", name="ann", budget_per_month=2)
    begin(sessions)

    client = visitors.client(TOKEN, SOON)
    assert (client.id, client.limits) == ("c1", Limits(budget_per_month=2))
    visitor = visitors.find(TOKEN, SOON)
    assert (visitor.client, visitor.refusal, visitor.session.device) == (client, None, "Firefox")


def test_the_owner_can_be_a_visitor_without_a_record(sessions: Sessions, visitors: Visitors) -> None:
    begin(sessions, Client("owner", "owner", Limits()))

    assert visitors.client(TOKEN, SOON).id == "owner"


@pytest.mark.usefixtures("clock")
def test_a_visitor_costs_one_read_more_than_a_client_that_is_known(
    fake: MemoryTable, sessions: Sessions, visitors: Visitors
) -> None:
    begin(sessions)
    fake.calls.clear()

    visitors.client(TOKEN, SOON)
    assert fake.calls == {"BatchGetItem": 2}, "the session; the client and the flag"
    visitors.client(TOKEN, SOON)
    visitors.find(TOKEN, SOON)
    assert fake.calls == {"BatchGetItem": 4}


@pytest.mark.parametrize(
    ("key", "attributes", "error"),
    [
        ("client#c1", {"name": "ann", "disabled": 1, "sessions_after": 1_795_176_001}, ClientDisabled),
        ("client#c1", {"name": "ann", "expires_at": 1_795_176_004}, ClientExpired),
        ("flag#paused", {}, Paused),
    ],
)
def test_what_the_owner_refuses_a_client_its_visitors_are_refused_within_seconds(
    fake: MemoryTable,
    sessions: Sessions,
    visitors: Visitors,
    clock: Clock,
    key: str,
    attributes: dict[str, int | str],
    error: type[TravelGPTError],
) -> None:
    begin(sessions)
    visitors.client(TOKEN, SOON)
    fake.put(key, **attributes)
    clock.advance(RECORD_TTL)

    with pytest.raises(error):
        visitors.client(TOKEN, SOON)
    visitor = visitors.find(TOKEN, SOON)
    assert isinstance(visitor.refusal, error)
    assert visitor.client.name == "ann"


def test_a_client_that_was_disabled_has_none_of_its_sessions_back(
    fake: MemoryTable, sessions: Sessions, visitors: Visitors, clock: Clock
) -> None:
    begin(sessions)
    visitors.client(TOKEN, SOON)
    # The clock of the owner is late.
    ended = int(clock()) - 60
    fake.put("client#c1", name="ann", sessions_after=ended)
    clock.advance(RECORD_TTL)

    for call in (visitors.client, visitors.find):
        with pytest.raises(SessionExpired):
            call(TOKEN, SOON)

    # It is enabled, and invited again.
    another = new_token()
    begin(sessions, ANN._replace(sessions_after=ended), another)
    assert visitors.client(another, SOON).id == "c1"


def test_a_session_that_is_newer_than_what_is_known_of_its_client_is_valid(
    fake: MemoryTable, sessions: Sessions, visitors: Visitors
) -> None:
    begin(sessions)
    visitors.client(TOKEN, SOON)
    # Disabled, enabled and invited again, within the seconds for which the record is used.
    fake.put("client#c1", name="ann", sessions_after=1_795_176_000)
    another = new_token()
    begin(sessions, ANN._replace(sessions_after=1_795_176_000), another)

    assert visitors.client(another, SOON).id == "c1"
    with pytest.raises(SessionExpired):
        visitors.client(TOKEN, SOON)


def test_the_sessions_of_a_removed_client_have_ended(
    fake: MemoryTable, sessions: Sessions, visitors: Visitors, clock: Clock
) -> None:
    begin(sessions)
    visitors.client(TOKEN, SOON)
    fake.items.delete("client#c1")
    clock.advance(RECORD_TTL)

    for call in (visitors.client, visitors.find):
        with pytest.raises(SessionExpired) as expired:
            call(TOKEN, SOON)
        assert expired.value.log_fields == {"client": "c1"}


def refuse_reads_of(fake: MemoryTable, key: str) -> None:
    """Fail the reads of an item from now on, and no other call."""
    fake.before = lambda _, parameters: "throttle" if key in json.dumps(parameters) else None


def test_a_session_of_the_owner_needs_what_its_record_says(
    fake: MemoryTable, sessions: Sessions, visitors: Visitors
) -> None:
    begin(sessions, Client(OWNER, OWNER, Limits()))
    fake.put(f"client#{OWNER}", name=OWNER, disabled=1, sessions_after=1)
    refuse_reads_of(fake, f"client#{OWNER}")

    for call in (visitors.client, visitors.find):
        with pytest.raises(LimitsUnavailable):
            call(TOKEN, SOON)


def test_a_session_of_an_owner_without_a_record_is_valid(sessions: Sessions, visitors: Visitors) -> None:
    begin(sessions, Client(OWNER, OWNER, Limits()))

    assert visitors.client(TOKEN, SOON) == Client(OWNER, OWNER, Limits())


def test_a_newer_session_is_not_said_to_have_ended_while_the_client_cannot_be_read(
    fake: MemoryTable, sessions: Sessions, visitors: Visitors
) -> None:
    begin(sessions)
    visitors.client(TOKEN, SOON)
    # Disabled, enabled and invited again, when the table fails.
    another = new_token()
    begin(sessions, ANN._replace(sessions_after=1_795_176_000), another)
    refuse_reads_of(fake, "client#c1")

    with pytest.raises(LimitsUnavailable):
        visitors.client(another, SOON)
