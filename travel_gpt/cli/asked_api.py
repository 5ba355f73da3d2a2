"""The API that ``travel-gpt ask`` asks: where it is, its API key, and what to do where it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import boto3

from travel_gpt.base_url import is_loopback
from travel_gpt.cli.api_key import read_api_key
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.key_input import take_text
from travel_gpt.cli.printable import printable
from travel_gpt.cli.stack import read_stack
from travel_gpt.client import LOCAL_URL, AccessRefused, ApiError, ApiFailed, ConnectionFailed, TimedOut
from travel_gpt.errors import NotFound

API_KEY: Final = "TRAVEL_GPT_API_KEY"


@dataclass(frozen=True, slots=True)
class Api:
    """The API that is asked."""

    url: str
    key: str = field(default="", repr=False)
    """Its API key; empty for none."""
    flags: str | None = None
    """The options that name its stack, with a space before them; None where it is known by its URL."""


def api_of_stack(stack: str, flags: str) -> Api:
    """Find the API of a deployed stack, and the API key of its client owner.

    Args:
        stack: the stack's name.
        flags: the options that name it.

    Raises:
        CliError: there is no such stack, or it has no API key.
        ClientError: AWS refused.
    """
    found = read_stack(boto3.client("cloudformation"), stack)
    url = found.outputs.get("ApiUrl")
    if url is None:
        raise CliError(
            f"There is no stack {stack} with an API in this account and region. ./deploy.sh deploys one; "
            "--region and --profile name another place."
        )
    return Api(url, read_api_key(found), flags)


def api_of_url(url: str | None, environ: Mapping[str, str]) -> Api:
    """Return the API of a URL, by default that of the local server.

    Args:
        url: the URL; None for the local server.
        environ: the environment variables, of which one has the API key.
    """
    return Api(url or LOCAL_URL, environ.get(API_KEY, "").strip())


def typed_key(url: str, console: Console) -> str:
    """Return the API key that a person types.

    Args:
        url: the API that asks for it.
        console: where to ask.

    Raises:
        CliError: there is no terminal to type it at, or nothing was typed.
    """
    if not console.terminal:
        where = (
            "`make run` prints it."
            if is_loopback(url)
            else "The API's owner creates one with: travel-gpt client add NAME"
        )
        raise CliError(
            f"{url} asks for an API key, and there is no terminal to type it at. Export it, as in "
            f"`read -rs {API_KEY}; export {API_KEY}`, then repeat. {where}",
            USAGE,
        )
    key = take_text(f"API key of {url}")
    if not key:
        raise CliError("No API key was given, so nothing was asked.", USAGE)
    return key


def sentences(failed: ApiError, api: Api) -> str:
    """Say what failed and what to do next.

    Args:
        failed: how the API failed.
        api: the API.
    """
    named = f"({failed.code}, request {failed.request_id})" if failed.request_id else f"({failed.code})"
    return " ".join(filter(None, [printable(failed.message), _next_step(failed, api), printable(named)]))


def _next_step(failed: ApiError, api: Api) -> str:
    if isinstance(failed, TimedOut):
        return "Ask for less at once, or repeat."
    if isinstance(failed, ConnectionFailed):
        if failed.sent:
            return "Repeat the command. What the model wrote until then is paid for."
        if is_loopback(api.url):
            return (
                "Start the server with `make run` in another terminal, or ask a deployed stack with: "
                "travel-gpt ask --env prod"
            )
        return "Check the URL and your network, then repeat."
    if failed.code == NotFound.code and api.flags is None:
        return "Check the URL: it ends in /travel-gpt."
    if failed.retry_after is not None:
        return f"Repeat in {duration(failed.retry_after)}."
    if api.flags is not None and isinstance(failed, AccessRefused | ApiFailed):
        return f"Look for the cause with: travel-gpt doctor{api.flags}"
    if failed.code == "forbidden":
        return f"Check the API key in {API_KEY}, and that it belongs to this API."
    return ""


def duration(seconds: int) -> str:
    """Write a time to wait, in the largest unit that two of fit into it."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{-(-seconds // size)} {unit}"
    return f"{seconds} s"
