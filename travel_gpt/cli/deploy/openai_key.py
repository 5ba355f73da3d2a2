"""The OpenAI key: what was exported, and whether a key may be stored. It is never printed."""

from travel_gpt.cli.errors import CliError
from travel_gpt.cli.key_input import KeyInput, parse_key
from travel_gpt.cli.verification import Verification
from travel_gpt.credentials.advice import server_name
from travel_gpt.errors import NotPermitted
from travel_gpt.redaction import guard


def read_exported(text: str) -> KeyInput | None:
    """Read the key that was in OPENAI_API_KEY.

    Args:
        text: what was in it.

    Returns:
        The key; None when there was none, or only white space.

    Raises:
        CliError: it is no key.
    """
    guard(text.strip())
    return parse_key(text.strip(), "OPENAI_API_KEY") if text.strip() else None


def require_usable(verification: Verification, *, replacing: bool) -> None:
    """Stop unless a key may be stored.

    Args:
        verification: what the server answered.
        replacing: whether a stored key would be lost by it.

    Raises:
        CliError: the key is refused; or it could not be verified and a stored key would be lost.
    """
    unchanged = "The stored key is unchanged" if replacing else "Nothing was changed"
    if verification.refused:
        raise CliError(f"{verification.reason}. {unchanged}. {_advice(verification)}")
    if verification.failure and replacing:
        raise CliError(
            f"The new key could not be verified: {verification.reason}. {unchanged}, since it may be the "
            "only one that works. Repeat when the server can be reached."
        )


def _advice(verification: Verification) -> str:
    server = server_name(verification.server)
    is_known = isinstance(verification.failure, NotPermitted)
    if server == "OpenAI":
        return (
            'A restricted key needs the permission "Models: Read" beside the one for the model itself: add '
            "it where you made the key, and repeat."
            if is_known
            else "Copy the key again, or make a new one (platform.openai.com/api-keys), and repeat."
        )
    if is_known:
        return f"Let the key list the models at {server}, or check the parameter OpenAIBaseUrl, and repeat."
    return (
        f"Give a key of {server}, and repeat; or, if {server} is not the server that you mean, set the "
        "parameter OpenAIBaseUrl (or base_url in the secret)."
    )
