"""Invitations: who gets a session for a code, how often, and what is stored of it."""

import hashlib
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from tests.fakes.dynamodb import TABLE, FakeTable, MemoryTable, TableResponse
from tests.support.clock import Clock
from travel_gpt.aws.table import Table
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    ClientDisabled,
    ClientExpired,
    InvalidConstraint,
    InvitationInvalid,
    LimitsUnavailable,
    RateLimited,
    SessionExpired,
    TravelGPTError,
)
from travel_gpt.guard.callers import Caller
from travel_gpt.guard.clients import RECORD_TTL, Client
from travel_gpt.guard.guard import Guard
from travel_gpt.guard.guesses import MOST, WITHIN
from travel_gpt.guard.invitations import Redeemed
from travel_gpt.guard.limits import Limits
from travel_gpt.guard.new_invitation import new_invitation
from travel_gpt.guard.sessions import REPEATABLE
from travel_gpt.settings import Settings

SOON = Deadline(3600.0)  # of the whole file, however slow its tests are
MONTH = 30 * 86_400
NONCE, OTHER, THIRD = (secrets.token_urlsafe(32) for _ in range(3))
HOME, AWAY = "203.0.113.5", "198.51.100.7"


class Guests:
    """The table with one guest, and environments of the function, which share the clock."""

    def __init__(self, fake: FakeTable, clock: Clock) -> None:
        self.fake, self.clock = fake, clock
        self.guard = self.environment(fake.send)
        self.guest()

    def environment(self, send: Callable[[AWSPreparedRequest], TableResponse]) -> Guard:
        return Guard(Settings(table_name=TABLE), Table(TABLE, send=send), now=self.clock)

    def guest(self, **changes: int) -> None:
        """Write the guest's record anew."""
        record = {"guest": 1, "expires_at": int(self.clock()) + MONTH, **changes}
        self.fake.put("client#c1", name="ann", **record)
        self.client = Client("c1", "ann", Limits(), sessions_after=changes.get("sessions_after", 0))

    def invite(self, devices: int = 1, expires_in: int = MONTH) -> str:
        now = int(self.clock())
        invitation = new_invitation(self.client, devices=devices, expires_at=now + expires_in, now=now)
        self.fake.put_item(invitation.item)
        return invitation.code

    def redeem(
        self, code: str, nonce: str = NONCE, *, device: str = "Firefox", address: str = HOME
    ) -> Redeemed:
        return self.guard.invitations.redeem(code, nonce, device, address, SOON)

    def client_of(self, token: str) -> Client:
        return self.guard.client(Caller(session=token), SOON)

    def items(self, kind: str) -> list[dict[str, Any]]:
        assert isinstance(self.fake, MemoryTable)
        return [item for item in self.fake.items.all() if item["pk"]["S"].startswith(f"{kind}#")]


@pytest.fixture
def guests(fake: MemoryTable, clock: Clock) -> Guests:
    return Guests(fake, clock)


def test_an_invitation_becomes_a_session_of_its_guest(guests: Guests, clock: Clock) -> None:
    redeemed = guests.redeem(guests.invite(), device="Ann's phone")

    assert (redeemed.client.id, redeemed.client.name) == ("c1", "ann")
    assert (redeemed.session.device, redeemed.session.expires_at) == ("Ann's phone", clock() + MONTH)
    assert guests.client_of(redeemed.session.token).id == "c1"
    assert guests.guard.client_id(Caller(session=redeemed.session.token), SOON) == "c1"


def test_moto_redeems_as_the_table_in_memory_does(clock: Clock) -> None:
    with FakeTable() as moto:
        guests = Guests(moto, clock)
        code = guests.invite(devices=2)

        first = guests.redeem(code)
        assert guests.redeem(code).session == first.session
        assert guests.redeem(code, OTHER).session.token != first.session.token
        with pytest.raises(InvitationInvalid):
            guests.redeem(code, secrets.token_urlsafe(32))
        for number in range(MOST):
            with pytest.raises(InvitationInvalid):
                guests.redeem(f"wrong-{number}")
        with pytest.raises(RateLimited):
            guests.redeem("wrong")
        assert guests.client_of(first.session.token).id == "c1"
        guests.guard.sessions.end(first.session.token, SOON)
        with pytest.raises(SessionExpired):
            guests.client_of(first.session.token)


def test_each_device_has_a_session_of_its_own_and_one_more_is_refused(guests: Guests) -> None:
    code = guests.invite(devices=2)

    tokens = {guests.redeem(code, nonce).session.token for nonce in (NONCE, OTHER)}

    assert len(tokens) == 2
    with pytest.raises(InvitationInvalid) as refused:
        guests.redeem(code, secrets.token_urlsafe(32))
    assert "was for 2 devices, and is used up" in refused.value.message
    assert len(guests.items("session")) == 2


def test_a_repeated_request_gets_the_same_session_for_ten_minutes(guests: Guests, clock: Clock) -> None:
    code = guests.invite()
    first = guests.redeem(code)

    clock.advance(REPEATABLE - 1)
    assert guests.redeem(code, device="another") == first
    clock.advance(1)
    with pytest.raises(InvitationInvalid) as refused:
        guests.redeem(code)
    assert "was used on this device before" in refused.value.message
    assert len(guests.items("session")) == 1


def test_a_nonce_is_known_as_long_as_its_invitation(guests: Guests, clock: Clock) -> None:
    guests.redeem(guests.invite(expires_in=MONTH))

    (kept,) = guests.items("redemption")
    (invitation,) = guests.items("invitation")
    assert int(kept["expires"]["N"]) >= int(invitation["expires"]["N"]) == clock() + MONTH


def test_a_session_that_was_signed_out_is_not_given_again(guests: Guests) -> None:
    code = guests.invite()
    guests.guard.sessions.end(guests.redeem(code).session.token, SOON)

    with pytest.raises(InvitationInvalid):
        guests.redeem(code)


def test_the_table_has_neither_code_nor_nonce_nor_token(guests: Guests) -> None:
    code = guests.invite()
    redeemed = guests.redeem(code)

    stored = json.dumps(guests.items(""))
    for secret in (code, NONCE, redeemed.session.token):
        assert secret not in stored
        assert secret not in repr(redeemed)
    (kept,) = guests.items("redemption")
    assert kept["pk"]["S"] == f"redemption#{hashlib.sha256(f'{code}.{NONCE}'.encode()).hexdigest()}"
    assert len(kept["token"]["S"]) == 43
    assert HOME not in stored


def test_a_wrong_code_costs_one_read_and_one_count(guests: Guests) -> None:
    guests.invite()
    guests.fake.calls.clear()

    with pytest.raises(InvitationInvalid) as refused:
        guests.redeem(secrets.token_urlsafe(24))

    assert guests.fake.calls == {"BatchGetItem": 1, "UpdateItem": 1}
    assert refused.value.message == InvitationInvalid.message
    assert [len(guests.items(kind)) for kind in ("guess", "redemption", "session")] == [1, 0, 0]


@pytest.mark.parametrize("code", ["", "x", "x" * 5000, "\x00", "#", "../../x"])
def test_a_code_of_another_form_is_a_wrong_one(guests: Guests, code: str) -> None:
    with pytest.raises(InvitationInvalid):
        guests.redeem(code)
    assert len(guests.items("guess")) == 1


@pytest.mark.parametrize("code", ["ü", "\ud800"])
def test_what_no_code_can_be_reads_nothing(guests: Guests, code: str) -> None:
    with pytest.raises(InvitationInvalid):
        guests.redeem(code)
    assert guests.fake.calls.total() == 0


@pytest.mark.parametrize("nonce", ["", "x" * 42, "x" * 44, "ü" * 43, "x" * 42 + "\n", "." * 43])
def test_a_nonce_has_256_bits(guests: Guests, nonce: str) -> None:
    with pytest.raises(InvalidConstraint):
        guests.redeem(guests.invite(), nonce)
    assert guests.fake.calls.total() == 0


def test_an_invitation_expires(guests: Guests, clock: Clock) -> None:
    code = guests.invite(expires_in=3600)
    clock.advance(3599)
    guests.redeem(code)

    clock.advance(1)
    with pytest.raises(InvitationInvalid) as refused:
        guests.redeem(code)
    assert "has expired" in refused.value.message


@pytest.mark.parametrize("changes", [{"disabled": 1}, {"disabled": 1, "sessions_after": 1_795_176_000}])
def test_the_invitation_of_a_disabled_client_is_refused_for_that(
    guests: Guests, changes: dict[str, int]
) -> None:
    code = guests.invite()
    guests.guest(**changes)

    with pytest.raises(ClientDisabled):
        guests.redeem(code)


def test_the_invitation_of_an_expired_client_is_refused_for_that(guests: Guests, clock: Clock) -> None:
    code = guests.invite()
    guests.guest(expires_at=int(clock()))

    with pytest.raises(ClientExpired):
        guests.redeem(code)


def test_what_was_disabled_and_enabled_needs_another_invitation(guests: Guests, clock: Clock) -> None:
    code = guests.invite(devices=2)
    first = guests.redeem(code)
    guests.guest(sessions_after=int(clock()))

    for nonce in (NONCE, OTHER):
        with pytest.raises(InvitationInvalid) as refused:
            guests.redeem(code, nonce)
        assert "withdrawn" in refused.value.message
    clock.advance(RECORD_TTL)
    with pytest.raises(SessionExpired):
        guests.client_of(first.session.token)
    again = guests.redeem(guests.invite())
    assert guests.client_of(again.session.token).id == "c1"


def test_the_invitation_of_a_removed_client_is_void(guests: Guests) -> None:
    assert isinstance(guests.fake, MemoryTable)
    code = guests.invite()
    guests.fake.items.delete("client#c1")

    with pytest.raises(InvitationInvalid):
        guests.redeem(code)


def test_a_paused_api_lets_guests_in(guests: Guests) -> None:
    guests.fake.put("flag#paused")

    assert guests.redeem(guests.invite()).client.id == "c1"


@pytest.mark.parametrize("devices", [0, -1, "two"])
def test_an_invitation_for_no_device_or_a_damaged_one_is_used_up(guests: Guests, devices: int | str) -> None:
    invitation = new_invitation(
        guests.client, devices=1, expires_at=int(guests.clock()) + MONTH, now=guests.clock()
    )
    guests.fake.put_item(invitation.item | {"devices": {"N": str(devices)}})

    with pytest.raises(InvitationInvalid):
        guests.redeem(invitation.code)
    assert guests.items("session") == []


def test_an_address_tries_ten_codes_in_any_ten_minutes(guests: Guests, clock: Clock) -> None:
    right = guests.invite()
    for _ in range(MOST):
        with pytest.raises(InvitationInvalid):
            guests.redeem("wrong")
        clock.advance(30)
    guests.fake.calls.clear()

    with pytest.raises(RateLimited) as limited:
        guests.redeem(right)
    assert limited.value.retry_after == WITHIN - 30 * MOST
    assert f"in {limited.value.retry_after} seconds" in limited.value.message
    assert guests.fake.calls == {"BatchGetItem": 1}

    clock.advance(limited.value.retry_after - 1)
    with pytest.raises(RateLimited):
        guests.redeem(right)
    clock.advance(1)
    with pytest.raises(InvitationInvalid):
        guests.redeem("wrong")
    with pytest.raises(RateLimited):
        guests.redeem(right)
    guests.redeem(right, address=AWAY)


def test_guesses_at_the_same_time_are_all_counted(guests: Guests) -> None:
    def guess(guests: Guests) -> None:
        # Between its read and its count, eight others are made.
        for _ in range(8):
            with pytest.raises(InvitationInvalid):
                guests.redeem("wrong", address=AWAY)

    assert isinstance(redeem_with(guests, guess, 2, "wrong"), InvitationInvalid)
    assert isinstance(redeem_with(guests, lambda _: None, 0, "wrong"), InvitationInvalid)
    assert isinstance(redeem_with(guests, lambda _: None, 0, "wrong"), RateLimited)


def test_a_guess_that_meets_ten_others_is_not_answered(guests: Guests) -> None:
    def guess(guests: Guests) -> None:
        for _ in range(MOST):
            with pytest.raises(InvitationInvalid):
                guests.redeem("wrong", address=AWAY)

    limited = redeem_with(guests, guess, 2, guests.invite())

    assert isinstance(limited, RateLimited)
    assert limited.retry_after == WITHIN


def test_dynamodb_deletes_the_guesses_of_an_address_once_they_do_not_count(guests: Guests) -> None:
    with pytest.raises(InvitationInvalid):
        guests.redeem("wrong")

    (guesses,) = guests.items("guess")
    assert int(guesses["expires"]["N"]) == guests.clock() + WITHIN


def test_a_hundred_guests_in_one_network_can_all_come_in(guests: Guests) -> None:
    code = guests.invite(devices=100)

    for _ in range(100):
        guests.redeem(code, secrets.token_urlsafe(32))
    assert len(guests.items("session")) == 100


def test_any_number_of_guesses_leaves_one_small_item(guests: Guests) -> None:
    guests.invite()
    for _ in range(10 * MOST):
        with pytest.raises((InvitationInvalid, RateLimited)):
            guests.redeem(secrets.token_urlsafe(24))

    assert guests.items("session") == guests.items("redemption") == []
    (guesses,) = guests.items("guess")
    assert set(guesses) == {"pk", "sk", "expires", *(f"t{number}" for number in range(MOST))}


Act = Callable[[Guests], object]


def redeem_with(
    guests: Guests, act: Act, at: int, code: str, nonce: str = NONCE
) -> Redeemed | TravelGPTError:
    """Redeem in an environment of its own; something else happens before its call of that number."""
    calls = 0

    def send(request: AWSPreparedRequest) -> TableResponse:
        nonlocal calls
        calls += 1
        if calls == at:
            act(guests)
        return guests.fake.send(request)

    try:
        return guests.environment(send).invitations.redeem(code, nonce, "Chrome", AWAY, SOON)
    except TravelGPTError as failure:
        return failure


CALLS = 7
each_call = pytest.mark.parametrize("at", range(1, CALLS + 1))


def test_redeeming_takes_this_many_calls(guests: Guests) -> None:
    guests.redeem(guests.invite())

    assert guests.fake.calls.total() == CALLS


@each_call
def test_of_two_that_redeem_at_once_with_one_device_left_one_gets_it(guests: Guests, at: int) -> None:
    code = guests.invite()
    outcomes: list[Redeemed | TravelGPTError] = []

    def other(guests: Guests) -> None:
        try:
            outcomes.append(guests.redeem(code, OTHER))
        except TravelGPTError as failure:
            outcomes.append(failure)

    outcomes.append(redeem_with(guests, other, at, code))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvitationInvalid", "Redeemed"]
    assert len(guests.items("session")) == 1


@each_call
def test_the_same_request_twice_at_once_is_one_session(guests: Guests, at: int) -> None:
    code = guests.invite()
    others: list[Redeemed] = []

    found = redeem_with(guests, lambda guests: others.append(guests.redeem(code)), at, code)

    assert isinstance(found, Redeemed)
    assert found.session == others[0].session
    assert len(guests.items("session")) == 1
    with pytest.raises(InvitationInvalid):
        guests.redeem(code, OTHER)


@each_call
@pytest.mark.parametrize("fault", ["lose", "drop", "fail", "fail late", "throttle", "conflict", "duplicate"])
def test_whichever_reply_is_lost_trying_again_uses_one_device(guests: Guests, at: int, fault: str) -> None:
    code = guests.invite()
    calls = 0

    def fail(*_: object) -> str | None:
        nonlocal calls
        calls += 1
        return fault if calls == at else None

    guests.fake.before = fail
    sessions = []
    with suppress(LimitsUnavailable):
        sessions.append(guests.redeem(code).session)
    again = guests.redeem(code).session

    assert sessions in ([], [again])
    assert guests.client_of(again.token).id == "c1"
    assert len(guests.items("session")) == 1
    with pytest.raises(InvitationInvalid):
        guests.redeem(code, OTHER)


@each_call
def test_disabled_at_any_call_there_is_no_session_that_outlasts_it(guests: Guests, at: int) -> None:
    code = guests.invite()

    found = redeem_with(
        guests, lambda guests: guests.guest(disabled=1, sessions_after=1_795_176_060), at, code
    )

    guests.guest(sessions_after=1_795_176_060)
    guests.clock.advance(RECORD_TTL)
    if isinstance(found, Redeemed):
        with pytest.raises(SessionExpired):
            guests.client_of(found.session.token)
    else:
        assert isinstance(found, ClientDisabled)
    with pytest.raises(InvitationInvalid):
        guests.redeem(code)


@each_call
def test_a_client_that_is_removed_meanwhile_has_no_session(guests: Guests, at: int) -> None:
    memory = guests.fake
    assert isinstance(memory, MemoryTable)
    code = guests.invite()

    def remove(_: Guests) -> None:
        for kind in ("client", "invitation"):
            memory.items.delete(guests.items(kind)[0]["pk"]["S"])

    found = redeem_with(guests, remove, at, code)

    guests.clock.advance(RECORD_TTL)
    if isinstance(found, Redeemed):
        with pytest.raises(SessionExpired):
            guests.client_of(found.session.token)
    else:
        assert isinstance(found, InvitationInvalid)
    assert guests.items("invitation") == []


@pytest.mark.parametrize("seed", range(20))
def test_however_the_network_fails_each_device_has_one_session(clock: Clock, seed: int) -> None:
    faults = ("lose", "drop", "fail", "fail late", "throttle", "conflict", "duplicate")
    guests = Guests(MemoryTable(dict.fromkeys(faults, 0.05), seed), clock)
    code = guests.invite(devices=2)
    got: dict[str, set[str]] = {}
    for attempt in range(120):
        nonce = (NONCE, OTHER, THIRD)[attempt % 3]
        # Each from an address of its own: what failed may have been counted as a guess.
        with suppress(LimitsUnavailable, InvitationInvalid):
            session = guests.redeem(code, nonce, address=f"10.0.0.{attempt}").session
            got.setdefault(nonce, set()).add(session.token)

    assert sorted(len(tokens) for tokens in got.values()) == [1, 1]
    assert len(guests.items("session")) == 2


def test_a_session_that_was_signed_out_is_kept_as_long_as_its_token(guests: Guests) -> None:
    guests.guard.sessions.end(guests.redeem(guests.invite()).session.token, SOON)

    (session,), (kept,) = guests.items("session"), guests.items("redemption")
    assert int(session["expires"]["N"]) >= int(kept["until"]["N"]), "DynamoDB could delete it before"


def test_no_link_is_said_to_be_withdrawn_while_its_guest_cannot_be_read(guests: Guests) -> None:
    # Known from before, disabled, enabled and invited again
    guests.client_of(guests.redeem(guests.invite(), OTHER).session.token)
    guests.guest(sessions_after=int(guests.clock()))
    code = guests.invite()
    guests.fake.before = lambda _, sent: "throttle" if "client#c1" in json.dumps(sent) else None

    with pytest.raises(LimitsUnavailable):
        guests.redeem(code)

    guests.fake.before = lambda *_: None
    assert guests.redeem(code).client.id == "c1"


def test_the_addresses_of_an_ipv6_network_try_together(guests: Guests) -> None:
    for number in range(MOST):
        with pytest.raises(InvitationInvalid):
            guests.redeem("wrong", address=f"2001:db8::{number:x}")

    with pytest.raises(RateLimited):
        guests.redeem("wrong", address="2001:db8::ffff:1")
    with pytest.raises(InvitationInvalid):
        guests.redeem("wrong", address="2001:db8:0:1::1")
