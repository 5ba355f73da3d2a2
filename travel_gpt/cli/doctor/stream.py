"""``travel-gpt doctor --stream``: measures one streamed answer, or says why there is none."""

import os
from collections.abc import Iterator
from typing import Final

from travel_gpt.cli.api_key import read_api_key
from travel_gpt.cli.asked_api import API_KEY, Api, api_of_url, duration
from travel_gpt.cli.console import Console
from travel_gpt.cli.doctor.check_result import CheckResult, State, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed, variables_of
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.printable import printable
from travel_gpt.cli.stream_measurement import Delivery, measure, most_cost
from travel_gpt.client import (
    LOCAL_URL,
    AccessRefused,
    ApiError,
    ConnectionFailed,
    LimitReached,
    TimedOut,
    TravelGPT,
)
from travel_gpt.redaction import guard, redact
from travel_gpt.settings import Settings

CHECK: Final = "stream"
UPDATE: Final = "Update it: ./deploy.sh"
_COLLECTED: Final = (
    "Something between the API and this machine collects them: look for a proxy, a CDN or a virus scanner, "
    "and measure again from another network."
)


def check_url(url: str | None, console: Console) -> Iterator[CheckResult]:
    """Measure the API of a URL, by default that of the local server.

    Args:
        url: the URL; None for the local server.
        console: where to say what it costs, on standard error.

    Raises:
        CliError: the URL or the API key cannot be used.
    """
    api = api_of_url(url, os.environ)
    with _client(api) as client:
        try:
            demo = client.health().mode == "demo"
            console.aside(
                "The demo model answers, which costs nothing."
                if demo
                else "One short query is asked, which costs the API's owner what any query costs."
            )
            yield from _measured(client)
        except ApiError as failed:
            yield _refused(failed, api)


def check_stack_stream(deployed: Deployed, options: str, console: Console) -> Iterator[CheckResult]:
    """Measure the API of a deployed stack, with the API key of its client owner.

    Args:
        deployed: the stack.
        options: those that name it, with a space before them.
        console: where to say what it costs, on standard error.

    Raises:
        ClientError: AWS refused.
    """
    if not deployed.stream_function:
        yield warning(CHECK, "not measured: an older version was deployed, which does not stream", UPDATE)
        return
    settings = Settings.load(variables_of(deployed.stream_function))
    outputs = deployed.stack.outputs
    key = read_api_key(deployed.stack) if "ApiKeyId" in outputs else ""
    api = Api(outputs["ApiUrl"], key, options)
    if settings.streaming == "off":
        yield _turned_off(api)
        return
    console.aside(f"One short query is asked of {settings.model}, for {most_cost(settings)} at most.")
    with _client(api) as client:
        try:
            yield from _measured(client)
        except ApiError as failed:
            yield _refused(failed, api)


def _client(api: Api) -> TravelGPT:
    guard(api.key)
    try:
        return TravelGPT(api.url, api_key=api.key or None, retries=0)
    except ValueError as wrong:
        raise CliError(f"{wrong} Nothing was asked.", USAGE) from None


def _measured(client: TravelGPT) -> Iterator[CheckResult]:
    found = measure(client)
    yield ok(CHECK, found.times)
    yield ok(CHECK, found.pace)
    state, fix = {
        Delivery.STREAMED: (State.OK, ""),
        Delivery.BURST: (State.PROBLEM, _COLLECTED),
        Delivery.UNDECIDED: (State.WARNING, "Measure again, with a model that streams more slowly."),
    }[found.delivery]
    yield CheckResult(CHECK, state, found.meaning, fix, found.document)


def _turned_off(api: Api) -> CheckResult:
    fix = (
        "Unset STREAMING where the API runs, and start it again."
        if api.flags is None
        else "Turn it on, which measures it as well: ./deploy.sh --parameter Streaming=on"
    )
    return warning(CHECK, "not measured: streaming is turned off (streaming_disabled)", fix)


def _refused(failed: ApiError, api: Api) -> CheckResult:
    """Say what a failure means, and what to do."""
    if failed.code == "streaming_disabled":
        return _turned_off(api)
    says = printable(f"not measured: {redact(failed.message)} ({redact(failed.code)})")
    if isinstance(failed, LimitReached):
        # The API and its stream work: there is nothing to repair.
        return warning(CHECK, says, _after(failed))
    return problem(CHECK, says, _fix(failed, api))


def _after(failed: ApiError) -> str:
    when = f" in {duration(failed.retry_after)}" if failed.retry_after is not None else " later"
    larger = ", or allow more: ./deploy.sh --parameter BudgetPerDay=10" if "budget" in failed.code else ""
    return f"Repeat{when}{larger}."


def _fix(failed: ApiError, api: Api) -> str:
    local = api.flags is None
    if isinstance(failed, TimedOut):
        return "Repeat. Where it happens again, look into the log of the function that streams."
    if isinstance(failed, ConnectionFailed):
        if local and api.url == LOCAL_URL and not failed.sent:
            return (
                "Start the server with `make run` in another terminal, or measure a deployed stack: "
                "travel-gpt doctor --env prod --stream"
            )
        return "Check the URL and your network, then repeat."
    if failed.code == "paused":
        return f"Let queries through again: travel-gpt resume{api.flags or ''}"
    if isinstance(failed, AccessRefused):
        if local:
            return f"Export an API key of this API: read -rs {API_KEY}; export {API_KEY}"
        return "A new API key is known everywhere within a minute or two: repeat."
    if failed.status == 404:
        return "Check the URL: it ends in /travel-gpt." if local else UPDATE
    return printable(f"docs/errors.md explains {redact(failed.code)}.")
