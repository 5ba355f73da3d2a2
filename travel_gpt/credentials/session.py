"""The credential in use: the current one, fetched again when it is refused, or the previous version."""

import time
from collections.abc import Callable
from threading import Thread
from typing import Final, TypeVar

from travel_gpt.credentials.cache import CredentialCache
from travel_gpt.credentials.cache_entry import DAY, CacheEntry, Lifetimes, report_fallback
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.sources.selection import Source
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialRejected, KeyRefused
from travel_gpt.telemetry import audit, describe, logger

T = TypeVar("T")

MAX_CREDENTIALS: Final = 3
"""Credentials that one request tries: the cached one, the one that replaced it, and the previous version."""


class CredentialSession:
    """Calls with a working credential.

    Args:
        source: where the credential comes from.
        ttl: seconds that a fetched credential is used before the source is asked again.
        max_stale: seconds beyond that during which the last good one is used while the source is unavailable.
        previous_for: seconds after a version was made during which the previous one may be used when OpenAI
            refuses it; 0 for never.
        rotation_days: days after which a key is to be replaced; 0 where that is not set.
        enforce_expiry: whether a credential whose ``expires_at`` has passed is refused.
        jitter: the greatest part of the TTL by which it is shortened, at random.
        base_url: the server that the credential is for, unless it names one; for messages.
        now: the wall clock, in seconds.
    """

    def __init__(
        self,
        source: Source,
        *,
        ttl: int,
        max_stale: int,
        previous_for: int = 0,
        rotation_days: int = 0,
        enforce_expiry: bool = False,
        jitter: float = 0.0,
        base_url: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        lifetimes = Lifetimes(ttl, max_stale, previous_for, rotation_days * DAY, enforce_expiry)
        self._cache = CredentialCache(source, lifetimes, jitter=jitter, now=now)
        self._base_url = base_url
        self._now = now
        # Replaced, never changed: other threads read it while one adds a refusal.
        self._refused: tuple[Credential, ...] = ()

    @property
    def source_name(self) -> str:
        """Which source gave the credential; before there is one, which sources are asked."""
        entry = self._cache.entry
        return self._cache.source.name if entry is None else entry.credential.source

    @property
    def usable(self) -> Credential | None:
        """The credential that would be used now, without asking the source; None where there is none."""
        entry, now = self._cache.entry, self._now()
        if entry is None or not entry.is_fresh(now, refused=self.is_rejected(entry.credential)):
            return None
        return entry.usable(now)

    def prefetch(self, seconds: float) -> None:
        """Start to fetch in the background, so that a cold start can import meanwhile.

        A failure is not remembered: the first request asks again, and reports it. An environment that was
        frozen meanwhile finds the fetch cut short, which is no failure of the source.

        Args:
            seconds: the longest that a request may find the fetch still under way.
        """

        def fetch() -> None:
            deadline = Deadline(seconds)
            try:
                with self._cache.locked(deadline):
                    try:
                        self._current(deadline)
                    finally:
                        self._cache.failed = None
            except Exception as failure:  # noqa: BLE001 - Python would print it past the log's redaction
                logger.debug("The fetch at start failed", extra={"exceptions": describe(failure)})

        Thread(target=fetch, daemon=True, name="travel-gpt-prefetch").start()

    def use(
        self, call: Callable[[Credential], T], deadline: Deadline, *, first: Credential | None = None
    ) -> T:
        """Make a call with the current credential, and where that is refused with the one that replaces it.

        Args:
            call: makes the call; it raises KeyRefused when the server refuses the credential.
            deadline: when the caller stops waiting.
            first: the credential to begin with, just had from ``current``.

        Returns:
            The result of the call.

        Raises:
            CredentialRejected: the server refused each credential.
            CredentialError: there is no usable credential.
            TravelGPTError: any other failure of the call.
        """
        credential = first or self.current(deadline)
        for _ in range(MAX_CREDENTIALS):
            try:
                result = call(credential)
            except KeyRefused as refused:
                try:
                    credential = self.after_rejection(credential, deadline)
                except CredentialRejected as failure:
                    failure.upstream_status = refused.upstream_status
                    raise
            else:
                self.accepted(credential)
                return result
        raise self.refusal(credential, f"the server refused {MAX_CREDENTIALS} keys, one after the other")

    def current(self, deadline: Deadline) -> Credential:
        """Return the credential to use now.

        Args:
            deadline: when the caller stops waiting.

        Returns:
            The cached credential while it is fresh, else a new one; while the source is unavailable, the last
            good one for its bounded time.

        Raises:
            CredentialError: there is none. One that is denied, deleted or unreadable is dropped at once: that
                is how an owner stops the function. For some seconds after a failed fetch the source is not
                asked again, and the same failure is raised.
        """
        entry = self._cache.entry
        # The warm path: between two fetches of a credential that works there is nothing to decide.
        if entry is not None and entry.fetched_at <= self._now() < entry.trusted_until:
            return entry.credential
        if (usable := self.usable) is not None:
            return usable
        with self._cache.locked(deadline):
            return self._current(deadline)

    def after_rejection(self, rejected: Credential, deadline: Deadline) -> Credential:
        """Return another credential than the one that OpenAI refused.

        The source is asked once for each refused credential: a wrong key must not cost a fetch for each
        request. Where the source has no other, the previous version may be used for a while: the owner may
        have stored the new key before it works.

        Args:
            rejected: the credential that OpenAI answered with 401.
            deadline: when the caller stops waiting.

        Returns:
            A credential that differs from the refused one.

        Raises:
            CredentialRejected: there is no other.
            CredentialExpired: the other one has expired, and that is enforced.
            CredentialError: the source has none any more.
        """
        audit(
            "credential.rejected",
            outcome=CredentialRejected.code,
            source=rejected.source,
            version=rejected.version,
        )
        with self._cache.locked(deadline):
            usable = self.usable
            if usable is not None and usable != rejected:
                return usable
            entry = self._cache.entry
            if entry is not None and rejected == entry.fallback:
                # The usual end of a slow rotation: the old key is revoked once the new one works.
                self._refuse(rejected)
                entry.fallback = None
                return self._choose(entry, deadline)
            if rejected not in self._refused:
                logger.info("OpenAI refused the key: fetching it again", extra={"version": rejected.version})
                fetched = self._fetched(self._cache.fetch, deadline)
                # Only now: a fetch that failed must not use up the one that a refused key is worth.
                self._refuse(rejected)
                if (fresh := self._choose(fetched, deadline)) not in self._refused:
                    return fresh
            if (fallback := self._fallback(deadline)) is not None:
                return fallback
        raise self.refusal(rejected, "the server refused the key, and the source has no other")

    def accepted(self, credential: Credential) -> None:
        """Note that OpenAI accepted a credential, which cancels an earlier refusal of it."""
        if credential in self._refused:
            self._refused = tuple(other for other in self._refused if other != credential)

    def refusal(self, credential: Credential, detail: str) -> CredentialRejected:
        """Return the failure of a refused credential, which says what its owner can do.

        Args:
            credential: the credential.
            detail: what happened, for the log.
        """
        return credential.refusal(detail, self._base_url)

    def is_rejected(self, credential: Credential) -> bool:
        """Return whether OpenAI refused this credential when it was last used."""
        return credential in self._refused

    def warnings(self) -> list[str]:
        """Return what the owner should look at although there is a usable credential."""
        return [] if self._cache.entry is None else self._cache.entry.warnings(self._now())

    def _current(self, deadline: Deadline) -> Credential:
        # Another thread may have fetched it while this one waited for the lock.
        if (usable := self.usable) is not None:
            return usable
        return self._choose(self._fetched(self._cache.refresh, deadline), deadline)

    def _fetched(self, fetch: Callable[[Deadline], CacheEntry], deadline: Deadline) -> CacheEntry:
        before = self._cache.entry
        entry = fetch(deadline)
        if before is None or before.credential != entry.credential:
            # A refused credential that replaces another one was stored on purpose.
            self.accepted(entry.credential)
        return entry

    def _choose(self, entry: CacheEntry, deadline: Deadline) -> Credential:
        """Return the credential of an entry, or where that has expired the previous version."""
        now = self._now()
        if (usable := entry.usable(now)) is not None:
            if usable is entry.credential and not self.is_rejected(usable):
                entry.trusted_until = entry.fresh_until(refused=False)
            return usable
        if (fallback := self._fallback(deadline)) is not None:
            return fallback
        hours = (now - (entry.credential.expires_at or now)) / 3600
        detail = f"the key expired {hours:.4g} hours ago, and there is no previous version that may be used"
        raise self._cache.remember(entry.credential.expiry(detail))

    def _fallback(self, deadline: Deadline) -> Credential | None:
        """Return the version before the refused or expired one, while that one is young enough for it."""
        entry, now = self._cache.entry, self._now()
        if entry is None or not entry.may_fall_back(now):
            return None
        self._cache.fetch_fallback(entry, deadline)
        if entry.fallback is None or entry.fallback in self._refused or not entry.is_fallback_better(now):
            entry.fallback = None
            return None
        report_fallback(entry, entry.fallback, now)
        return entry.fallback

    def _refuse(self, credential: Credential) -> None:
        # A failed rotation leaves two to remember; a few more take no space.
        self._refused = (*self._refused[-3:], credential)
