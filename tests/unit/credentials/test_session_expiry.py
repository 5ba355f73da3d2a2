"""A key whose ``expires_at`` has passed: refused where that is enforced, else used with a warning."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.support.clock import Clock
from tests.unit import doubles
from tests.unit.doubles import FIRST, SECOND, TTL, ScriptedSource, credential, soon
from travel_gpt.credentials.cache import FAILURE_TTL
from travel_gpt.credentials.cache_entry import DOUBTFUL_TTL
from travel_gpt.credentials.secret import Credential, read_secret
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.errors import CredentialError, CredentialExpired, CredentialsUnavailable, SecretNotFound
from travel_gpt.telemetry import flush_metrics

HOUR = 3600.0
DAY = 24 * HOUR
AWAY = CredentialsUnavailable("Secrets Manager throttled the call")


session_of = partial(doubles.session_of, previous_for=3600, enforce_expiry=True)


def key(
    clock: Clock, *, ends_in: float | None, made_ago: float = 2 * HOUR, other: bool = False
) -> Credential:
    return replace(
        SECOND if other else FIRST,
        created_at=clock() - made_ago,
        expires_at=None if ends_in is None else clock() + ends_in,
    )


def refusal_of(cache: CredentialSession) -> CredentialExpired:
    with pytest.raises(CredentialExpired) as failed:
        cache.current(soon())
    return failed.value


@pytest.mark.parametrize("ends_in", [0.0, -0.001, -DAY, -1e300])
def test_an_expired_key_is_refused(clock: Clock, ends_in: float) -> None:
    cache = session_of(ScriptedSource(key(clock, ends_in=ends_in)), clock)

    failure = refusal_of(cache)

    assert failure.code == "credential_expired"
    assert "hours ago" in failure.detail
    assert FIRST.key.reveal() not in f"{failure} {failure.detail} {failure.message}"
    assert cache.usable is None


@pytest.mark.parametrize("ends_in", [0.001, DAY, None])
def test_a_key_that_has_not_expired_serves(clock: Clock, ends_in: float | None) -> None:
    assert session_of(ScriptedSource(key(clock, ends_in=ends_in)), clock).current(soon()) == FIRST


def test_where_expiry_is_warned_of_an_expired_key_serves_with_a_warning(clock: Clock) -> None:
    cache = session_of(ScriptedSource(key(clock, ends_in=-DAY)), clock, enforce_expiry=False)

    assert (cache.current(soon()), cache.warnings()) == (FIRST, ["the key has expired"])


def test_the_message_names_what_the_owner_can_do_where_the_key_is_kept() -> None:
    ended = '{"api_key": "sk-proj-ended0000000000000001", "expires_at": 1}'

    def message(source: str, version: str = "") -> str:
        return read_secret(ended, source=source, version=version).expiry("").message

    assert message("secrets-manager").endswith("replace it with ./deploy.sh --replace-key.")
    assert message("vault").endswith("write a new version of it in Vault.")
    assert "set SECRET_KEY to another key" in message("environment", "SECRET_KEY")


class TestWhileItIsCached:
    def test_given_it_expires_then_the_source_is_asked_at_that_moment(self, clock: Clock) -> None:
        source = ScriptedSource(key(clock, ends_in=100), SECOND)
        cache = session_of(source, clock)

        cache.current(soon())
        clock.advance(99.9)
        assert cache.current(soon()) == FIRST
        clock.advance(0.1)

        assert (cache.current(soon()), source.fetches) == (SECOND, 2)

    def test_given_the_source_is_away_then_an_expired_key_does_not_serve_as_the_last_good_one(
        self, clock: Clock
    ) -> None:
        source = ScriptedSource(key(clock, ends_in=TTL + 60, made_ago=60), AWAY)
        cache = session_of(source, clock)
        cache.current(soon())

        clock.advance(TTL)
        assert cache.current(soon()) == FIRST, "stale, and not expired"
        clock.advance(60)

        for _ in range(10):
            refusal_of(cache)
            clock.advance(FAILURE_TTL / 10)
        assert source.fetches == 3
        assert source.asked_for_previous == 0, "the version before is where the source is: away"

    def test_given_the_source_is_back_then_its_new_key_serves(self, clock: Clock) -> None:
        cache = session_of(ScriptedSource(key(clock, ends_in=10), AWAY, SECOND), clock)
        cache.current(soon())
        clock.advance(10)
        refusal_of(cache)

        clock.advance(FAILURE_TTL)

        assert cache.current(soon()) == SECOND


class TestThePreviousVersion:
    def test_serves_inside_its_window_and_no_longer(self, clock: Clock) -> None:
        source = ScriptedSource(
            key(clock, ends_in=-1, made_ago=HOUR - 100), before=key(clock, ends_in=None, other=True)
        )
        cache = session_of(source, clock)

        assert cache.current(soon()) == SECOND
        assert cache.warnings()[0] == "the current key has expired: the previous one is used for a while"
        clock.advance(99)
        assert cache.current(soon()) == SECOND
        clock.advance(1)

        refusal_of(cache)
        assert source.asked_for_previous == 1

    def test_is_looked_past_every_thirty_seconds(self, clock: Clock) -> None:
        source = ScriptedSource(
            key(clock, ends_in=-1, made_ago=1), before=key(clock, ends_in=None, other=True)
        )
        cache = session_of(source, clock)

        asked = []
        for _ in range(2 * DOUBTFUL_TTL):
            cache.current(soon())
            asked.append(source.fetches)
            clock.advance(1)

        assert asked == [1] * DOUBTFUL_TTL + [2] * DOUBTFUL_TTL

    @pytest.mark.parametrize(
        ("made_ago", "previous_for", "previous", "asked"),
        [
            (HOUR, 0, {"ends_in": None, "other": True}, 0),
            (HOUR, 3600, {"ends_in": None, "other": True}, 0),
            (60, 3600, {"ends_in": -2, "other": True}, 1),
            # Writing "expires_at" beside a key that is there already makes a new version of the same key.
            (60, 3600, {"ends_in": None}, 1),
        ],
        ids=["never", "outside its window", "expired too", "the same key without its end"],
    )
    def test_is_not_used(
        self, clock: Clock, made_ago: float, previous_for: int, previous: dict[str, Any], asked: int
    ) -> None:
        source = ScriptedSource(key(clock, ends_in=-1, made_ago=made_ago), before=key(clock, **previous))

        refusal_of(session_of(source, clock, previous_for=previous_for))

        assert source.asked_for_previous == asked

    def test_serves_until_it_expires_itself(self, clock: Clock) -> None:
        source = ScriptedSource(
            key(clock, ends_in=-1, made_ago=60), before=key(clock, ends_in=50, other=True)
        )
        cache = session_of(source, clock)
        assert cache.current(soon()) == SECOND

        clock.advance(50)

        refusal_of(cache)

    @pytest.mark.parametrize("failure", [AWAY, SecretNotFound("gone")], ids=lambda failure: str(failure.code))
    def test_given_it_cannot_be_had_then_the_expired_key_is_refused_all_the_same(
        self, clock: Clock, failure: CredentialError
    ) -> None:
        source = ScriptedSource(key(clock, ends_in=-1, made_ago=60), before=failure)
        cache = session_of(source, clock)

        for _ in range(10 * 100):
            refusal_of(cache)
            clock.advance(0.01)

        assert source.fetches <= 10 / FAILURE_TTL + 1
        assert source.asked_for_previous <= 10 / FAILURE_TTL + 1

    def test_given_openai_refuses_it_too_then_the_answer_is_still_that_the_key_has_expired(
        self, clock: Clock
    ) -> None:
        source = ScriptedSource(
            key(clock, ends_in=-1, made_ago=60), before=key(clock, ends_in=None, other=True)
        )
        cache = session_of(source, clock)

        with pytest.raises(CredentialExpired):
            cache.after_rejection(cache.current(soon()), soon())
        refusal_of(cache)

    def test_gives_way_to_the_same_key_with_a_later_end(self, clock: Clock) -> None:
        source = ScriptedSource(
            key(clock, ends_in=-1, made_ago=60),
            key(clock, ends_in=DAY, made_ago=0),
            before=key(clock, ends_in=None, other=True),
        )
        cache = session_of(source, clock)
        assert cache.current(soon()) == SECOND

        clock.advance(DOUBTFUL_TTL)

        assert cache.current(soon()) == FIRST


def test_given_a_hundred_requests_a_second_then_an_expired_key_is_fetched_every_five_seconds(
    clock: Clock,
) -> None:
    source = ScriptedSource(key(clock, ends_in=-1))
    cache = session_of(source, clock)

    for _ in range(20 * 100):
        refusal_of(cache)
        clock.advance(0.01)
    assert source.fetches <= 20 / FAILURE_TTL + 1

    source.will(SECOND)
    clock.advance(FAILURE_TTL)
    assert cache.current(soon()) == SECOND, "and a new one is noticed within those seconds"


def test_given_a_refused_key_whose_successor_has_expired_then_it_is_refused(clock: Clock) -> None:
    cache = session_of(ScriptedSource(FIRST, key(clock, ends_in=-1, other=True)), clock)

    with pytest.raises(CredentialExpired):
        cache.after_rejection(cache.current(soon()), soon())


def test_given_a_failed_fetch_for_a_refused_key_then_the_last_good_key_still_serves(clock: Clock) -> None:
    source = ScriptedSource(FIRST, AWAY)
    cache = session_of(source, clock)
    cache.current(soon())
    clock.advance(TTL - 1)
    with pytest.raises(CredentialsUnavailable):
        cache.after_rejection(credential(FIRST.key.reveal()), soon())

    clock.advance(1)

    assert (cache.current(soon()), source.fetches) == (FIRST, 2)


METRICS = ("CredentialExpired", "CredentialExpiring")


@pytest.mark.parametrize(
    ("ends_in", "rotation_days", "counted"),
    [
        (-1.0, 0, "CredentialExpired"),
        (7 * DAY - 1, 0, "CredentialExpiring"),
        (7 * DAY, 0, None),
        (None, 0, None),
        # A key that is replaced every two days has less than a week left before each rotation.
        (3 * DAY, 2, None),
        (2 * DAY - 1, 2, "CredentialExpiring"),
        (7 * DAY - 1, 30, "CredentialExpiring"),
    ],
)
@pytest.mark.parametrize("enforce", [False, True])
def test_each_fetch_counts_for_the_alarms(
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
    ends_in: float | None,
    rotation_days: int,
    counted: str | None,
    enforce: bool,
) -> None:
    source = ScriptedSource(key(clock, ends_in=ends_in))
    cache = session_of(source, clock, enforce_expiry=enforce, rotation_days=rotation_days)

    for _ in range(3):
        try:
            cache.current(soon())
        except CredentialExpired:
            assert enforce
    flush_metrics()

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    found = {name: line[name] for line in lines for name in METRICS if name in line}
    assert found == ({counted: [1.0]} if counted else {})
