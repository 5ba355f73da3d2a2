"""What a command may send where the file ``.env`` of the current folder says."""

from collections.abc import Mapping
from typing import Final

from travel_gpt.env_trust import GIVEN, Consent
from travel_gpt.settings import Settings

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
