"""How long a fetched credential is used, and what its owner should know about it, by the log too."""

from dataclasses import dataclass
from typing import Final

from travel_gpt.credentials.secret import Credential
from travel_gpt.errors import CredentialError
from travel_gpt.telemetry import audit, count, logger

DOUBTFUL_TTL: Final = 30
"""Seconds for which a credential is used that OpenAI refused, that has expired, or that is not from the
preferred source: its replacement should not have to wait for the whole TTL, and each fetch costs money."""

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
    """How long beyond that the last good one is used while the source is unavailable."""
    previous_for: int = 0
    """How long after a version was made the previous one may be used when OpenAI refuses it; 0 for never."""
    rotation: int = 0
    """The age at which a key is to be replaced; 0 where that is not set."""
    enforce_expiry: bool = False
    """Whether a credential whose ``expires_at`` has passed is refused; otherwise it causes a warning."""


@dataclass(slots=True)
class CacheEntry:
    """A fetched credential, and the previous version that may be used in its place."""

    credential: Credential
    lifetimes: Lifetimes
    fetched_at: float
    ttl: float
    """The lifetime, shortened a little at random."""
    trusted_until: float = 0.0
    """Until when the credential is used without a further check; 0 while something may replace it."""
    paused_until: float = 0.0
    """Until when the source, which is unavailable, is not asked again."""
    fallback: Credential | None = None
    """The previous version, while that is used."""
    asked_for_fallback: bool = False
    fallback_paused_until: float = 0.0
    """Until when the previous version, which could not be fetched, is not asked for again."""

    def usable(self, now: float) -> Credential | None:
        """Return the credential to use: this one, or the fallback for as long as that may be used.

        Args:
            now: the wall clock, in seconds.

        Returns:
            The credential; None where it has expired and that is enforced.
        """
        fallback = self.fallback if self.may_fall_back(now) else None
        chosen = self.credential if fallback is None else fallback
        return None if self.is_refused_as_expired(chosen, now) else chosen

    def is_refused_as_expired(self, credential: Credential, now: float) -> bool:
        """Return whether a credential must not be used because it has expired."""
        return self.lifetimes.enforce_expiry and credential.has_expired(now)

    def is_fresh(self, now: float, *, refused: bool) -> bool:
        """Return whether the source need not be asked.

        Args:
            now: the wall clock, in seconds.
            refused: whether OpenAI refused the credential.
        """
        # Before fetched_at the clock was set back: then the age of the credential is unknown.
        fresh = self.fetched_at <= now < self.fresh_until(refused=refused)
        return fresh or (self.may_be_stale(now) and now < self.paused_until)

    def fresh_until(self, *, refused: bool) -> float:
        """Return until when the source need not be asked, in seconds of the wall clock.

        Args:
            refused: whether OpenAI refused the credential.
        """
        expires_at, ttl = self.credential.expires_at, self.ttl
        if refused or self.credential.skipped_sources or self.credential.has_expired(self.fetched_at):
            ttl = min(ttl, DOUBTFUL_TTL)
        elif expires_at is not None:
            # Its replacement is there at the latest when it expires.
            ttl = min(ttl, expires_at - self.fetched_at)
        return self.fetched_at + ttl

    def may_be_stale(self, now: float) -> bool:
        """Return whether it may still be used while the source is unavailable."""
        # An identity is worth no more than its source, which signs a new token for each exchange.
        max_stale = 0 if self.credential.identity else self.lifetimes.max_stale
        return 0 <= now - self.fetched_at < self.ttl + max_stale

    def may_fall_back(self, now: float) -> bool:
        """Return whether it is young enough for the previous version to be used in its place."""
        made, previous_for = self.credential.created_at, self.lifetimes.previous_for
        # 0 is never, also where AWS's clock is ahead and the version seems to come from the future.
        return previous_for > 0 and made is not None and now - made < previous_for

    def is_fallback_better(self, now: float) -> bool:
        """Return whether the fallback has not expired, and is not the expired key itself, stored before."""
        return self.fallback is not None and not (
            self.is_refused_as_expired(self.fallback, now)
            or (self.is_refused_as_expired(self.credential, now) and self.fallback.key == self.credential.key)
        )

    def ends_soon(self, now: float) -> bool:
        """Return whether it expires within a week, or has expired.

        Where keys are rotated every few days, each of them has less than a week left at its end: then only
        one that has less left than the rotation period counts, since its rotation is late.
        """
        warn_before = min(WARN_BEFORE, self.lifetimes.rotation or WARN_BEFORE)
        return self.credential.expires_at is not None and self.credential.expires_at - now < warn_before

    def is_overdue(self, now: float) -> bool:
        """Return whether it should have been rotated by now."""
        made, rotation = self.credential.created_at, self.lifetimes.rotation
        return rotation > 0 and made is not None and now - made > rotation + LATE_BY

    def warnings(self, now: float) -> list[str]:
        """Return what the owner should look at although it is usable."""
        found = [f"a source was skipped: {reason}" for reason in self.credential.skipped_sources]
        if self.usable(now) is not self.credential:
            expired = self.is_refused_as_expired(self.credential, now)
            why = "the current key has expired" if expired else "OpenAI refuses the current key"
            found.append(f"{why}: the previous one is used for a while")
        if self.paused_until > now:
            found.append("the key's source is unavailable: the last good key is used for a while")
        if self.credential.expires_at is not None and self.ends_soon(now):
            left = self.credential.expires_at - now
            found.append(
                "the key has expired" if left <= 0 else f"the key expires in {left / 3600:.0f} hours"
            )
        if self.credential.created_at is not None and self.is_overdue(now):
            days = (now - self.credential.created_at) / DAY
            found.append(f"the key is {days:.0f} days old: it should have been rotated")
        return found


def report_age(entry: CacheEntry, now: float) -> None:
    """Report a credential that has expired, expires soon or should have been rotated.

    Args:
        entry: the credential, just fetched.
        now: the wall clock, in seconds.
    """
    credential = entry.credential
    expires = {"version": credential.version, "expires_at": round(credential.expires_at or 0)}
    if credential.has_expired(now):
        count("CredentialExpired")
        logger.error("The key has expired: replace it", extra=expires)
    elif entry.ends_soon(now):
        count("CredentialExpiring")
        logger.warning("The key expires soon: replace it", extra=expires)
    if entry.is_overdue(now):
        count("CredentialOverdue")
        logger.warning(
            "The key is older than its rotation period: replace it, or look why it was not rotated",
            extra={"version": credential.version, "created_at": round(credential.created_at or 0)},
        )


def report_stale(entry: CacheEntry, away: CredentialError, now: float) -> None:
    """Report that the source is away, and that the last good credential serves.

    Args:
        entry: the credential.
        away: the failure of the source.
        now: the wall clock, in seconds.
    """
    count("CredentialStale")
    age = round(now - entry.fetched_at)
    audit(
        "credential.stale",
        outcome=away.code,
        source=entry.credential.source,
        version=entry.credential.version,
        age_seconds=age,
    )
    logger.warning(
        "The key's source is away: going on with the last good key",
        extra={"detail": away.detail, "age_seconds": age},
    )


def report_fallback(entry: CacheEntry, previous: Credential, now: float) -> None:
    """Report that the version before the current one serves in its place.

    Args:
        entry: the current one, which OpenAI refused or which has expired.
        previous: the version before it.
        now: the wall clock, in seconds.
    """
    count("CredentialFallback")
    audit(
        "credential.fallback",
        outcome="success",
        source=previous.source,
        version=previous.version,
        instead_of=entry.credential.version,
    )
    expired = entry.is_refused_as_expired(entry.credential, now)
    why = "The current key has expired" if expired else "OpenAI refuses the current key"
    logger.error(
        f"{why}: the previous one is used for a while",
        extra={"version": entry.credential.version, "previous_version": previous.version},
    )
