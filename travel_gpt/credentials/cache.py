"""The credential, kept across warm invocations and kept fresh."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Final

from travel_gpt.credentials.cache_entry import DAY, CacheEntry, Lifetimes
from travel_gpt.credentials.credential import Credential
from travel_gpt.credentials.recent_failure import FAILURE_TTL, RecentFailure
from travel_gpt.credentials.reports import report_age, report_fallback, report_stale
from travel_gpt.credentials.sources.chain import Source
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialError, CredentialRejected, CredentialsUnavailable
from travel_gpt.telemetry import audit, describe, logger

REFRESH_TIMEOUT: Final = 3.0
"""Seconds that a request waits for a refresh while a good credential is still there."""

RETRY_INTERVAL: Final = 15
"""Seconds between two tries while the store is away and the last good credential serves."""

MIN_FETCH_SECONDS: Final = 1.0
"""Seconds that the source must have had for its silence to count: a healthy one answers in milliseconds."""


class CredentialCache:
    """One credential, fetched when it is needed and used until its time is over.

    Ages are wall time: while a Lambda environment is frozen its monotonic clock stands still.

    Args:
        source: where the credential comes from.
        ttl: seconds that a fetched credential is used before the source is asked again.
        max_stale: seconds beyond that during which the last good one serves while the source is away.
        previous_for: seconds after a version was made during which the one before it may serve when OpenAI
            refuses it; 0 for never.
        rotation_days: days after which a key is to be replaced; 0 where nobody said.
        enforce_expiry: whether a credential whose ``expires_at`` has passed is refused.
        jitter: the part of the TTL by which it is shortened at random at most.
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
        self._source = source
        self._lifetimes = Lifetimes(ttl, max_stale, previous_for, rotation_days * DAY, enforce_expiry)
        self._jitter = jitter
        self._base_url = base_url
        self._now = now
        self._held: CacheEntry | None = None
        self._recent_failure = RecentFailure(now)
        # Replaced, never changed: other threads look at it while one learns of a refusal.
        self._refused: tuple[Credential, ...] = ()
        self._lock = Lock()

    @property
    def source_name(self) -> str:
        """Which source gave the credential; before there is one, which sources are asked."""
        return self._held.credential.source if self._held is not None else self._source.name

    @property
    def usable(self) -> Credential | None:
        """The credential that would be used now, without asking the source; None where there is none."""
        return self._usable()

    def prefetch(self, seconds: float) -> None:
        """Begin to fetch in the background, so that a cold start can import meanwhile.

        Its failure is not remembered: the first request asks again, and reports it. An environment that was
        frozen meanwhile finds the fetch cut short, which says nothing of the source.

        Args:
            seconds: the longest that a request may find the fetch still under way.
        """

        def fetch() -> None:
            try:
                self._current(Deadline(seconds), prefetching=True)
            except Exception as failure:  # noqa: BLE001 - Python would print it past the log's redaction
                logger.debug("The fetch at start failed", extra={"exceptions": describe(failure)})

        Thread(target=fetch, daemon=True, name="travel-gpt-prefetch").start()

    def current(self, deadline: Deadline) -> Credential:
        """Return a credential to use now.

        Args:
            deadline: when the caller stops waiting.

        Returns:
            The cached credential while it is fresh, else a new one; the last good one while the source is
            away, for the bounded time.

        Raises:
            CredentialError: there is none. One that is denied, deleted or unreadable is dropped at once: that
                is how an owner stops the function. For some seconds after a failed fetch the source is not
                asked again, and the same failure is raised.
        """
        return self._current(deadline)

    def after_rejection(self, rejected: Credential, deadline: Deadline) -> Credential:
        """Return another credential than the one that OpenAI refused.

        The source is asked once for each refused credential: a bad key must not become a bill. Where it has
        no other, the version before may serve for a while: whoever rotates a key may have stored the new one
        before it works.

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
        with self._turn(deadline):
            usable = self._usable()
            if usable is not None and usable != rejected:
                return usable
            if (held := self._held) is not None and rejected == held.stand_in:
                # The usual end of a rotation gone slowly: the old key ends when the new one works.
                self._refuse(rejected)
                held.stand_in = None
                return self._serve(held, deadline)
            if rejected not in self._refused:
                logger.info("OpenAI refused the key: fetching it again", extra={"version": rejected.version})
                fetched = self._fetch(deadline)
                # Only now: a fetch that failed must not use up the one that a refused key is worth.
                self._refuse(rejected)
                if (fresh := self._serve(fetched, deadline)) not in self._refused:
                    return fresh
            if (stand_in := self._stand_in(deadline)) is not None:
                return stand_in
        raise self.refusal(rejected, "the server refused the key, and the source has no other")

    def accepted(self, credential: Credential) -> None:
        """Note that OpenAI took a credential, so that an earlier refusal of it counts no more."""
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
        """Tell whether OpenAI refused this credential when it was last used."""
        return credential in self._refused

    def warnings(self) -> list[str]:
        """Say what the owner should look at although there is a usable credential."""
        return self._held.warnings(self._now()) if self._held is not None else []

    def _current(self, deadline: Deadline, *, prefetching: bool = False) -> Credential:
        if (usable := self._usable()) is not None:
            return usable
        with self._turn(deadline):
            # Another thread may have fetched it, or failed to, while this one waited.
            if (usable := self._usable()) is not None:
                return usable
            try:
                return self._refresh(deadline)
            finally:
                if prefetching:
                    self._recent_failure.forget()

    def _refuse(self, credential: Credential) -> None:
        # Of a rotation gone wrong there are two to remember, and a few more do no harm.
        self._refused = (*self._refused[-3:], credential)

    @contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[None]:
        """Let one thread at a time ask the source."""
        if not self._lock.acquire(timeout=deadline.left()):
            raise CredentialsUnavailable("another request's fetch did not end in time")
        try:
            yield
        finally:
            self._lock.release()

    def _usable(self) -> Credential | None:
        held, now = self._held, self._now()
        if held is None or not held.is_fresh(now, doubted=self.is_rejected(held.credential)):
            return None
        return held.serving(now)

    def _refresh(self, deadline: Deadline) -> Credential:
        held = self._held
        if held is None or not held.may_be_stale(self._now()):
            return self._serve(self._fetch(deadline), deadline)
        try:
            fetched = self._fetch(deadline.within(REFRESH_TIMEOUT))
        except CredentialsUnavailable as away:
            now = self._now()
            held.paused_until = now + RETRY_INTERVAL
            # The version before it is in the same place.
            held.stand_in_paused_until = now + FAILURE_TTL
            report_stale(held, away, now)
            return self._serve(held, deadline)
        return self._serve(fetched, deadline)

    def _serve(self, held: CacheEntry, deadline: Deadline) -> Credential:
        """Return what may be used of a held credential: itself, or where it has expired the one before it."""
        now = self._now()
        if (serving := held.serving(now)) is not None:
            return serving
        if (stand_in := self._stand_in(deadline)) is not None:
            return stand_in
        hours = (now - (held.credential.expires_at or now)) / 3600
        detail = f"the key expired {hours:.4g} hours ago, and there is no previous version that may be used"
        raise self._recent_failure.remember(held.credential.expiry(detail))

    def _fetch(self, deadline: Deadline) -> CacheEntry:
        self._recent_failure.raise_again()
        event, began = "credential.refresh" if self._held else "credential.fetch", time.perf_counter()
        is_fair = deadline.left() >= MIN_FETCH_SECONDS
        try:
            credential = deadline.run(self._source.fetch)
        except CredentialError as failure:
            audit(event, outcome=failure.code, source=self._source.name, began=began)
            if not isinstance(failure, CredentialsUnavailable):
                self._held = None
            raise self._recent_failure.remember(failure) from failure.__cause__
        except TimeoutError:
            late = CredentialsUnavailable("the key's source did not answer in time")
            audit(event, outcome=late.code, source=self._source.name, began=began)
            raise (self._recent_failure.remember(late) if is_fair else late) from None
        self._recent_failure.forget()
        audit(event, outcome="success", source=credential.source, version=credential.version, began=began)
        return self._hold(credential)

    def _hold(self, credential: Credential) -> CacheEntry:
        before, now = self._held, self._now()
        ttl = self._lifetimes.ttl * random.uniform(1 - self._jitter, 1)  # noqa: S311 - no secret
        held = self._held = CacheEntry(credential, self._lifetimes, fetched_at=now, ttl=ttl)
        if before is None or before.credential != credential:
            # It was current once, was refused, and is current again: somebody means it.
            self.accepted(credential)
        elif before.credential.expires_at == credential.expires_at:
            held.stand_in, held.asked_for_stand_in = before.stand_in, before.asked_for_stand_in
        report_age(held, now)
        return held

    def _stand_in(self, deadline: Deadline) -> Credential | None:
        """Return the version before the refused or expired one, asked for once, while that one is young."""
        held, now = self._held, self._now()
        if held is None or not held.is_young(now):
            return None
        if not held.asked_for_stand_in:
            if now < held.stand_in_paused_until:
                return None
            try:
                held.stand_in = deadline.run(self._source.previous)
            except (CredentialsUnavailable, TimeoutError):
                held.stand_in_paused_until = self._now() + FAILURE_TTL
                return None
            except CredentialError:
                held.stand_in = None
            held.asked_for_stand_in = True
        if held.stand_in is None or held.stand_in in self._refused or held.is_no_better(now):
            held.stand_in = None
            return None
        report_fallback(held, held.stand_in, now)
        return held.stand_in
