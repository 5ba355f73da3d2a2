"""What GET says of the credential: the mode, whether an API key is held, and how the last query ended."""

from dataclasses import dataclass
from typing import Final, Literal

from travel_gpt.base_url import is_loopback, is_openai
from travel_gpt.credentials.credential import Credential
from travel_gpt.settings import Settings

Mode = Literal["openai", "compatible", "demo", "keyless"]

DEMO_MODEL: Final = "travel-gpt-demo"
"""The model's name at the demo server of `make run`. Loopback reaches no server on Lambda, so no deployed
function can report the demo by mistake."""

_CONFIGURED: Final = "OpenAI API key is configured"
_NO_KEY: Final[dict[Mode, str]] = {
    "openai": "No OpenAI API key is configured: the secret holds a placeholder",
    "compatible": "No API key is configured: the model server is called without one",
    "demo": "No OpenAI API key is configured: the built-in demo model answers",
    "keyless": "No OpenAI API key is stored: the function authenticates with its own identity",
}


@dataclass(frozen=True, slots=True)
class CredentialStatus:
    """What a credential means for the caller of GET."""

    mode: Mode
    """Which model server answers, and how the function authenticates to it."""
    has_api_key: bool
    """Whether the credential is an API key, and not an identity or a placeholder."""

    @property
    def message(self) -> str:
        """The message of a GET that found this credential usable."""
        return _CONFIGURED if self.has_api_key else _NO_KEY[self.mode]


def status_of(credential: Credential, settings: Settings) -> CredentialStatus:
    """Describe a credential without its value.

    Args:
        credential: the credential in use.
        settings: the settings, for what the credential leaves open.

    Returns:
        The mode, and whether there is an API key.
    """
    mode = _mode(credential, settings)
    return CredentialStatus(mode, mode in ("openai", "compatible") and not credential.placeholder)


def _mode(credential: Credential, settings: Settings) -> Mode:
    if credential.identity is not None:
        return "keyless"
    base_url = credential.base_url or settings.base_url
    if is_loopback(base_url) and (credential.model or settings.model) == DEMO_MODEL:
        return "demo"
    return "openai" if is_openai(base_url) else "compatible"
