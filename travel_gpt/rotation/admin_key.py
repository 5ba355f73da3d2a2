"""OpenAI's admin key: in a secret of its own, which only the rotation function can read."""

import json
from typing import Final

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.credentials.credential import Key
from travel_gpt.credentials.secret import read_key
from travel_gpt.errors import InvalidSecret, SecretNotFound

_OF_PROJECTS: Final = ("sk-proj-", "sk-svcacct-")
"""How keys of a project begin: assumed. OpenAI's OpenAPI document has ``sk-admin-`` for an admin key, in the
example of "Create an organization admin API key"."""


def fetch_admin_key(versions: SecretVersions) -> Key:
    """Read the admin key.

    Args:
        versions: the secret that holds it, bare or as ``{"admin_api_key": "…"}``.

    Returns:
        The key, masked from here on wherever something is written.

    Raises:
        SecretNotFound: there is no such secret, or it is empty.
        InvalidSecret: it holds no usable key, or one of a project. The text quotes nothing.
        CredentialError: it cannot be read.
    """
    stored = versions.read()
    if stored is None:
        raise SecretNotFound("the secret with OpenAI's admin key does not exist, or has no value")
    text = stored.text.strip()
    if text.startswith(("{", "[", '"')):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            # Chained, the parser's exception would carry the document.
            raise InvalidSecret("the secret with OpenAI's admin key is not valid JSON") from None
        value = document.get("admin_api_key") if isinstance(document, dict) else None
        if not isinstance(value, str):
            raise InvalidSecret('the secret with OpenAI\'s admin key has no text "admin_api_key"')
        text = value.strip()
    try:
        key = read_key(text)
    except InvalidSecret as invalid:
        raise InvalidSecret(f"OpenAI's admin key: {invalid.detail}") from None
    if text.startswith(_OF_PROJECTS):
        raise InvalidSecret(
            "the secret with OpenAI's admin key holds a key of a project, which may not make keys: an admin "
            "key begins with sk-admin-, and an owner of the organization makes it"
        )
    return key
