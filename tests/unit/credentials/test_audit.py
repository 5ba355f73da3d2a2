"""What is written of each thing that the cache does with a credential, and when its age counts."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.clock import Clock
from tests.unit.doubles import FIRST, SECOND, TTL, ScriptedSource, session_of, soon
from travel_gpt.credentials.cache_entry import DAY
from travel_gpt.credentials.sources.selection import SourceChain
from travel_gpt.errors import AccessDenied, CredentialRejected, CredentialsUnavailable, SecretNotFound
from travel_gpt.telemetry import flush_metrics

FETCHED = ("credential.fetch", "success", "v1")
REJECTED = ("credential.rejected", "credential_rejected", "v1")


def events(log: io.StringIO) -> list[dict[str, Any]]:
    """The audit events that the project's logger wrote."""
    lines = map(json.loads, log.getvalue().splitlines())
    return [line["audit"] for line in lines if line["level"] == "AUDIT"]


def summaries(log: io.StringIO) -> list[tuple[str, str, str]]:
    return [(event["event"], event["outcome"], event.get("version", "")) for event in events(log)]


def test_a_fetch_and_a_refresh_say_who_from_where_which_version_and_how_long(
    log: io.StringIO, clock: Clock
) -> None:
    cache = session_of(ScriptedSource(FIRST, SECOND), clock)

    # What is served from memory is no event.
    for _ in range(100):
        cache.current(soon())
    clock.advance(TTL)
    cache.current(soon())

    assert summaries(log) == [FETCHED, ("credential.refresh", "success", "v2")]
    fetched = events(log)[0]
    assert (fetched["who"], fetched["source"]) == ("local", "scripted")
    assert 0 <= fetched["milliseconds"] < 1000


def test_a_fetch_that_was_denied_says_so(log: io.StringIO, clock: Clock) -> None:
    with pytest.raises(AccessDenied):
        session_of(ScriptedSource(AccessDenied("no")), clock).current(soon())

    assert summaries(log) == [("credential.fetch", "access_denied", "")]
    assert events(log)[0]["source"] == "scripted"


def test_a_source_that_is_away_is_two_events(log: io.StringIO, clock: Clock) -> None:
    cache = session_of(ScriptedSource(FIRST, CredentialsUnavailable("away")), clock)
    cache.current(soon())
    clock.advance(TTL + 42)

    cache.current(soon())

    assert summaries(log) == [
        FETCHED,
        ("credential.refresh", "credentials_unavailable", ""),
        ("credential.stale", "credentials_unavailable", "v1"),
    ]
    assert events(log)[2]["age_seconds"] == TTL + 42


def test_a_refused_key_and_the_fetch_that_follows(log: io.StringIO, clock: Clock) -> None:
    cache = session_of(ScriptedSource(FIRST, SECOND), clock)

    cache.after_rejection(cache.current(soon()), soon())

    assert summaries(log) == [FETCHED, REJECTED, ("credential.refresh", "success", "v2")]


def test_the_previous_version_in_the_place_of_the_current_one(log: io.StringIO, clock: Clock) -> None:
    new = replace(SECOND, created_at=clock())
    cache = session_of(ScriptedSource(new, before=FIRST), clock, previous_for=3600)

    assert cache.after_rejection(cache.current(soon()), soon()) == FIRST

    assert summaries(log) == [
        ("credential.fetch", "success", "v2"),
        ("credential.rejected", "credential_rejected", "v2"),
        ("credential.refresh", "success", "v2"),
        ("credential.fallback", "success", "v1"),
    ]
    assert events(log)[3]["instead_of"] == "v2"


def test_a_refusal_without_another_key_is_logged_each_time(log: io.StringIO, clock: Clock) -> None:
    cache = session_of(ScriptedSource(FIRST), clock)

    for _ in range(2):
        with pytest.raises(CredentialRejected):
            cache.after_rejection(cache.current(soon()), soon())

    assert summaries(log) == [FETCHED, REJECTED, ("credential.refresh", "success", "v1"), REJECTED]


def test_a_source_that_was_skipped(log: io.StringIO, clock: Clock) -> None:
    chain = SourceChain([ScriptedSource(SecretNotFound("none")), ScriptedSource(FIRST)])

    session_of(chain, clock).current(soon())

    assert summaries(log) == [("credential.passed_over", "secret_not_found", ""), FETCHED]


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
        cache = session_of(ScriptedSource(old), clock, rotation_days=30)

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
        cache = session_of(source, clock, rotation_days=rotation_days)

        cache.current(soon())

        assert (counted(), cache.warnings()) == (0, [])
