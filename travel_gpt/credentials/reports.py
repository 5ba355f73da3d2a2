"""What the log, the metrics and the audit events say of the cached credential. Nothing of its value."""

from travel_gpt.credentials.cache_entry import CacheEntry
from travel_gpt.credentials.credential import Credential
from travel_gpt.errors import CredentialError
from travel_gpt.telemetry import audit, count, logger


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
