"""How long a fetched credential is good for, and what its owner should know about it."""

from dataclasses import dataclass
from typing import Final

from travel_gpt.credentials.credential import Credential

DOUBTFUL_TTL: Final = 30
"""Seconds that a credential is used which OpenAI refused, which has expired, or for which a better source was
passed over: what replaces it should not wait out the whole TTL, and asking must not become a bill."""

DAY: Final = 86_400

WARN_BEFORE: Final = 7 * DAY
"""Seconds before a credential ends from which health and the log say so."""

LATE_BY: Final = DAY
"""Seconds by which a rotation may be late before it counts: Secrets Manager takes any moment of its day."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """What the owner set, in seconds."""

    ttl: int
    """How long a fetched credential is used before the source is asked again."""
    max_stale: int
    """How long beyond that the last good one serves while the source is away."""
    previous_for: int = 0
    """How long after a version was made the one before it may serve when OpenAI refuses it; 0 for never."""
    rotation: int = 0
    """The age at which a key is to be replaced; 0 where nobody said."""
    enforce_expiry: bool = False
    """Whether a credential whose ``expires_at`` has passed is refused; otherwise it is warned of."""


@dataclass(slots=True)
class CacheEntry:
    """A credential, when it was fetched, and the one that stands in for it."""

    credential: Credential
    lifetimes: Lifetimes
    fetched_at: float
    ttl: float
    """The lifetime, shortened a little at random."""
    paused_until: float = 0.0
    """Until when the source, which is away, is not asked again."""
    stand_in: Credential | None = None
    """The version before it, while that serves in its place."""
    asked_for_stand_in: bool = False
    stand_in_paused_until: float = 0.0
    """Until when the version before it, which could not be fetched, is not asked for again."""

    def serving(self, now: float) -> Credential | None:
        """Return the credential to use: this one, or the fallback for as long as that may be used.

        Args:
            now: the wall clock, in seconds.

        Returns:
            The credential; None where it has expired and that is enforced.
        """
        stand_in = self.stand_in if self.is_young(now) else None
        chosen = self.credential if stand_in is None else stand_in
        return None if self.is_refused_as_expired(chosen, now) else chosen

    def is_refused_as_expired(self, credential: Credential, now: float) -> bool:
        """Tell whether a credential must not be used because it has expired."""
        return self.lifetimes.enforce_expiry and credential.has_expired(now)

    def is_fresh(self, now: float, *, doubted: bool) -> bool:
        """Tell whether the source need not be asked.

        Args:
            now: the wall clock, in seconds.
            doubted: whether OpenAI refused it.
        """
        # A negative age is a clock that was set back: how old the credential is cannot be told.
        fresh = 0 <= now - self.fetched_at < self._time(doubted=doubted)
        return fresh or (self.may_be_stale(now) and now < self.paused_until)

    def may_be_stale(self, now: float) -> bool:
        """Tell whether it may still serve while the source is away."""
        # An identity is worth no more than the source, which proves it anew for each token.
        max_stale = 0 if self.credential.identity else self.lifetimes.max_stale
        return 0 <= now - self.fetched_at < self.ttl + max_stale

    def is_young(self, now: float) -> bool:
        """Tell whether the version before it may serve in its place."""
        made, previous_for = self.credential.created_at, self.lifetimes.previous_for
        # 0 is never, also where AWS's clock is ahead and the version seems to come from the future.
        return previous_for > 0 and made is not None and now - made < previous_for

    def is_no_better(self, now: float) -> bool:
        """Tell whether the fallback has expired too, or is the expired key itself, stored before."""
        return self.stand_in is not None and (
            self.is_refused_as_expired(self.stand_in, now)
            or (self.is_refused_as_expired(self.credential, now) and self.stand_in.key == self.credential.key)
        )

    def ends_soon(self, now: float) -> bool:
        """Tell whether it expires within a week, or has expired.

        Where keys are rotated every few days, each of them has less than a week left at its end: then only
        one that has less left than the rotation period counts, since its rotation is late.
        """
        warn_before = min(WARN_BEFORE, self.lifetimes.rotation or WARN_BEFORE)
        return self.credential.expires_at is not None and self.credential.expires_at - now < warn_before

    def is_overdue(self, now: float) -> bool:
        """Tell whether it should have been rotated by now."""
        made, rotation = self.credential.created_at, self.lifetimes.rotation
        return rotation > 0 and made is not None and now - made > rotation + LATE_BY

    def warnings(self, now: float) -> list[str]:
        """Say what the owner should look at although it is usable."""
        found = [f"a source was passed over: {reason}" for reason in self.credential.passed_over]
        if self.serving(now) is not self.credential:
            expired = self.is_refused_as_expired(self.credential, now)
            why = "the current key has expired" if expired else "OpenAI refuses the current key"
            found.append(f"{why}: the previous one serves for a while")
        if self.paused_until > now:
            found.append("the key's source is away: the last good key serves for a while")
        if self.credential.expires_at is not None and self.ends_soon(now):
            left = self.credential.expires_at - now
            found.append(
                "the key has expired" if left <= 0 else f"the key expires in {left / 3600:.0f} hours"
            )
        if self.credential.created_at is not None and self.is_overdue(now):
            days = (now - self.credential.created_at) / DAY
            found.append(f"the key is {days:.0f} days old: it should have been rotated")
        return found

    def _time(self, *, doubted: bool) -> float:
        expires_at = self.credential.expires_at
        if (
            self.credential.passed_over
            or doubted
            or (expires_at is not None and expires_at <= self.fetched_at)
        ):
            return min(self.ttl, DOUBTFUL_TTL)
        # What replaced it is there at the latest when it ends.
        return self.ttl if expires_at is None else min(self.ttl, expires_at - self.fetched_at)
