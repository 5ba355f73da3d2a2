"""The credential, kept across warm invocations and kept fresh."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Final, Protocol

from travel_gpt.credentials.credential import Credential
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialError, CredentialRejected, CredentialsUnavailable
from travel_gpt.observability import count, describe, logger

PATIENCE: Final = 3.0
"""Seconds that a request waits for a refresh while a good credential is still there."""

PAUSE: Final = 15
"""Seconds between two tries while the store is away and the last good credential serves."""

REFUSED_TTL: Final = 30
"""Seconds that a credential which OpenAI refused is used before the source is asked again: an owner who has
just replaced a bad key should not wait out the whole TTL, and a bad key should not become a bill."""


class Source(Protocol):
    """A place that credentials come from."""

    @property
    def name(self) -> str:
        """What health calls it."""
        ...

    def fetch(self) -> Credential:
        """Read the credential, or raise a CredentialError."""
        ...


@dataclass(slots=True)
class _Held:
    credential: Credential
    fetched_at: float
    paused_until: float = 0.0


class CredentialCache:
    """One credential, fetched when it is needed and used until its time is over.

    Ages are wall time: while a Lambda environment is frozen its monotonic clock stands still.

    Args:
        source: where the credential comes from.
        ttl: seconds that a fetched credential is used before the source is asked again.
        max_stale: seconds beyond that during which the last good one serves while the source is away.
        now: the wall clock, in seconds.
    """

    def __init__(
        self, source: Source, *, ttl: int, max_stale: int, now: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self._ttl = ttl
        self._max_stale = max_stale
        self._now = now
        self._held: _Held | None = None
        self._rejected: Credential | None = None
        self._lock = Lock()

    @property
    def source_name(self) -> str:
        """Which source it asks."""
        return self._source.name

    @property
    def holds_one(self) -> bool:
        """Whether there is a usable credential, without asking the source."""
        return self._usable() is not None

    def prefetch(self, seconds: float) -> None:
        """Begin to fetch in the background, so that a cold start can import meanwhile.

        A failure is not remembered: the first request asks again, and reports it.

        Args:
            seconds: the longest that a request may find the fetch still under way.
        """

        def fetch() -> None:
            try:
                self.current(Deadline(seconds))
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
                is how an owner stops the function.
        """
        if (held := self._usable()) is not None:
            return held
        with self._turn(deadline):
            if (held := self._usable()) is not None:
                return held
            return self._refresh(deadline)

    def after_rejection(self, rejected: Credential, deadline: Deadline) -> Credential:
        """Return another credential than the one that OpenAI refused.

        The source is asked once for each refused credential: a bad key must not become a bill.

        Args:
            rejected: the credential that OpenAI answered with 401.
            deadline: when the caller stops waiting.

        Returns:
            A credential that differs from the refused one.

        Raises:
            CredentialRejected: there is no other.
            CredentialError: the source has none any more.
        """
        with self._turn(deadline):
            if self._held is not None and self._held.credential != rejected:
                return self._held.credential
            if self._rejected != rejected:
                logger.info("OpenAI refused the key: fetching it again", extra={"version": rejected.version})
                fresh = self._fetch(deadline)
                if fresh != rejected:
                    return fresh
                # Only now: a fetch that failed must not use up the one that a refused key is worth.
                self._rejected = rejected
        raise CredentialRejected("OpenAI refused the key, and the source has no other")

    def accepted(self, credential: Credential) -> None:
        """Note that OpenAI took a credential, so that an earlier refusal of it counts no more."""
        if self._rejected == credential:
            self._rejected = None

    def is_rejected(self, credential: Credential) -> bool:
        """Tell whether OpenAI refused this credential when it was last used."""
        return self._rejected == credential

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
        held = self._held
        if held is None:
            return None
        age = self._now() - held.fetched_at
        ttl = min(self._ttl, REFUSED_TTL) if self.is_rejected(held.credential) else self._ttl
        # A negative age is a clock that was set back: how old the credential is cannot be told.
        if 0 <= age < ttl or (self._may_be_stale(held) and self._now() < held.paused_until):
            return held.credential
        return None

    def _may_be_stale(self, held: _Held) -> bool:
        return 0 <= self._now() - held.fetched_at < self._ttl + self._max_stale

    def _refresh(self, deadline: Deadline) -> Credential:
        held = self._held
        if held is None or not self._may_be_stale(held):
            return self._fetch(deadline)
        try:
            return self._fetch(deadline.within(PATIENCE))
        except CredentialsUnavailable as away:
            held.paused_until = self._now() + PAUSE
            count("CredentialStale")
            logger.warning(
                "Secrets Manager is away: going on with the last good key",
                extra={"detail": away.detail, "age_seconds": round(self._now() - held.fetched_at)},
            )
            return held.credential

    def _fetch(self, deadline: Deadline) -> Credential:
        try:
            credential = deadline.run(self._source.fetch)
        except CredentialsUnavailable:
            raise
        except CredentialError:
            self._held = None
            raise
        except TimeoutError:
            raise CredentialsUnavailable("Secrets Manager did not answer in time") from None
        self._held = _Held(credential, fetched_at=self._now())
        return credential
