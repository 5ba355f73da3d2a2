"""The Lambda's entry point: ``lambda_handler(event, context)`` answers one request of API Gateway."""

import gc
import os

from travel_gpt.llm.deferred_types import defer_types

# Importing makes many objects and no garbage: collecting meanwhile is a fifth of a cold start.
gc.disable()
defer_types()
try:
    from travel_gpt import telemetry
    from travel_gpt.bootstrap import build_api
    from travel_gpt.settings import Settings

    _settings = Settings.load(os.environ)
    telemetry.configure(_settings)
    lambda_handler = build_api(
        _settings, on_demand=os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand"
    ).answer
except Exception as failure:  # noqa: BLE001 - of libraries that read variables of their own when imported
    # Lambda would start it again for every request, and answer each with a 500 that says nothing.
    from travel_gpt.startup_failure import StartupFailure

    lambda_handler = StartupFailure(failure).answer
gc.freeze()
gc.enable()
