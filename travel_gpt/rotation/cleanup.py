"""Which old keys may be deleted: those that no version needs and no cache can hold."""

from collections.abc import Iterator, Sequence

from travel_gpt.aws.secret_versions import CURRENT, PENDING, PREVIOUS, SecretMetadata
from travel_gpt.rotation.key_names import KeyNames
from travel_gpt.rotation.openai_keys import IssuedKey


def deletable(
    issued: Sequence[IssuedKey],
    described: SecretMetadata,
    *,
    promoted_at: float | None,
    now: float,
    overlap: int,
) -> Iterator[tuple[IssuedKey, str]]:
    """Find the keys of this secret that no version needs and no cache can hold.

    A version without a label may have been current shortly before the one that is, so nothing goes until the
    current one has been there for the overlap: a cache may hold an older key until then.

    Args:
        issued: the service account's keys.
        described: the secret.
        promoted_at: when the current version was made, in seconds since the epoch; None if that is unknown.
        now: the time.
        overlap: the seconds for which a cache may hold a replaced key.

    Yields:
        Each key that may go, with the version that it was made for. Never one that rotation did not make.
    """
    if promoted_at is None or now - promoted_at < overlap:
        return
    names = KeyNames(described.arn)
    for key in issued:
        version = names.version(key.name)
        if version is None:
            continue
        stages = described.stages.get(version, frozenset())
        if stages & {CURRENT, PENDING}:
            continue
        # Newer than the current one: it was rolled back, at a time that is not known.
        if PREVIOUS in stages and key.created_at > promoted_at:
            continue
        yield key, version
