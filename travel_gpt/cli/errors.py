"""The error that ends a command, and its exit status."""

from typing import Final

from travel_gpt.credentials.advice import INSTALLED_BY, key_place
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
    TravelGPTError,
)

DONE: Final = 0
FAILED: Final = 1
"""It was tried and failed."""
USAGE: Final = 2
"""It was not tried: the command line is wrong, or something that it needs is missing."""
INTERRUPTED: Final = 130
"""Ctrl-C, as shells say it."""
AWS_CLI: Final = "with the AWS CLI or in AWS CloudShell"
"""Where a printed command of ``aws`` can be typed: Travel GPT itself does not need the AWS CLI."""


class CliError(Exception):
    """The command failed or was refused.

    Args:
        sentence: what happened and what to do next. Never a credential.
        status: the exit status.
    """

    def __init__(self, sentence: str, status: int = FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


# The errors' own remedies are for the owner of a deployed function, who has its log.
_ADVICE: Final[dict[type[CredentialError], str]] = {
    SecretNotFound: "Check its name and the region, or create it with: travel-gpt secret put",
    AccessDenied: "Ask an administrator of the account for that permission, then repeat.",
    InvalidSecret: "Replace it with a valid key: travel-gpt secret put",
    CredentialsUnavailable: "Check with `travel-gpt secret show` whether anything was changed, then repeat.",
}


def cli_error_for(failure: TravelGPTError) -> CliError:
    """Say what a failure means to the person at the keyboard, and what to do.

    Args:
        failure: the failure, whose own message is for a caller of the API.

    Returns:
        What to stop with.
    """
    return CliError(f"{sentence(failure.detail or failure.message)} {advice_for(failure)}")


def advice_for(failure: TravelGPTError, source: str = "secrets-manager") -> str:
    """Say what the person at the keyboard can do about a failure.

    Args:
        failure: the failure.
        source: the source of the key that failed.
    """
    if "no AWS credentials" in failure.detail:
        return (
            "Set them up with `aws configure` or `aws configure sso` of the AWS CLI, or name a profile with "
            "--profile."
        )
    if source != "secrets-manager":
        place = key_place(source, local="source")
        todo: dict[type[CredentialError], str] = {
            SecretNotFound: place.create,
            InvalidSecret: place.replace,
            AccessDenied: place.permit,
            Misconfigured: "Correct the setting that is named here: docs/settings.md lists the valid values",
        }
        if advice := next((says for kind, says in todo.items() if isinstance(failure, kind)), ""):
            return sentence(advice)
    return next((says for kind, says in _ADVICE.items() if isinstance(failure, kind)), failure.remedy)


def sentence(text: str) -> str:
    """Return a remark as a sentence."""
    # This is travel-gpt's own output, so it is installed.
    text = text.replace(f" {INSTALLED_BY}", "")
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
