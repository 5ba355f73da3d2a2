"""The process environment, made into the one a Lambda function would find."""

import json
import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final, Literal

from travel_gpt.credentials.secret import read_secret
from travel_gpt.env_consent import Consent
from travel_gpt.env_file import Taken
from travel_gpt.env_trust import EnvTrust
from travel_gpt.errors import InvalidSecret
from travel_gpt.local.context import REGION
from travel_gpt.settings import Settings

SECRET_NAME: Final = "travel-gpt/openai-api-key"  # noqa: S105 - the name, not the value
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

# The SDK reads these by itself. On AWS they are not there, so they would work here and fail there.
_OF_THE_SDK: Final = ("OPENAI_ADMIN_KEY", "OPENAI_CUSTOM_HEADERS", "OPENAI_WEBHOOK_SECRET")


class WrongEnvironment(Exception):
    """A variable is wrong; the text says which and what it must be, for the person at the keyboard."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What the person at the keyboard gave: whose model is asked, and with which key."""

    upstream: Literal["openai", "compatible", "demo"]
    secret: str
    """The value of the secret. Empty for the demo model, which makes a key of its own, and where the person
    keeps the key elsewhere."""
    holds_key: bool = True
    """Whether the secret holds a key of the person's: a server on this machine may need none."""
    source: str = ""
    """Where the person keeps the key (CREDENTIAL_SOURCE); empty for a secret that is played here."""

    @property
    def local(self) -> str:
        """What the function finds in the variable ``LOCAL``, so that its messages fit this machine."""
        if self.source:
            return "source"
        if self.upstream == "demo":
            return "demo"
        return "key" if self.holds_key else "no-key"

    def __repr__(self) -> str:
        return f"Owner(upstream={self.upstream!r})"


def check_destinations(
    taken: Taken, environ: MutableMapping[str, str], *, host: str = "127.0.0.1", access: str = "open"
) -> None:
    """Have the person allow what goes where a file ``.env`` says, before anything is sent.

    Args:
        taken: what was taken from the file.
        environ: the environment variables, with those of the file in them.
        host: the address to serve on.
        access: ``open`` or ``api-key``.

    Raises:
        NotAllowed: the person did not allow it, or cannot be asked.
    """
    trust = EnvTrust(taken.values, dict(environ))
    settings, chosen = Settings.load(environ), environ.get("CREDENTIAL_SOURCE", "").strip()
    transfers = list(trust.to_sources(settings)) if chosen else []
    for source in settings.credential_source if chosen else ("OPENAI_API_KEY",):
        transfers += trust.to_model(settings.base_url, source)
        transfers += trust.to_network(host, access, source)
    Consent(taken.path, trust).require(transfers)
    if trust.decides("OPENAI_API_KEY"):
        # They belong to an exported key.
        for name in filter(lambda each: not trust.decides(each), ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID")):
            environ.pop(name, None)


def take_owner(environ: MutableMapping[str, str]) -> Owner:
    """Take the key, and what belongs to it, out of the environment.

    Args:
        environ: the environment variables. Afterwards they hold no key.

    Returns:
        What the owner gave. Where CREDENTIAL_SOURCE is set, the key stays where that says.

    Raises:
        WrongEnvironment: the key cannot be one.
    """
    if source := environ.get("CREDENTIAL_SOURCE", "").strip():
        return _with_a_source(source, environ)
    key = environ.pop("OPENAI_API_KEY", "").strip()
    given = {
        "organization": environ.pop("OPENAI_ORG_ID", "").strip(),
        "project": environ.pop("OPENAI_PROJECT_ID", "").strip(),
    }
    for name in _OF_THE_SDK:
        environ.pop(name, None)
    elsewhere = bool(environ.get("OPENAI_BASE_URL", "").strip())
    if not key and not elsewhere:
        return Owner("demo", "", holds_key=False)
    # A server on this machine, such as Ollama, asks for no key, but the SDK wants one.
    document: dict[str, str | bool] = (
        {"api_key": key} if key else {"api_key": os.urandom(16).hex(), "placeholder": True}
    )
    document.update({name: value for name, value in given.items() if key and value})
    secret = json.dumps(document)
    try:
        read_secret(secret, source="environment", version="")
    except InvalidSecret as wrong:
        raise WrongEnvironment(f"OPENAI_API_KEY cannot be used: {wrong}.") from None
    return Owner("compatible" if elsewhere else "openai", secret, holds_key=bool(key))


def _with_a_source(source: str, environ: MutableMapping[str, str]) -> Owner:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", *_OF_THE_SDK):
        environ.pop(name, None)
    if "environment" not in source:
        environ.pop("OPENAI_API_KEY", None)
    elsewhere = bool(environ.get("OPENAI_BASE_URL", "").strip())
    return Owner("compatible" if elsewhere else "openai", "", source=source)


def like_lambda(environ: MutableMapping[str, str], *, access: str) -> None:
    """Make the environment a Lambda function's: nothing of the person's own AWS settings is left in it.

    Args:
        environ: the environment variables.
        access: ``open`` or ``api-key``.
    """
    like_a_host(environ, access=access)
    for name in [name for name in environ if name.startswith("AWS_")]:
        del environ[name]
    environ.update(
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        # Made up: nothing here talks to AWS, and boto3 must not go looking for better ones.
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - made up
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        OPENAI_SECRET_NAME=SECRET_NAME,
    )
    environ.pop("CREDENTIAL_SOURCE", None)


def like_a_host(environ: MutableMapping[str, str], *, access: str) -> None:
    """Make the environment that of a host which has the key by a source of its own: AWS stays the person's.

    Args:
        environ: the environment variables.
        access: ``open`` or ``api-key``.
    """
    for name in [name for name in environ if name.startswith("POWERTOOLS_")]:
        del environ[name]
    environ.update(API_ACCESS=access, POWERTOOLS_METRICS_DISABLED="true")
    if not environ.get("CREDENTIAL_EXPIRY", "").strip():
        # As in a new stack. The default of the function itself is for stacks from before this setting.
        environ["CREDENTIAL_EXPIRY"] = "enforce"
    # A proxy is for the way out: the way to this machine does not lead through it.
    for name in ("NO_PROXY", "no_proxy"):
        present = [host.strip() for host in environ.get(name, "").split(",") if host.strip()]
        environ[name] = ",".join(dict.fromkeys([*present, *_LOOPBACK]))


def check_settings(environ: MutableMapping[str, str]) -> Settings:
    """Read the settings that the function will find.

    Raises:
        WrongEnvironment: some are wrong. On AWS the health check would say so; here somebody is watching.
    """
    settings = Settings.load(environ)
    if settings.problems:
        raise WrongEnvironment("\n".join(f"{problem}." for problem in settings.problems))
    return settings
