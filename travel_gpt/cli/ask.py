"""``travel-gpt ask``: ask the API of a stack, of a URL or of this machine."""

import json
import re
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Final

import boto3

from travel_gpt.base_url import is_loopback
from travel_gpt.cli.api_key import read_api_key
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import INTERRUPTED, USAGE, CliError
from travel_gpt.cli.key_input import take_text
from travel_gpt.cli.stack import read_stack
from travel_gpt.client import (
    LOCAL_URL,
    AccessRefused,
    Answer,
    ApiError,
    ApiFailed,
    ConnectionFailed,
    Stream,
    TimedOut,
    TravelGPT,
)
from travel_gpt.errors import NotFound
from travel_gpt.redaction import StreamConcealer, conceal, guard

API_KEY: Final = "TRAVEL_GPT_API_KEY"
_STOP_TIMEOUT: Final = 5.0
_STOPPED: Final = "The answer was stopped."
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""With these, an answer could move the cursor of a terminal, or rewrite what is on it."""


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


def ask(query: str, api: Api, console: Console, *, as_json: bool = False) -> None:
    """Ask, and print the answer to standard output while it is written. Remarks go to standard error.

    Args:
        query: the query.
        api: the API to ask.
        console: where to print it.
        as_json: print the JSON object of the answer instead, once it is complete.

    Raises:
        CliError: there is no answer, or not the whole one.
    """
    try:
        try:
            answer = _ask(query, api, console, as_json=as_json)
        except AccessRefused as refused:
            # Whether an API asks for a key is known once it refuses a query without one.
            if api.key or refused.code != "forbidden":
                raise
            api = replace(api, key=_typed_key(api.url, console))
            answer = _ask(query, api, console, as_json=as_json)
    except ApiError as failed:
        raise CliError(_sentences(failed, api)) from None
    if as_json:
        console.raw(json.dumps(answer.body, ensure_ascii=False, indent=2))
    else:
        _report(answer, console)


def _ask(query: str, api: Api, console: Console, *, as_json: bool) -> Answer:
    guard(api.key)
    try:
        client = TravelGPT(api.url, api_key=api.key or None, retries=0)
    except ValueError as wrong:
        raise CliError(f"{wrong} Nothing was asked.", USAGE) from None
    with client:
        try:
            return _read(client, query, console, as_json=as_json)
        except KeyboardInterrupt:
            raise CliError(f"\nInterrupted. {_after_leaving(client)}", INTERRUPTED) from None


def _read(client: TravelGPT, query: str, console: Console, *, as_json: bool) -> Answer:
    with ExitStack() as waiting:
        waiting.enter_context(console.working("Waiting for the answer"))
        try:
            stream = client.stream(query)
        except ApiError as refused:
            if not _does_not_stream(refused):
                raise
            answer = client.ask(query)
            waiting.close()
            if not as_json:
                console.piece(f"{printable(conceal(answer.text))}\n")
                console.aside("\nThis API does not stream, so the answer came whole.")
            return answer
        with stream:
            try:
                return stream.answer() if as_json else _show(stream, waiting, console)
            except KeyboardInterrupt:
                waiting.close()
                raise CliError(f"\nInterrupted. {_stop(stream, client)}", INTERRUPTED) from None
            except (BrokenPipeError, CliError):
                _stop(stream, client)
                raise


def _stop(stream: Stream, client: TravelGPT) -> str:
    """Stop the answer at the API, and say whether that was possible."""
    with suppress(ApiError):
        stream.stop(timeout=_STOP_TIMEOUT)
        if stream.request_id:
            return _STOPPED
    return _after_leaving(client)


def _after_leaving(client: TravelGPT) -> str:
    # A server on this machine sees that its reader has left.
    if is_loopback(client.base_url):
        return _STOPPED
    return "The API may go on with the answer, up to its time limit."


def _does_not_stream(refused: ApiError) -> bool:
    """Return whether a refusal may be of the stream's route alone.

    An API of an older version, or before it was deployed again, does not know the path: API Gateway answers
    403 or 404.
    """
    return refused.code == "streaming_disabled" or (
        refused.status in (403, 404) and refused.code not in ("client_disabled", "client_expired")
    )


def _show(stream: Stream, waiting: ExitStack, console: Console) -> Answer:
    concealer, last = StreamConcealer(), "\n"
    try:
        for piece in stream:
            waiting.close()
            if text := printable(concealer.feed(piece)):
                console.piece(text)
                last = text
    finally:
        waiting.close()
        rest = printable(concealer.end())
        console.piece(rest if (rest or last).endswith("\n") else f"{rest}\n")
    return stream.answer()


def printable(text: str) -> str:
    """Return a text of the API without what a terminal would take for a command."""
    return _CONTROL.sub("", text)


def _typed_key(url: str, console: Console) -> str:
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


def _report(answer: Answer, console: Console) -> None:
    said = [answer.model] if answer.model else []
    if answer.usage.total_tokens is not None:
        said.append(f"{answer.usage.total_tokens:,} tokens")
    if answer.usage.cost_usd is not None:
        said.append(f"{answer.usage.cost_usd:.6f} USD")
    if budget := answer.budget:
        whose = "the client" if budget.whose == "client" else "the API"
        said.append(
            f"{budget.left_usd:.2f} of {budget.limit_usd:.2f} USD left of the budget of {whose} for the "
            f"{budget.period}"
        )
    if said:
        console.aside(printable(f"\n{', '.join(said)}"))
    if answer.body.get("stopped") is True:
        console.aside("The answer is not complete: it was stopped.")
    elif answer.truncated:
        console.aside("The answer is not complete: it reached the limit of its length. Ask for less at once.")
    for warning in answer.warnings:
        console.aside(printable(warning))


def _sentences(failed: ApiError, api: Api) -> str:
    """Say what failed and what to do next."""
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
