"""The options of the local server, from the command line, the environment and ``.env``, in this order."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from travel_gpt.deadline import ANSWER_WITHIN
from travel_gpt.local.environment import WrongEnvironment

VARIABLES: Final[Mapping[str, tuple[str, str]]] = {
    "HOST": ("127.0.0.1", "The address to serve on. `0.0.0.0` accepts other machines."),
    "PORT": ("3000", "The port, 0 for a free one."),
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
        "ANSWER_WITHIN_SECONDS (28) is the time limit of an answer. A file .env in the current folder may "
        "have all of these.",
    )
    parser.add_argument("--host", help="address [HOST, 127.0.0.1]")
    parser.add_argument("--port", help="port; 0 takes a free one [PORT, 3000]")
    parser.add_argument(
        "--access", choices=("open", "api-key"), help="whether a POST needs an API key [API_ACCESS, open]"
    )
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
    return Options(
        host=given.host or value("HOST"),
        port=_number("PORT", given.port or value("PORT"), 0, 65535),
        access=access,
        answer_within=_number("ANSWER_WITHIN_SECONDS", value("ANSWER_WITHIN_SECONDS"), 1, _LONGEST),
        verbose=cast("bool", given.verbose),
    )


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise WrongEnvironment(f"{name} must be a number from {least} to {most}.")
    return int(text)
