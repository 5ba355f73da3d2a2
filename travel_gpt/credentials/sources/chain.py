"""Several sources, asked in the order of the owner's choice."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from travel_gpt.credentials.credential import Credential
from travel_gpt.errors import CredentialError, CredentialsUnavailable, SecretDeleted, SecretNotFound
from travel_gpt.telemetry import audit, count, logger


class Source(Protocol):
    """A place that credentials come from."""

    @property
    def name(self) -> str:
        """What health and the log call it."""
        ...

    def fetch(self) -> Credential:
        """Read the credential, or raise a CredentialError."""
        ...

    def previous(self) -> Credential | None:
        """Read the one that was current before, or raise a CredentialError; None when there is none."""
        ...


class SourceChain:
    """The first source that has a credential gives it.

    A source without an entry, or one that cannot be reached, is skipped with a warning. One that denies
    access, is unreadable or misconfigured is not: that would hide what the owner has to fix, and replace a
    secret that was deleted on purpose.

    Args:
        sources: the sources, the most wanted first; at least one.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        self._gave = self._sources[0]

    @property
    def name(self) -> str:
        """The sources, in their order."""
        return ", ".join(source.name for source in self._sources)

    def fetch(self) -> Credential:
        """Read the credential of the first source that has one.

        Returns:
            The credential, with the sources that were skipped for it.

        Raises:
            CredentialError: a source refused; or none has one, and then the failure of the one that could not
                be reached, if there was such a one, or of the first.
        """
        failures: list[CredentialError] = []
        skipped: list[str] = []
        for source in self._sources:
            try:
                credential = source.fetch()
            except SecretDeleted:
                raise
            except (SecretNotFound, CredentialsUnavailable) as failure:
                failures.append(failure)
                skipped.append(f"{source.name}: {failure.code}")
                self._tell(source, failure)
                continue
            self._gave = source
            return replace(credential, skipped_sources=tuple(skipped))
        away = [failure for failure in failures if isinstance(failure, CredentialsUnavailable)]
        raise (away or failures)[0]

    def previous(self) -> Credential | None:
        """Ask the source that gave the current credential for the one before."""
        return self._gave.previous()

    def _tell(self, source: Source, failure: CredentialError) -> None:
        if source is self._sources[-1]:
            return
        count("CredentialSourcePassedOver")
        audit("credential.passed_over", outcome=failure.code, source=source.name)
        logger.warning(
            "A source of the key was skipped",
            extra={"source": source.name, "code": failure.code, "detail": failure.detail},
        )
