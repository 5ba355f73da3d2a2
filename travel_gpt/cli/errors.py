"""The end of a run that did not do what was asked."""

from typing import Final

from travel_gpt.credentials.advice import INSTALLED_BY, LOCAL, key_place
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
"""It was tried, and it failed or was refused."""
USAGE: Final = 2
"""It was not tried: what was asked for is wrong, or something that it needs is missing."""


class CliError(Exception):
    """The end of the run, with a sentence for the person at the keyboard.

    Args:
        sentence: what happened and what to do next. Never a credential.
        status: the exit status.
    """

    def __init__(self, sentence: str, status: int = FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


# The failures' own remedies are for the owner of a deployed function, who has its log.
_ADVICE: Final[dict[type[CredentialError], str]] = {
    SecretNotFound: "Check its name and the region, or create it with: travel-gpt secret put",
    AccessDenied: "Ask whoever administers the account for that permission, then repeat.",
    InvalidSecret: "Put a usable key in its place with: travel-gpt secret put",
    CredentialsUnavailable: "Look whether anything was done with `travel-gpt secret show`, then repeat.",
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
        return "Set them up with `aws configure` or `aws configure sso`, or name a profile with --profile."
    if source != "secrets-manager":
        place = key_place(source, environ={LOCAL: "source"})
        todo: dict[type[CredentialError], str] = {
            SecretNotFound: place.create,
            InvalidSecret: place.replace,
            AccessDenied: place.permit,
            Misconfigured: "Set right what is named here: docs/settings.md says what it may be",
        }
        if advice := next((says for kind, says in todo.items() if isinstance(failure, kind)), ""):
            return sentence(advice)
    return next((says for kind, says in _ADVICE.items() if isinstance(failure, kind)), failure.remedy)


def sentence(text: str) -> str:
    """Return a remark as a sentence."""
    # This is travel-gpt's own output, so it is installed.
    text = text.replace(f" {INSTALLED_BY}", "")
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
