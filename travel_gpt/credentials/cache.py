"""The last credential that the source gave: fetched by one thread at a time, and kept."""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from travel_gpt.credentials.cache_entry import CacheEntry, Lifetimes, report_age, report_stale
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.sources.selection import Source
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialError, CredentialsUnavailable
from travel_gpt.telemetry import audit

FAILURE_TTL: Final = 5
"""Seconds for which a failed fetch is remembered instead of made again: the longest until a repaired secret
is noticed."""

REFRESH_TIMEOUT: Final = 3.0
"""Seconds that a request waits for a refresh while a usable credential is cached."""

RETRY_INTERVAL: Final = 15
"""Seconds between two tries while the source is unavailable and the last good credential is used."""

MIN_FETCH_SECONDS: Final = 1.0
"""Seconds that a source must have had for its silence to count: a healthy one answers in milliseconds."""


class CredentialCache:
    """One cached credential, and the calls to its source. ``CredentialSession`` decides what is used of it.

    Ages are wall time: while a Lambda environment is frozen its monotonic clock stands still.

    Args:
        source: where the credential comes from.
        lifetimes: how long it may be used.
        jitter: the greatest part of the TTL by which it is shortened, at random.
        now: the wall clock, in seconds.
    """

    def __init__(
        self, source: Source, lifetimes: Lifetimes, *, jitter: float, now: Callable[[], float]
    ) -> None:
        self.entry: CacheEntry | None = None
        self.failed: tuple[CredentialError, float] | None = None
        """The last failure, and when it was, until the source gives a credential."""
        self.source: Final = source
        self._lifetimes = lifetimes
        self._jitter = jitter
        self._now = now
        self._lock = Lock()

    @contextmanager
    def locked(self, deadline: Deadline) -> Iterator[None]:
        """Let one thread at a time ask the source, and change what is cached.

        Args:
            deadline: when the caller stops waiting.

        Raises:
            CredentialsUnavailable: another thread's fetch did not end in time.
        """
        if not self._lock.acquire(timeout=deadline.left()):
            raise CredentialsUnavailable("another request's fetch did not end in time")
        try:
            yield
        finally:
            self._lock.release()

    def refresh(self, deadline: Deadline) -> CacheEntry:
        """Fetch the credential; while the source is unavailable, keep the last good one for its bounded time.

        Args:
            deadline: when the caller stops waiting.

        Returns:
            The new entry, or the last one.

        Raises:
            CredentialError: as for ``fetch``.
        """
        entry = self.entry
        if entry is None or not entry.may_be_stale(self._now()):
            return self.fetch(deadline)
        try:
            return self.fetch(deadline.within(REFRESH_TIMEOUT))
        except CredentialsUnavailable as failure:
            now = self._now()
            entry.paused_until = now + RETRY_INTERVAL
            # The previous version is in the same place.
            entry.fallback_paused_until = now + FAILURE_TTL
            report_stale(entry, failure, now)
            return entry

    def fetch(self, deadline: Deadline) -> CacheEntry:
        """Ask the source for the credential, unless it failed a moment ago.

        Args:
            deadline: when the caller stops waiting.

        Returns:
            The new entry.

        Raises:
            CredentialError: the source has none. Unless it is only unavailable, the cached one is dropped.
        """
        if self.failed is not None:
            failed, at = self.failed
            # A negative age is a clock that was set back: the age of the failure is unknown.
            if 0 <= (age := self._now() - at) < FAILURE_TTL:
                raise _as_of(failed, age)
        event, began = "credential.refresh" if self.entry else "credential.fetch", time.perf_counter()
        had_time = deadline.left() >= MIN_FETCH_SECONDS
        try:
            credential = deadline.run(self.source.fetch)
        except CredentialError as failure:
            audit(event, outcome=failure.code, source=self.source.name, began=began)
            if not isinstance(failure, CredentialsUnavailable):
                self.entry = None
            raise self.remember(failure) from failure.__cause__
        except TimeoutError:
            late = CredentialsUnavailable("the key's source did not answer in time")
            audit(event, outcome=late.code, source=self.source.name, began=began)
            raise (self.remember(late) if had_time else late) from None
        self.failed = None
        audit(event, outcome="success", source=credential.source, version=credential.version, began=began)
        return self._keep(credential)

    def fetch_fallback(self, entry: CacheEntry, deadline: Deadline) -> None:
        """Ask the source for the previous version, once for each entry that could be answered.

        Args:
            entry: the current entry, which gets the previous version as its fallback, if there is one.
            deadline: when the caller stops waiting.
        """
        if entry.asked_for_fallback or self._now() < entry.fallback_paused_until:
            return
        try:
            entry.fallback = deadline.run(self.source.previous)
        except (CredentialsUnavailable, TimeoutError):
            entry.fallback_paused_until = self._now() + FAILURE_TTL
            return
        except CredentialError:
            entry.fallback = None
        entry.asked_for_fallback = True

    def remember(self, failure: CredentialError) -> CredentialError:
        """Remember a failure, which is raised for some seconds instead of asking the source.

        Args:
            failure: what the source raised.

        Returns:
            The failure to raise. Where the source may recover without its owner, it says after how many
            seconds it is asked again.
        """
        self.failed = (failure, self._now())
        return _as_of(failure, 0)

    def _keep(self, credential: Credential) -> CacheEntry:
        before, now = self.entry, self._now()
        ttl = self._lifetimes.ttl * random.uniform(1 - self._jitter, 1)  # noqa: S311 - not a secret
        entry = self.entry = CacheEntry(credential, self._lifetimes, fetched_at=now, ttl=ttl)
        if (
            before
            and before.credential == credential
            and before.credential.expires_at == credential.expires_at
        ):
            entry.fallback, entry.asked_for_fallback = before.fallback, before.asked_for_fallback
        report_age(entry, now)
        return entry


def _as_of(failure: CredentialError, age: float) -> CredentialError:
    # A new one: the remembered exception must not collect the tracebacks of all requests.
    again = failure.again()
    if age:
        again.detail = f"{failure.detail} (remembered: the source was asked {age:.1f} s ago)"
    if isinstance(again, CredentialsUnavailable):
        again.retry_after = max(1, math.ceil(FAILURE_TTL - age))
    return again
