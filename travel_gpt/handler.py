"""The Lambda's front door."""

import gc
from typing import TYPE_CHECKING, Any

from travel_gpt.llm.deferred_types import defer_types

# Importing makes many objects and no garbage: collecting meanwhile is a fifth of a cold start.
gc.disable()
defer_types()
try:
    from travel_gpt.bootstrap import api

    _answer = api.answer
except Exception as failure:  # noqa: BLE001 - of libraries that read variables of their own when imported
    # Lambda would try again with every request, and tell nobody why.
    from travel_gpt.startup_failure import StartupFailure

    _answer = StartupFailure(failure).answer
gc.freeze()
gc.enable()

if TYPE_CHECKING:
    from travel_gpt.api.responses import ProxyResponse
    from travel_gpt.api.routes import Context


def lambda_handler(event: dict[str, Any], context: "Context") -> "ProxyResponse":
    """Answer one request of API Gateway.

    Args:
        event: the REST API's proxy event (payload format 1.0).
        context: Lambda's context.

    Returns:
        The proxy response.
    """
    return _answer(event, context)
