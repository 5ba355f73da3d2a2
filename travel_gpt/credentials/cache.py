"""The credential, kept across warm invocations and kept fresh."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Final

from travel_gpt.credentials.chain import Source
from travel_gpt.credentials.credential import Credential
from travel_gpt.deadline import Deadline
from travel_gpt.errors import CredentialError, CredentialRejected, CredentialsUnavailable
from travel_gpt.observability import count, describe, logger

PATIENCE: Final = 3.0
"""Seconds that a request waits for a refresh while a good credential is still there."""

PAUSE: Final = 15
"""Seconds between two tries while the store is away and the last good credential serves."""

DOUBTFUL_TTL: Final = 30
"""Seconds that a credential is used which OpenAI refused, which has expired, or for which a better source was
passed over: what replaces it should not wait out the whole TTL, and asking must not become a bill."""

WARN_BEFORE: Final = 7 * 86_400
"""Seconds before a credential ends from which health and the log say so."""


@dataclass(slots=True)
class _Held:
    credential: Credential
    fetched_at: float
    ttl: float
    paused_until: float = 0.0
    stand_in: Credential | None = None
    """The version before it, while that serves in its place."""
    asked_for_stand_in: bool = False


class CredentialCache:
    """One credential, fetched when it is needed and used until its time is over.

    Ages are wall time: while a Lambda environment is frozen its monotonic clock stands still.

    Args:
        source: where the credential comes from.
        ttl: seconds that a fetched credential is used before the source is asked again.
        max_stale: seconds beyond that during which the last good one serves while the source is away.
        previous_for: seconds after a version was made during which the one before it may serve when OpenAI
            refuses it; 0 for never.
        jitter: the part of the TTL by which it is shortened at random at most.
        now: the wall clock, in seconds.
    """

    def __init__(
        self,
        source: Source,
        *,
        ttl: int,
        max_stale: int,
        previous_for: int = 0,
        jitter: float = 0.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._ttl = ttl
        self._max_stale = max_stale
        self._previous_for = previous_for
        self._jitter = jitter
        self._now = now
        self._held: _Held | None = None
        # Replaced, never changed: other threads look at it while one learns of a refusal.
        self._refused: tuple[Credential, ...] = ()
        self._lock = Lock()

    @property
    def source_name(self) -> str:
        """Which source gave the credential; before there is one, which sources are asked."""
        return self._held.credential.source if self._held is not None else self._source.name

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
        if (usable := self._usable()) is not None:
            return usable
        with self._turn(deadline):
            if (usable := self._usable()) is not None:
                return usable
            return self._refresh(deadline)

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
            CredentialError: the source has none any more.
        """
        with self._turn(deadline):
            usable = self._usable()
            if usable is not None and usable != rejected:
                return usable
            if (held := self._held) is not None and rejected == held.stand_in:
                # The usual end of a rotation gone slowly: the old key ends when the new one works.
                self._refuse(rejected)
                held.stand_in = None
                return held.credential
            if rejected not in self._refused:
                logger.info("OpenAI refused the key: fetching it again", extra={"version": rejected.version})
                fresh = self._fetch(deadline)
                # Only now: a fetch that failed must not use up the one that a refused key is worth.
                self._refuse(rejected)
                if fresh not in self._refused:
                    return fresh
            if (stand_in := self._stand_in(deadline)) is not None:
                return stand_in
        raise CredentialRejected("OpenAI refused the key, and the source has no other")

    def accepted(self, credential: Credential) -> None:
        """Note that OpenAI took a credential, so that an earlier refusal of it counts no more."""
        if credential in self._refused:
            self._refused = tuple(other for other in self._refused if other != credential)

    def is_rejected(self, credential: Credential) -> bool:
        """Tell whether OpenAI refused this credential when it was last used."""
        return credential in self._refused

    def warnings(self) -> list[str]:
        """Say what the owner should look at although there is a usable credential."""
        held = self._held
        if held is None:
            return []
        found = [f"a source was passed over: {reason}" for reason in held.credential.passed_over]
        if self._serving(held) is not held.credential:
            found.append("OpenAI refuses the current key: the previous one serves for a while")
        if held.paused_until > self._now():
            found.append("the key's source is away: the last good key serves for a while")
        if held.credential.expires_at is not None:
            left = held.credential.expires_at - self._now()
            if left <= 0:
                found.append("the key has expired")
            elif left < WARN_BEFORE:
                found.append(f"the key expires in {left / 3600:.0f} hours")
        return found

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
        held = self._held
        if held is None:
            return None
        age = self._now() - held.fetched_at
        # A negative age is a clock that was set back: how old the credential is cannot be told.
        if 0 <= age < self._time_of(held) or (self._may_be_stale(held) and self._now() < held.paused_until):
            return self._serving(held)
        return None

    def _serving(self, held: _Held) -> Credential:
        return (
            held.stand_in
            if held.stand_in is not None and self._is_young(held.credential)
            else held.credential
        )

    def _time_of(self, held: _Held) -> float:
        expires_at = held.credential.expires_at
        if (
            held.credential.passed_over
            or self.is_rejected(held.credential)
            or (expires_at is not None and expires_at <= held.fetched_at)
        ):
            return min(held.ttl, DOUBTFUL_TTL)
        # What replaced it is there at the latest when it ends.
        return held.ttl if expires_at is None else min(held.ttl, expires_at - held.fetched_at)

    def _may_be_stale(self, held: _Held) -> bool:
        return 0 <= self._now() - held.fetched_at < held.ttl + self._max_stale

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
                "The key's source is away: going on with the last good key",
                extra={"detail": away.detail, "age_seconds": round(self._now() - held.fetched_at)},
            )
            return self._serving(held)

    def _fetch(self, deadline: Deadline) -> Credential:
        try:
            credential = deadline.run(self._source.fetch)
        except CredentialsUnavailable:
            raise
        except CredentialError:
            self._held = None
            raise
        except TimeoutError:
            raise CredentialsUnavailable("the key's source did not answer in time") from None
        before = self._held
        ttl = self._ttl * random.uniform(1 - self._jitter, 1)  # noqa: S311 - no secret
        self._held = _Held(credential, fetched_at=self._now(), ttl=ttl)
        if before is not None and before.credential == credential:
            self._held.stand_in, self._held.asked_for_stand_in = before.stand_in, before.asked_for_stand_in
        elif credential in self._refused:
            # It was current once, was refused, and is current again: somebody means it.
            self.accepted(credential)
        self._warn_of_the_end(credential)
        return self._serving(self._held)

    def _warn_of_the_end(self, credential: Credential) -> None:
        if credential.expires_at is not None and credential.expires_at - self._now() < WARN_BEFORE:
            logger.warning(
                "The key expires soon, or has expired: replace it",
                extra={"version": credential.version, "expires_at": round(credential.expires_at)},
            )

    def _is_young(self, credential: Credential) -> bool:
        made = credential.created_at
        # 0 is never, also where AWS's clock is ahead and the version seems to come from the future.
        return self._previous_for > 0 and made is not None and self._now() - made < self._previous_for

    def _stand_in(self, deadline: Deadline) -> Credential | None:
        """Return the version before the refused one, asked for once, while the refused one is young."""
        held = self._held
        if held is None or not self._is_young(held.credential):
            return None
        if not held.asked_for_stand_in:
            try:
                held.stand_in = deadline.run(self._source.previous)
            except (CredentialsUnavailable, TimeoutError):
                return None
            except CredentialError:
                held.stand_in = None
            held.asked_for_stand_in = True
        if held.stand_in is None or held.stand_in in self._refused:
            held.stand_in = None
            return None
        count("CredentialFallback")
        logger.error(
            "OpenAI refuses the current key: the previous one serves for a while",
            extra={"version": held.credential.version, "previous_version": held.stand_in.version},
        )
        return held.stand_in
