"""The options of the local server, and the environment variables as a Lambda function would find them."""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from travel_gpt.credentials.advice import Local
from travel_gpt.credentials.secret import read_secret
from travel_gpt.deadline import ANSWER_WITHIN
from travel_gpt.env_file import LoadedEnvFile
from travel_gpt.env_trust import Consent, EnvTrust
from travel_gpt.errors import InvalidSecret
from travel_gpt.local.invocation import REGION
from travel_gpt.settings import Settings

VARIABLES: Final[Mapping[str, tuple[str, str]]] = {
    "HOST": ("127.0.0.1", "The address to serve on. `0.0.0.0` accepts other machines."),
    "PORT": ("3000", "The port, 0 for a free one."),
    "THROTTLE_RATE": (
        "5",
        "With `--access api-key`: POSTs a second over time, as `ThrottleRate` of a stack.",
    ),
    "THROTTLE_BURST": ("10", "With `--access api-key`: POSTs at once, as `ThrottleBurst` of a stack."),
    "DAILY_QUOTA": ("1000", "With `--access api-key`: POSTs of one key a day, as `DailyQuota` of a stack."),
    "DEMO_SECONDS": (
        "0",
        "Seconds that the demo model takes for an answer, from 0 to 20: to try what happens meanwhile.",
    ),
    "ANSWER_WITHIN_SECONDS": (
        str(round(ANSWER_WITHIN)),
        (
            "Seconds for an answer, from 1 to 3600. A model on a laptop may need more than the limit of the "
            "deployed function, which this does not change."
        ),
    ),
}
"""The variables that only the local server reads, with their defaults and what they do."""

_LONGEST: Final = 3600


@dataclass(frozen=True, slots=True)
class Options:
    """The options."""

    host: str
    port: int
    """0 for a free one."""
    access: str
    """``open`` or ``api-key``."""
    answer_within: float
    """Seconds."""
    verbose: bool
    clients: tuple[str, ...] = ()
    """The clients besides the owner, each a name and its limits."""
    clients_file: Path | None = None
    throttle_rate: int = 5
    throttle_burst: int = 10
    daily_quota: int = 1000
    demo_seconds: int = 0


def read_command_line(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; an option that is missing is None.

    Args:
        arguments: the command line without the program's name; by default the process's own.
    """
    parser = argparse.ArgumentParser(
        prog="python -m travel_gpt.local",
        description="Serve Travel GPT on this machine: the real function behind a local API Gateway.",
        epilog="With OPENAI_API_KEY it uses OpenAI, with OPENAI_BASE_URL a compatible server; without them a "
        "built-in demo model answers. CREDENTIAL_SOURCE names another source of the key, and "
        "ANSWER_WITHIN_SECONDS (28) is the time limit of an answer. With --access api-key, API Gateway's "
        "limits are THROTTLE_RATE (5 a second), THROTTLE_BURST (10) and DAILY_QUOTA (1000), and "
        "BUDGET_PER_DAY (5) and BUDGET_PER_MONTH (50) the USD of all clients together. DEMO_SECONDS (0) is "
        "the time that the demo model takes. A file .env in the current folder may have all of these.",
    )
    parser.add_argument("--host", help="address [HOST, 127.0.0.1]")
    parser.add_argument("--port", help="port; 0 takes a free one [PORT, 3000]")
    parser.add_argument(
        "--access", choices=("open", "api-key"), help="whether a POST needs an API key [API_ACCESS, open]"
    )
    parser.add_argument(
        "--client",
        action="append",
        default=[],
        metavar="'NAME LIMIT=N ...'",
        help="a client with limits: per-minute=2 per-day=50 parallel=1 budget=0.01/month budget=0.001/day "
        "expires=12h expired disabled; with devices=2 a guest, who has an invitation to the page and no key; "
        "may be repeated; needs --access api-key",
    )
    parser.add_argument("--clients", type=Path, metavar="FILE", help="a file with one client in each line")
    parser.add_argument(
        "--verbose", action="store_true", help="show the function's own log, as CloudWatch gets it"
    )
    return parser.parse_args(arguments)


def resolve(given: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Options:
    """Add the options of the environment to those of the command line.

    Args:
        given: the command line.
        environ: the environment variables, including those of ``.env``.

    Returns:
        The options.

    Raises:
        WrongEnvironment: a variable has an invalid value.
    """

    def value(name: str) -> str:
        return environ.get(name, "").strip() or VARIABLES[name][0]

    access = given.access or environ.get("API_ACCESS", "").strip() or "open"
    if access not in ("open", "api-key"):
        raise WrongEnvironment("API_ACCESS must be one of: api-key, open.")
    if (given.client or given.clients) and access != "api-key":
        raise WrongEnvironment(
            "--client and --clients need --access api-key: without it, callers have no name."
        )
    return Options(
        host=given.host or value("HOST"),
        port=_number("PORT", given.port or value("PORT"), 0, 65535),
        access=access,
        answer_within=_number("ANSWER_WITHIN_SECONDS", value("ANSWER_WITHIN_SECONDS"), 1, _LONGEST),
        verbose=cast("bool", given.verbose),
        clients=tuple(given.client),
        clients_file=given.clients,
        throttle_rate=_number("THROTTLE_RATE", value("THROTTLE_RATE"), 1, 10_000),
        throttle_burst=_number("THROTTLE_BURST", value("THROTTLE_BURST"), 1, 5_000),
        daily_quota=_number("DAILY_QUOTA", value("DAILY_QUOTA"), 0, 10_000_000),
        demo_seconds=_number("DEMO_SECONDS", value("DEMO_SECONDS"), 0, 20),
    )


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise WrongEnvironment(f"{name} must be a number from {least} to {most}.")
    return int(text)


SECRET_NAME: Final = "travel-gpt/openai-api-key"  # noqa: S105 - the name, not the value
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

# The SDK reads these by itself. They do not exist on AWS, so they would work here and fail there.
_OF_THE_SDK: Final = ("OPENAI_ADMIN_KEY", "OPENAI_CUSTOM_HEADERS", "OPENAI_WEBHOOK_SECRET")


class WrongEnvironment(Exception):
    """A variable is wrong; the text names it and what it must be."""


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """Which model server is used, and with which key."""

    upstream: Literal["openai", "compatible", "demo"]
    secret: str
    """The value of the secret. Empty for the demo model, which creates its own key, and if the key is stored
    elsewhere."""
    holds_key: bool = True
    """Whether the secret has a key of the user: a server on this machine may need none."""
    source: str = ""
    """The source of the key (CREDENTIAL_SOURCE); empty for the emulated secret."""

    @property
    def local(self) -> Local:
        """Where the function runs, which its messages depend on."""
        if self.source:
            return "source"
        if self.upstream == "demo":
            return "demo"
        return "key" if self.holds_key else "no-key"

    def __repr__(self) -> str:
        return f"ModelAccess(upstream={self.upstream!r})"


def check_destinations(
    loaded: LoadedEnvFile, environ: MutableMapping[str, str], *, host: str = "127.0.0.1", access: str = "open"
) -> None:
    """Ask the user before credentials are sent to destinations of a file ``.env``.

    Args:
        loaded: what was read from the file.
        environ: the environment variables, including those of the file.
        host: the address to serve on.
        access: ``open`` or ``api-key``.

    Raises:
        NotAllowed: the user did not allow it, or cannot be asked.
    """
    trust = EnvTrust(loaded.values, dict(environ))
    settings, chosen = Settings.load(environ), environ.get("CREDENTIAL_SOURCE", "").strip()
    transfers = list(trust.to_sources(settings)) if chosen else []
    for source in settings.credential_source if chosen else ("OPENAI_API_KEY",):
        transfers += trust.to_model(settings.base_url, source)
        transfers += trust.to_network(host, access, source)
    Consent(loaded.path, trust).require(transfers)
    if trust.decides("OPENAI_API_KEY"):
        # They belong to an exported key.
        for name in filter(lambda each: not trust.decides(each), ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID")):
            environ.pop(name, None)


def read_model_access(environ: MutableMapping[str, str]) -> ModelAccess:
    """Remove the key, and what belongs to it, from the environment.

    Args:
        environ: the environment variables. Afterwards they hold no key.

    Returns:
        The model server and its key. With CREDENTIAL_SOURCE the key stays in its source.

    Raises:
        WrongEnvironment: the value is not a key.
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
        return ModelAccess("demo", "", holds_key=False)
    # A server on this machine, such as Ollama, needs no key, but the SDK does.
    document: dict[str, str | bool] = (
        {"api_key": key} if key else {"api_key": os.urandom(16).hex(), "placeholder": True}
    )
    document.update({name: value for name, value in given.items() if key and value})
    secret = json.dumps(document)
    try:
        read_secret(secret, source="environment", version="")
    except InvalidSecret as wrong:
        raise WrongEnvironment(f"OPENAI_API_KEY cannot be used: {wrong}.") from None
    return ModelAccess("compatible" if elsewhere else "openai", secret, holds_key=bool(key))


def _with_a_source(source: str, environ: MutableMapping[str, str]) -> ModelAccess:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", *_OF_THE_SDK):
        environ.pop(name, None)
    if "environment" not in source:
        environ.pop("OPENAI_API_KEY", None)
    elsewhere = bool(environ.get("OPENAI_BASE_URL", "").strip())
    return ModelAccess("compatible" if elsewhere else "openai", "", source=source)


def emulate_lambda(environ: MutableMapping[str, str], *, access: str) -> None:
    """Change the environment to that of a Lambda function, without the user's own AWS settings.

    Args:
        environ: the environment variables.
        access: ``open`` or ``api-key``.
    """
    emulate_host(environ, access=access)
    for name in [name for name in environ if name.startswith("AWS_")]:
        del environ[name]
    environ.update(
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        # Not real: no call goes to AWS, and boto3 must not search for other credentials.
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - not real
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        OPENAI_SECRET_NAME=SECRET_NAME,
    )
    environ.pop("CREDENTIAL_SOURCE", None)


def emulate_host(environ: MutableMapping[str, str], *, access: str) -> None:
    """Change the environment to that of a host with its own credential source; AWS settings stay.

    Args:
        environ: the environment variables.
        access: ``open`` or ``api-key``.
    """
    for name in [name for name in environ if name.startswith("POWERTOOLS_")]:
        del environ[name]
    environ["API_ACCESS"] = access
    # A deployed stack's table: the local server has its own, or none.
    for name in ("TABLE_NAME", "OWNER_API_KEY_ID"):
        environ.pop(name, None)
    for name, value in (("CREDENTIAL_EXPIRY", "enforce"), ("WEB_PAGE", "enabled")):
        if not environ.get(name, "").strip():
            # As in a new stack. The function's own default is for stacks from before this setting.
            environ[name] = value
    # Connections to this machine must not go through a proxy.
    for name in ("NO_PROXY", "no_proxy"):
        present = [host.strip() for host in environ.get(name, "").split(",") if host.strip()]
        environ[name] = ",".join(dict.fromkeys([*present, *_LOOPBACK]))


@contextmanager
def secret_store(value: str) -> Iterator[None]:
    """Send every AWS call of this process to moto: a Secrets Manager without a port that others could read.

    Args:
        value: the value of the one secret.
    """
    import boto3
    from moto import mock_aws

    with mock_aws():
        boto3.client("secretsmanager", REGION).create_secret(Name=SECRET_NAME, SecretString=value)
        yield


def check_settings(environ: MutableMapping[str, str]) -> Settings:
    """Read the settings that the function will find.

    Raises:
        WrongEnvironment: some are wrong. On AWS the health check reports them; here the start fails.
    """
    settings = Settings.load(environ)
    if settings.problems:
        raise WrongEnvironment("\n".join(f"{problem}." for problem in settings.problems))
    return settings
