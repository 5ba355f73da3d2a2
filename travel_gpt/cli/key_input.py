"""Asking for a key, verifying it, and what may be shown of one."""

import getpass
import hashlib
import json
import sys
import warnings
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.target import before_model
from travel_gpt.credentials.secret import KEY_NAMES, Credential, Key, read_secret, with_new_key
from travel_gpt.deadline import Deadline
from travel_gpt.env_trust import GIVEN
from travel_gpt.errors import InvalidSecret, KeyRefused, NotPermitted, TravelGPTError
from travel_gpt.redaction import guard
from travel_gpt.settings import Settings

LONGEST: Final = 65_536
"""Characters of the longest value that Secrets Manager takes."""

_DOMAIN: Final = b"travel-gpt key fingerprint v1\0"


@dataclass(frozen=True, slots=True)
class KeyInput:
    """A key that was typed or piped in: alone, or in a JSON object."""

    credential: Credential
    fields: dict[str, Any] = field(repr=False)
    """The JSON object; of a bare key, one with the key alone."""

    @property
    def key(self) -> Key:
        """The key."""
        return self.credential.key

    def value(self, stored: dict[str, Any] | None = None) -> str:
        """Write the value to store.

        Args:
            stored: the JSON object that is stored now. Its other fields stay, except the old key's expiry.

        Returns:
            The value, as JSON.

        Raises:
            CliError: together they are no secret that the function could read.
        """
        beside = {name: value for name, value in self.fields.items() if name not in KEY_NAMES}
        try:
            return with_new_key(json.dumps(stored or {}), self.key, **beside)
        except InvalidSecret as invalid:
            raise CliError(
                f"With the secret's other fields, the function could not read it: {invalid.detail}. Give "
                "the whole value as JSON instead, with those fields corrected."
            ) from None


def take_key(prompt: str) -> KeyInput:
    """Read a key from standard input, or ask for it without showing it where that is a terminal.

    Args:
        prompt: what to ask.

    Returns:
        What was given.

    Raises:
        CliError: nothing was given, or no key.
    """
    text = take_text(prompt)
    if not text:
        raise CliError("No key was given, so nothing was changed. Run it again and paste the key.", USAGE)
    return parse_key(text, "What was given")


def take_text(prompt: str) -> str:
    """Read a secret value.

    Args:
        prompt: what to ask at a terminal.

    Returns:
        The value without white space around it. From here on it is masked in every output.

    Raises:
        CliError: it is too long or not text, or the terminal cannot hide the input.
    """
    try:
        text = _hidden(prompt) if sys.stdin.isatty() else sys.stdin.read(LONGEST + 1)
    except UnicodeDecodeError:
        raise CliError("What came from standard input is not text in UTF-8.", USAGE) from None
    if len(text) > LONGEST:
        raise CliError(f"What came from standard input is longer than {LONGEST:,} characters.", USAGE)
    guard(text.strip())
    return text.strip()


def _hidden(prompt: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"{prompt} (it is not shown): ")
        except (getpass.GetPassWarning, EOFError):
            raise CliError(
                "This terminal cannot hide the input. Pipe the key in instead, from a password manager or "
                'with `read -rs KEY; printf %s "$KEY" | travel-gpt ...`.',
                USAGE,
            ) from None


def parse_key(text: str, what: str) -> KeyInput:
    """Check a key, or a JSON object with one, as the function would.

    Args:
        text: the value.
        what: where it comes from, to begin a sentence with.

    Returns:
        What was given.

    Raises:
        CliError: it is no key. The text does not quote it.
    """
    try:
        credential = read_secret(text, source=GIVEN, version="")
    except InvalidSecret as invalid:
        raise CliError(f"{what} cannot be used: {invalid.detail}. Nothing was changed.", USAGE) from None
    return KeyInput(credential, object_of(text) or {"api_key": credential.key.reveal()})


def object_of(text: str) -> dict[str, Any]:
    """Return the JSON object that a secret's value is; an empty one where it is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def fingerprint(key: Key) -> str:
    """Return twelve hexadecimal digits by which two places can be compared without showing the key.

    A hash of its own domain, so that it is not the SHA-256 that others may keep of the same key; of a key
    with as much chance in it as OpenAI's, nothing can be worked out from it.

    Args:
        key: the key.
    """
    return hashlib.sha256(_DOMAIN + key.reveal().encode()).hexdigest()[:12]


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
    # The SDK takes half a second to import, and its types as long again; few commands call a model's server.
    from travel_gpt.llm.deferred_types import defer_types

    defer_types()
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
