"""The secret that a command is about, the stack that reads it, and what ``.env`` lets be sent there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import boto3

from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.env_trust import GIVEN, Consent
from travel_gpt.settings import Settings

STACKS: Final = {
    "prod": "travel-gpt-backend",
    "staging": "travel-gpt-backend-staging",
    "dev": "travel-gpt-backend-dev",
}
SECRETS: Final = {
    "prod": "travel-gpt/openai-api-key",
    "staging": "travel-gpt-staging/openai-api-key",
    "dev": "travel-gpt-dev/openai-api-key",
}


@dataclass(frozen=True, slots=True)
class Target:
    """One secret in Secrets Manager."""

    name: str
    options: str
    """The options that mean it, with a space before them, for the next command to type."""

    @property
    def environment(self) -> str | None:
        """The environment whose secret it is; None where it is none of the three."""
        return next((env for env, name in SECRETS.items() if name == self.name), None)

    def verification_settings(self, environ: Mapping[str, str] = os.environ) -> Settings:
        """Return the settings to verify a key of this secret with: those that it is used with.

        Those of the environment's function, unless it cannot be read or this machine sets OPENAI_BASE_URL.

        Args:
            environ: the environment variables of this machine.

        Raises:
            CliError: a setting of this machine is wrong.
        """
        here = checked_settings(environ)
        if environ.get("OPENAI_BASE_URL") or self.environment is None:
            return here
        deployed = function_variables(STACKS[self.environment])
        return here if deployed is None else Settings.load(deployed)


def choose_target(
    secret: str | None, env: str | None, flags: str, environ: Mapping[str, str] = os.environ
) -> Target:
    """Choose the secret that a command is about.

    Args:
        secret: its name or ARN, if that was given.
        env: the environment, if that was given.
        flags: the options of region and profile, with a space before them, or nothing.
        environ: the environment variables.

    Returns:
        The secret: of ``--secret``, of ``--env``, or of OPENAI_SECRET_NAME.

    Raises:
        CliError: both were given, or the name cannot be one.
    """
    if secret and env:
        raise CliError("Give --secret or --env, not both.", USAGE)
    if secret:
        wrong = Settings.load({"OPENAI_SECRET_NAME": secret}).problems
        if wrong:
            raise CliError("--secret must be a Secrets Manager name or ARN, and never a key.", USAGE)
        return Target(secret, f" --secret {secret}{flags}")
    if env:
        return Target(SECRETS[env], f" --env {env}{flags}")
    return Target(checked_settings(environ).secret_name, flags)


def checked_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings of this machine.

    Args:
        environ: the environment variables.

    Returns:
        The settings.

    Raises:
        CliError: some are wrong; all of them are named.
    """
    settings = Settings.load(environ)
    if settings.problems:
        raise CliError(
            "\n".join(f"{problem}." for problem in settings.problems)
            + "\nCorrect that (docs/settings.md lists the valid values), then repeat.",
            USAGE,
        )
    return settings


def function_variables(stack: str) -> dict[str, str] | None:
    """Return the environment variables of a stack's function.

    Args:
        stack: the stack's name.

    Returns:
        The variables; None where there is no such function, or the caller may not look.
    """
    try:
        answer = boto3.client("lambda").get_function_configuration(FunctionName=f"{stack}-TravelGPTFunction")
    except AWS_ERRORS:
        return None
    return dict(answer.get("Environment", {}).get("Variables", {}))


GIVEN_KEY: Final = "the key that you give"
_DEFAULT_SOURCE: Final = Settings().credential_source
_consents: Final[list[Consent]] = []


def use(consent: Consent | None) -> None:
    """Take what a file decided into account from now on.

    Args:
        consent: what it decided, and what the person allows; None where there is no such file.
    """
    _consents[:] = [consent] if consent is not None else []


def before_aws(*, key: str = "") -> None:
    """Have the person allow calls to AWS.

    Args:
        key: what to call a key that is stored there and is not of the file; empty where none is.

    Raises:
        NotAllowed: the person did not allow it, or cannot be asked.
    """
    for consent in _consents:
        consent.require(consent.trust.to_aws(key=key))


def before_sources(settings: Settings) -> None:
    """Have the person allow asking the sources of the key.

    Args:
        settings: the settings, which name the sources.

    Raises:
        NotAllowed: the person did not allow it, or cannot be asked.
    """
    for consent in _consents:
        consent.require(consent.trust.to_sources(settings, _DEFAULT_SOURCE))


def before_encrypted_file(path: str, *, key: str = GIVEN_KEY) -> None:
    """Have the person allow encrypting a key under master keys of the file.

    Args:
        path: the encrypted file.
        key: what to call the key.

    Raises:
        NotAllowed: the person did not allow it, or cannot be asked.
    """
    for consent in _consents:
        consent.require(consent.trust.to_encrypted_file(path, key))


def before_model(base_url: str, source: str = GIVEN) -> None:
    """Have the person allow showing a key to the model's server.

    Args:
        base_url: the server.
        source: the source of the key.

    Raises:
        NotAllowed: the person did not allow it, or cannot be asked.
    """
    for consent in _consents:
        consent.require(consent.trust.to_model(base_url, source))


def other_than_aws(environ: Mapping[str, str]) -> str:
    """Say where a key goes that is not sent to AWS itself, with a comma before it; nothing otherwise.

    Args:
        environ: the environment variables.
    """
    endpoint = environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environ.get("AWS_ENDPOINT_URL")
    return f", at {endpoint} and not at AWS" if endpoint else ""
