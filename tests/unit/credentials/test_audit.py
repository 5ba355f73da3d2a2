"""What is written of each thing that the cache does with a credential, and when its age counts."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.clock import Clock
from tests.unit.doubles import FIRST, SECOND, ScriptedSource, soon
from travel_gpt.credentials.cache_entry import DAY
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.selection import SourceChain
from travel_gpt.errors import AccessDenied, CredentialRejected, CredentialsUnavailable, SecretNotFound
from travel_gpt.telemetry import flush_metrics

TTL = 300


class Log:
    """What the project's logger wrote."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = map(json.loads, self._stream.getvalue().splitlines())
        return [line["audit"] for line in lines if line["level"] == "AUDIT"]

    def forget(self) -> None:
        self._stream.truncate(0)
        self._stream.seek(0)


@pytest.fixture
def log(log: io.StringIO) -> Log:
    return Log(log)


class TwoVersions(ScriptedSource):
    """A source whose version before the current one is the first key."""

    def previous(self) -> Credential | None:
        return FIRST


def cache_of(source: ScriptedSource | SourceChain, clock: Clock, **options: int) -> CredentialSession:
    return CredentialSession(source, ttl=TTL, max_stale=3600, now=clock, **options)  # type: ignore[arg-type]


def summary(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["event"], event["outcome"], event.get("version", "")


def test_a_fetch_and_a_refresh_say_who_from_where_which_version_and_how_long(log: Log, clock: Clock) -> None:
    cache = cache_of(ScriptedSource(FIRST, SECOND), clock)

    cache.current(soon())
    clock.advance(TTL)
    cache.current(soon())

    fetched, refreshed = log.events
    assert summary(fetched) == ("credential.fetch", "success", "v1")
    assert summary(refreshed) == ("credential.refresh", "success", "v2")
    assert (fetched["who"], fetched["source"]) == ("local", "scripted")
    assert 0 <= fetched["milliseconds"] < 1000


def test_what_is_served_from_memory_is_no_event(log: Log, clock: Clock) -> None:
    cache = cache_of(ScriptedSource(FIRST), clock)
    cache.current(soon())
    log.forget()

    for _ in range(100):
        cache.current(soon())

    assert log.events == []


def test_a_fetch_that_was_denied_says_so(log: Log, clock: Clock) -> None:
    with pytest.raises(AccessDenied):
        cache_of(ScriptedSource(AccessDenied("no")), clock).current(soon())

    (event,) = log.events
    assert summary(event) == ("credential.fetch", "access_denied", "")
    assert event["source"] == "scripted"


def test_a_source_that_is_away_is_two_events(log: Log, clock: Clock) -> None:
    cache = cache_of(ScriptedSource(FIRST, CredentialsUnavailable("away")), clock)
    cache.current(soon())
    clock.advance(TTL + 42)
    log.forget()

    cache.current(soon())

    assert list(map(summary, log.events)) == [
        ("credential.refresh", "credentials_unavailable", ""),
        ("credential.stale", "credentials_unavailable", "v1"),
    ]
    assert log.events[1]["age_seconds"] == TTL + 42


def test_a_refused_key_and_the_fetch_that_follows(log: Log, clock: Clock) -> None:
    cache = cache_of(ScriptedSource(FIRST, SECOND), clock)
    cache.current(soon())
    log.forget()

    cache.after_rejection(FIRST, soon())

    assert list(map(summary, log.events)) == [
        ("credential.rejected", "credential_rejected", "v1"),
        ("credential.refresh", "success", "v2"),
    ]


def test_the_previous_version_in_the_place_of_the_current_one(log: Log, clock: Clock) -> None:
    new = replace(SECOND, created_at=clock())
    cache = cache_of(TwoVersions(new), clock, previous_for=3600)
    cache.current(soon())
    log.forget()

    assert cache.after_rejection(new, soon()) == FIRST

    assert list(map(summary, log.events)) == [
        ("credential.rejected", "credential_rejected", "v2"),
        ("credential.refresh", "success", "v2"),
        ("credential.fallback", "success", "v1"),
    ]
    assert log.events[2]["instead_of"] == "v2"


def test_a_refusal_without_another_key_is_logged_each_time(log: Log, clock: Clock) -> None:
    cache = cache_of(ScriptedSource(FIRST), clock)
    cache.current(soon())
    log.forget()

    for _ in range(2):
        with pytest.raises(CredentialRejected):
            cache.after_rejection(FIRST, soon())

    assert [event["event"] for event in log.events].count("credential.rejected") == 2


def test_a_source_that_was_skipped(log: Log, clock: Clock) -> None:
    chain = SourceChain([ScriptedSource(SecretNotFound("none")), ScriptedSource(FIRST)])

    cache_of(chain, clock).current(soon())

    assert list(map(summary, log.events)) == [
        ("credential.passed_over", "secret_not_found", ""),
        ("credential.fetch", "success", "v1"),
    ]


class TestAge:
    @pytest.fixture
    def counted(self, capsys: pytest.CaptureFixture[str]) -> Any:
        def count() -> int:
            flush_metrics()
            lines = capsys.readouterr().out.splitlines()
            return int(sum(sum(json.loads(line)["CredentialOverdue"]) for line in lines))

        return count

    @pytest.mark.parametrize(("days", "overdue"), [(29, False), (30.9, False), (31.1, True), (400, True)])
    def test_counts_from_a_day_after_the_rotation_was_due(
        self, clock: Clock, counted: Any, days: float, overdue: bool
    ) -> None:
        old = replace(FIRST, created_at=clock() - days * DAY)
        cache = cache_of(ScriptedSource(old), clock, rotation_days=30)

        cache.current(soon())
        cache.current(soon())

        assert counted() == int(overdue)
        warned = f"the key is {days:.0f} days old: it should have been rotated"
        assert cache.warnings() == ([warned] if overdue else [])

    @pytest.mark.parametrize(
        ("rotation_days", "created_at"), [(0, 0.0), (30, None)], ids=["no period", "no date"]
    )
    def test_is_not_counted_without_a_limit_or_an_age(
        self, clock: Clock, counted: Any, rotation_days: int, created_at: float | None
    ) -> None:
        source = ScriptedSource(replace(FIRST, created_at=created_at))
        cache = cache_of(source, clock, rotation_days=rotation_days)

        cache.current(soon())

        assert (counted(), cache.warnings()) == (0, [])
