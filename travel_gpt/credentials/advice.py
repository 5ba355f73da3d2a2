"""What the owner of a credential can do about it: which command or variable, by where the credential is kept.

Messages of errors, of the command line and of doctor take their advice from here, so that none of them names
``./deploy.sh`` to the owner of an environment variable, or OpenAI where another server was asked.
"""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from travel_gpt.base_url import is_openai
from travel_gpt.errors import AccessDenied, CredentialError, InvalidSecret, SecretNotFound

Local = Literal["", "key", "no-key", "demo", "source"]
"""Where this runs: empty on Lambda. In the local server ``key``, ``no-key`` or ``demo`` where it emulates
Secrets Manager; there and in the command ``source`` where the secret is the user's own."""

_IDENTITY_REFUSED: Final = (
    "OpenAI does not accept the identity of this function. The owner should check the workload identity "
    "provider and its service account mapping at OpenAI: see docs/operations/keyless.md."
)
_NOT_PERMITTED_BY_OPENAI: Final = (
    "OpenAI knows the configured key but does not allow it this call. The owner should give it the "
    "permissions Models: Read and Responses: Write (with `api: chat`: Chat completions: Write)."
)

INSTALLED_BY: Final = "(`make command` installs travel-gpt)"
"""What follows the first command of ``travel-gpt`` in a message that may be read without it."""


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a key is kept, and how its owner changes it there. Each text completes "The owner should"."""

    create: str
    replace: str
    permit: str
    """What to do where reading the key there is not allowed."""


_STACK: Final = KeyPlace(
    create="create it with ./deploy.sh",
    replace="replace it with ./deploy.sh --replace-key",
    permit="check the policy of the function's role",
)
_SECRETS_MANAGER: Final = KeyPlace(
    create=f"create it with travel-gpt secret put {INSTALLED_BY}",
    replace=f"replace it with travel-gpt secret rotate {INSTALLED_BY}",
    permit="check the policy of the AWS user or role that runs this",
)
_VAULT: Final = KeyPlace(
    create="write it in Vault at VAULT_MOUNT and VAULT_PATH",
    replace="write a new version of it in Vault",
    permit="check the token and its policy in Vault",
)
_ENCRYPTED_FILE: Final = KeyPlace(
    create=f"make the file with travel-gpt secret encrypt {INSTALLED_BY}",
    replace=f"replace it with travel-gpt secret encrypt --replace {INSTALLED_BY}",
    permit="check the permissions of the file and TRAVEL_GPT_MASTER_KEYS",
)
_IDENTITY: Final = KeyPlace(
    create="set up the workload identity provider at OpenAI",
    replace="check the workload identity provider and its service account mapping at OpenAI",
    permit="check that the role may call sts:GetWebIdentityToken",
)


def key_place(source: str, *, variable: str = "", local: Local = "") -> KeyPlace:
    """Return where a credential of one source is kept.

    Args:
        source: the source, such as ``secrets-manager``.
        variable: for ``environment``, the variable that holds it.
        local: where this runs.

    Returns:
        The place. Secrets Manager is the deployed stack's on Lambda.
    """
    if source == "environment" or (source == "secrets-manager" and local in ("key", "no-key", "demo")):
        name = variable if source == "environment" and variable else "OPENAI_API_KEY"
        return KeyPlace(
            create=f"set {name} where this runs, and start it again",
            replace=f"set {name} to another key, and start it again",
            permit=f"set {name} where this runs, and start it again",
        )
    others = {"vault": _VAULT, "encrypted-file": _ENCRYPTED_FILE, "workload-identity": _IDENTITY}
    if source in others:
        return others[source]
    return _SECRETS_MANAGER if local else _STACK


def server_name(base_url: str) -> str:
    """Return what messages call the server of a base URL: ``OpenAI``, or its host and port.

    Args:
        base_url: the base URL; an empty one is OpenAI's.
    """
    return "OpenAI" if not base_url or is_openai(base_url) else urlsplit(base_url).netloc


def refused_message(
    source: str,
    base_url: str,
    *,
    variable: str = "",
    in_secret: bool = False,
    local: Local = "",
) -> str:
    """Return what to say of a credential that the server refuses.

    Args:
        source: the source that gave it.
        base_url: the base URL of the server.
        variable: for ``environment``, the variable that holds it.
        in_secret: whether the base URL is in the secret, beside the key.
        local: where this runs.

    Returns:
        The message, for a caller of the API as well as for the owner.
    """
    if source == "workload-identity":
        return _IDENTITY_REFUSED
    server, where = server_name(base_url), "base_url in the secret" if in_secret else "OPENAI_BASE_URL"
    place = key_place(source, variable=variable, local=local)
    if source == "secrets-manager" and local == "no-key":
        return f"{server} asks for a key, and none is set. The owner should {place.create}, or check {where}."
    if server == "OpenAI":
        return f"OpenAI refused the configured key. The owner should {place.replace}."
    # deploy.sh asks for a key of OpenAI's.
    replace = _SECRETS_MANAGER.replace if place is _STACK else place.replace
    return (
        f"{server} refused the configured key. The owner should check that the key is one for {server} "
        f"({where}), or {replace}."
    )


def expired_message(source: str, *, variable: str = "", local: Local = "") -> str:
    """Return what to say of a key whose ``expires_at`` has passed.

    Args:
        source: the source that gave it.
        variable: for ``environment``, the variable that holds it.
        local: where this runs.

    Returns:
        The message, for a caller of the API as well as for the owner.
    """
    place = key_place(source, variable=variable, local=local)
    return (
        'The configured key has expired: the time in "expires_at" beside it has passed. '
        f"The owner should {place.replace}."
    )


def secret_message(failure: CredentialError, local: Local = "") -> str:
    """Return what to say of a failure to read the secret.

    Args:
        failure: the failure; its own message is for a deployed stack.
        local: where this runs.

    Returns:
        The message, for a caller of the API as well as for the owner.
    """
    if not local:
        return failure.message
    place = key_place("secrets-manager", local=local)
    if isinstance(failure, SecretNotFound):
        return f"The secret with the OpenAI key does not exist. The owner should {place.create}."
    if isinstance(failure, InvalidSecret):
        return f'The secret is not a key and not valid JSON with "api_key". The owner should {place.replace}.'
    if isinstance(failure, AccessDenied) and failure.message == AccessDenied.message:
        return f"AWS does not allow reading the secret with the OpenAI key. The owner should {place.permit}."
    return failure.message


def not_permitted_message(base_url: str) -> str:
    """Return what to say of a key that the server knows, and does not allow the call.

    Args:
        base_url: the base URL of the server.
    """
    server = server_name(base_url)
    if server == "OpenAI":
        return _NOT_PERMITTED_BY_OPENAI
    return (
        f"{server} does not allow the configured key this call. The owner should check what the key may do "
        f"at {server}, and OPENAI_BASE_URL, OPENAI_API and OPENAI_MODEL."
    )
