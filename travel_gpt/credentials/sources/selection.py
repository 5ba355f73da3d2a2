"""Which sources the owner chose, and several of them, asked in that order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn, Protocol

from travel_gpt.credentials.advice import Local
from travel_gpt.credentials.secret import Credential
from travel_gpt.errors import (
    CredentialError,
    CredentialsUnavailable,
    Misconfigured,
    SecretDeleted,
    SecretNotFound,
)
from travel_gpt.settings import Settings
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


class UnavailableSource:
    """Stands where a chosen source cannot be made.

    Args:
        name: the source, which is also the name of the extra that brings its library.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def fetch(self) -> NoReturn:
        """Refuse.

        Raises:
            Misconfigured: always. It says how to install what is missing.
        """
        # From the clone's locks only: a project of this name on a package index would be somebody else's.
        says = (
            f"CREDENTIAL_SOURCE={self.name} needs a library that is not installed. In the clone, run "
            "python -m pip install --no-deps --require-hashes "
            f"--requirement requirements/lambda-{self.name}.txt with the Python that runs this; "
            f"for Lambda, build with: PACKAGE_EXTRAS={self.name} make build"
        )
        raise Misconfigured(says, message=f"{says}.")

    def previous(self) -> None:
        """Return nothing: it never gave one."""
        return


def source_of(settings: Settings, local: Local = "") -> Source:
    """Make what CREDENTIAL_SOURCE names.

    Args:
        settings: the settings.
        local: where this runs.

    Returns:
        The one source, or the chain of several.
    """
    sources = [_source(name, settings, local) for name in settings.credential_source]
    return sources[0] if len(sources) == 1 else SourceChain(sources)


def _source(name: str, settings: Settings, local: Local) -> Source:
    try:
        return _made(name, settings, local)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("travel_gpt"):
            raise
        return UnavailableSource(name)


def _made(name: str, settings: Settings, local: Local) -> Source:
    # Imported when chosen: what is not used costs no cold start anything, and need not be installed.
    match name:
        case "environment":
            from travel_gpt.credentials.sources.environment import EnvironmentSource

            return EnvironmentSource(settings.secret_name)
        case "workload-identity":
            from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource

            return WorkloadIdentitySource(settings.identity_provider_id, settings.service_account_id)
        case "encrypted-file":
            from travel_gpt.credentials.sources.encrypted_file import EncryptedFileSource

            return EncryptedFileSource(settings.credential_file, master_keys_file=settings.master_keys_file)
        case "vault":
            from travel_gpt.credentials.sources.vault import VaultSource

            return VaultSource(settings)
        case _:
            from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource

            return SecretsManagerSource(settings.secret_name, local)
