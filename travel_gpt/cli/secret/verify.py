"""Proving a key with one live call."""

from typing import Final

from travel_gpt.cli.destinations import before_model
from travel_gpt.credentials.credential import Credential
from travel_gpt.deadline import Deadline
from travel_gpt.errors import KeyRefused, NotPermitted, TravelGPTError
from travel_gpt.llm.client import ModelClient
from travel_gpt.settings import Settings

VERIFY_TIMEOUT: Final = 20.0
"""Seconds for the call, tries again included."""


def verify(credential: Credential, settings: Settings) -> TravelGPTError | None:
    """Show a key to the server that it is for, with the one call that costs nothing.

    Args:
        credential: the key, and what belongs to it.
        settings: which server, unless the credential says.

    Returns:
        What went wrong; None where the server took the key.

    Raises:
        NotAllowed: a file .env names the server, and the person does not allow it.
    """
    before_model(server_of(credential, settings), credential.source)
    upstream = ModelClient(settings)
    try:
        upstream.verify(credential, Deadline(VERIFY_TIMEOUT))
    except TravelGPTError as failure:
        return failure
    finally:
        upstream.close()
    return None


def server_of(credential: Credential, settings: Settings) -> str:
    """Return the base URL that a key is sent to."""
    return credential.base_url or settings.base_url


def why_not(failure: TravelGPTError, server: str) -> str:
    """Say why a key could not be proven, without what the server said of the key.

    Args:
        failure: what went wrong.
        server: the base URL that was asked.

    Returns:
        A sentence without a full stop.
    """
    if isinstance(failure, NotPermitted):
        return f"{server} knows the key and does not permit it this call ({failure.detail})"
    if isinstance(failure, KeyRefused):
        return f"{server} refuses the key ({failure.detail})"
    return f"{server} did not accept or refuse the key ({failure.detail or failure.code})"
