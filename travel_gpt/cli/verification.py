"""Verifying a key with one live call."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final

from travel_gpt.cli.destinations import before_model
from travel_gpt.credentials.credential import Credential
from travel_gpt.deadline import Deadline
from travel_gpt.errors import KeyRefused, NotPermitted, TravelGPTError
from travel_gpt.settings import Settings

_SDK_VARIABLES: Final = (
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "OPENAI_ADMIN_KEY",
    "OPENAI_CUSTOM_HEADERS",
    "OPENAI_WEBHOOK_SECRET",
)

VERIFY_TIMEOUT: Final = 20.0
"""Seconds for the call, retries included."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of the call that lists the models."""

    server: str
    """The base URL that was called."""
    failure: TravelGPTError | None = None
    """Why the key is not verified; None where the server accepted it."""
    models: frozenset[str] = frozenset()
    """The models that the key may use, as far as the server lists them."""

    @property
    def refused(self) -> bool:
        """Whether the server answered that it does not accept the key, or not for this call."""
        return isinstance(self.failure, KeyRefused | NotPermitted)

    @property
    def reason(self) -> str:
        """Why the key is not verified, without what the server said of the key; no full stop."""
        detail = self.failure.detail or self.failure.code if self.failure else ""
        if isinstance(self.failure, NotPermitted):
            return f"{self.server} knows the key and does not permit it this call ({detail})"
        if isinstance(self.failure, KeyRefused):
            return f"{self.server} refuses the key ({detail})"
        return f"{self.server} did not accept or refuse the key ({detail})"


def forget_sdk_variables(environ: MutableMapping[str, str]) -> None:
    """Remove what the SDK reads by itself: a key would be verified in another way than it will be used.

    Args:
        environ: the environment variables.
    """
    for name in _SDK_VARIABLES:
        environ.pop(name, None)


def verify(credential: Credential, settings: Settings) -> Verification:
    """Send a key to the server that it is for, with the one call that costs nothing.

    Args:
        credential: the key, and what belongs to it.
        settings: the server, unless the credential names one.

    Returns:
        What the server answered.

    Raises:
        NotAllowed: a file .env names the server, and the person does not allow it.
    """
    # The SDK takes half a second to import, and few commands call a model's server.
    from travel_gpt.llm.client import ModelClient

    server = server_of(credential, settings)
    before_model(server, credential.source)
    client = ModelClient(settings)
    try:
        return Verification(server, models=client.verify(credential, Deadline(VERIFY_TIMEOUT)))
    except TravelGPTError as failure:
        return Verification(server, failure)
    finally:
        client.close()


def server_of(credential: Credential, settings: Settings) -> str:
    """Return the base URL that a key is sent to."""
    return credential.base_url or settings.base_url
