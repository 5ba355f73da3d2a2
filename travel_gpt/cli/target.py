"""The secret that a command is about, the stack that reads it, and that stack's settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import boto3

from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.cli.errors import USAGE, CliError
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
