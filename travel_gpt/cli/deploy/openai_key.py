"""The OpenAI key: what was exported, what becomes of it, whether it may be stored. It is never printed."""

from collections.abc import Mapping
from dataclasses import dataclass

from travel_gpt.base_url import safe_base_url
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.secret import Action, Secret, decide
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.key_input import KeyInput, Verification, parse_key, take_key, verify
from travel_gpt.credentials.advice import server_name
from travel_gpt.credentials.secret import read_secret
from travel_gpt.errors import NotPermitted
from travel_gpt.redaction import guard
from travel_gpt.settings import Settings


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """What becomes of the key."""

    secret: Secret
    action: Action
    key: KeyInput | None
    """The key at hand, where it is needed now or may be once the secret is restored."""
    verification: Verification | None = None
    note: str = ""
    """A sentence about a key that is not used."""


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


def resolve_key(
    console: Console,
    options: Options,
    secret: Secret,
    key: KeyInput | None,
    values: Mapping[str, str],
) -> KeyPlan:
    """Decide what becomes of the key, ask for it if it is needed, and verify it.

    Args:
        console: where to ask.
        options: what the person asked for.
        secret: the secret as it is.
        key: the key at hand, if there is one.
        values: the parameters.

    Returns:
        What becomes of the key.

    Raises:
        CliError: there is no key and no terminal to ask for one, or the key is refused.
    """
    if secret.deleted:
        # What it holds can be read only once it is restored: then this is decided again.
        if options.replace_key and key is None and not options.dry_run:
            key = _ask_for_key(console, options, secret)
        return KeyPlan(secret, Action.KEEP, key)
    action, note = decide(secret, key, options)
    if key is None and action is not Action.KEEP and not options.dry_run:
        key = _ask_for_key(console, options, secret)
        action, note = decide(secret, key, options)
    if action is Action.KEEP or key is None:
        return KeyPlan(secret, action, None, note=note)
    credential = read_secret(key.value(secret.fields), source=secret.name, version="")
    try:
        base_url = values["OpenAIBaseUrl"] and safe_base_url(values["OpenAIBaseUrl"])
    except ValueError as wrong:
        raise CliError(f"OpenAIBaseUrl {wrong}.", 2) from None
    verification = verify(credential, Settings.load({"OPENAI_BASE_URL": base_url}))
    require_usable(verification, replacing=action is Action.REPLACE)
    if verification.failure:
        note = (
            f"The key could not be verified: {verification.reason}. It is stored all the same; ?verify=true "
            "will tell."
        )
    model = credential.model or values["OpenAIModel"]
    if verification.models and model not in verification.models:
        note = f"The key is accepted, and its server does not list the model {model}: check --model."
    return KeyPlan(secret, action, key, verification, note)


def verify_stored(options: Options, secret: Secret, values: Mapping[str, str]) -> None:
    """Stop where the function would get a key that its server refuses: it was not in use for a while."""
    if secret.credential is None:
        return
    verification = verify(secret.credential, Settings.load({"OPENAI_BASE_URL": values["OpenAIBaseUrl"]}))
    if verification.refused:
        raise CliError(
            f"The key in the secret {secret.name} cannot be used any more: {verification.reason}. Nothing "
            "was changed. Give a new one:\n"
            f"    {options.command('--parameter', 'Keyless=off', '--replace-key')}"
        )


def _ask_for_key(console: Console, options: Options, secret: Secret) -> KeyInput:
    if console.terminal:
        return take_key("OpenAI API key")
    replacing = ["--replace-key"] if options.replace_key else []
    why = "A new key is needed" if secret.exists else f"There is no secret {secret.name} here yet"
    raise CliError(
        f"{why}, OPENAI_API_KEY is not set, and there is no terminal to ask in. Nothing was changed. "
        "In CI, set OPENAI_API_KEY from the CI's own store of secrets. In bash or zsh (paste the key and "
        f"press Enter; nothing is shown):\n    {options.command_with_key(*replacing)}"
    )
