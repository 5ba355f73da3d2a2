"""Measures a streamed answer where an API begins to stream, and turns streaming off where it is none.

It begins with a new stack, with the first deployment of a version that streams, and where the owner turns
``Streaming`` on. Later deployments do not measure, since each measurement costs a query:
``travel-gpt doctor --stream`` does. What a measurement has turned off stays off, as each parameter stays what
it is.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.cli.api_key import read_api_key
from travel_gpt.cli.aws_session import AwsSession, cli_error_of
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import release
from travel_gpt.cli.errors import CliError, sentence
from travel_gpt.cli.printable import printable
from travel_gpt.cli.stack import Stack, read_stack
from travel_gpt.cli.stream_measurement import Delivery, Measurement, measure, most_cost
from travel_gpt.client import ApiError, TravelGPT
from travel_gpt.redaction import guard
from travel_gpt.settings import Settings

if TYPE_CHECKING:
    from travel_gpt.cli.deploy.plan import Plan

PARAMETER: Final = "Streaming"

# A new API key, route or role is not known everywhere at once.
_PROPAGATION: Final = 60.0
_PAUSE: Final = 3.0


def step(values: Mapping[str, str]) -> str:
    """Say what will happen.

    Args:
        values: the parameters.

    Returns:
        A step of the plan.
    """
    settings = Settings.load(
        {
            "OPENAI_MODEL": values["OpenAIModel"],
            "OPENAI_BASE_URL": values["OpenAIBaseUrl"],
            "OPENAI_MAX_OUTPUT_TOKENS": values["MaxOutputTokens"],
            "MODEL_PRICES": values["ModelPrices"],
            "UNKNOWN_MODEL_PRICE": values["UnknownModelPrice"],
        }
    )
    return (
        f"Measure whether an answer streams, with a short query for {most_cost(settings)} at most. If it "
        "arrives in one burst, ask a second one; if that does too, update the stack with Streaming=off."
    )


def finish(aws: AwsSession, console: Console, plan: "Plan", stack: Stack) -> None:
    """Measure a streamed answer, and turn streaming off where it is none.

    Args:
        aws: the AWS session.
        console: where to say it.
        plan: the plan, carried out so far.
        stack: the stack as it is.

    Raises:
        ClientError: AWS failed.
        CliError: streaming could not be turned off.
    """
    console.step("Measuring a streamed answer")
    try:
        found = _measure(aws, stack)
    except ApiError as failed:
        not_measured(console, plan, f"{failed.message} ({failed.code})")
    except CliError as failed:
        not_measured(console, plan, failed.sentence)
    except AWS_ERRORS as failed:
        not_measured(console, plan, cli_error_of(failed).sentence)
    else:
        if found.delivery is Delivery.BURST:
            _turn_off(aws, console, plan, found)
        else:
            console.good(sentence(found.meaning))
            console.say(sentence(found.times))


def not_measured(console: Console, plan: "Plan", why: str) -> None:
    """Say that it could not be measured, and how to do it later.

    Args:
        console: where to say it.
        plan: the plan.
        why: what was in the way, as a sentence.
    """
    console.note(
        f"Whether answers stream was not measured. {printable(why)}\n"
        "Streaming stays on. To measure it later:\n"
        f"  travel-gpt doctor --stack {plan.stack.name}{plan.flags} --stream"
    )


def _measure(aws: AwsSession, stack: Stack) -> Measurement:
    key = read_api_key(stack, aws.client("apigateway"))
    guard(key)
    with TravelGPT(stack.outputs["ApiUrl"], api_key=key, retries=0) as api:
        first = _measure_once_known(api)
        # A network that stalled once looks the same.
        return measure(api) if first.delivery is Delivery.BURST else first


def _measure_once_known(api: TravelGPT) -> Measurement:
    until = time.monotonic() + _PROPAGATION
    while True:
        try:
            return measure(api)
        except ApiError as failed:
            if not _may_be_new(failed) or time.monotonic() > until:
                raise
        time.sleep(_PAUSE)


def _may_be_new(failed: ApiError) -> bool:
    """Return whether a refusal, which cost nothing, may pass as what is new becomes known."""
    if failed.code == "access_denied":
        return True
    return failed.status in (403, 404) and failed.code not in ("client_disabled", "client_expired")


def _turn_off(aws: AwsSession, console: Console, plan: "Plan", found: Measurement) -> None:
    console.step("Turning streaming off", f", because {found.meaning}")
    # As the stack is by now: the switch to a function without a key changes a parameter in between.
    now = read_stack(aws.client("cloudformation"), plan.stack.name).parameters
    wanted = {**now, PARAMETER: "off"}
    parameters = [replace(one, new=wanted.get(one.name, one.new)) for one in plan.parameters]
    release.deploy(aws, console, plan.environment, plan.account.region, parameters, plan.flags)
    console.note(
        "Streaming is off now: two streams arrived in one burst, so something between the API and this "
        "machine, such as a proxy, collects the events. POST /travel-gpt answers as before. Later "
        "deployments leave it off; this turns it on, and measures it again:\n"
        f"  {plan.options.command('--parameter', f'{PARAMETER}=on')}"
    )
