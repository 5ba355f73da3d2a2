"""The entry point of the function that streams: ``stream(event, context)`` answers one request.

Lambda's Python runtime does not stream. ``travel_gpt.stream_runtime`` calls this in its place.
"""

import gc
import os

from travel_gpt.llm.deferred_types import defer_types

# As in travel_gpt.handler.
gc.disable()
defer_types()
try:
    from travel_gpt import telemetry
    from travel_gpt.bootstrap import build_stream_api
    from travel_gpt.settings import Settings

    _settings = Settings.load(os.environ)
    telemetry.configure(_settings)
    stream = build_stream_api(
        _settings, on_demand=os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand"
    ).answer
except Exception as failure:  # noqa: BLE001 - of libraries that read variables of their own when imported
    # Lambda would start it again for every request, and answer each with a 500 that says nothing.
    from travel_gpt.startup_failure import StartupFailure

    stream = StartupFailure(failure).answer
gc.freeze()
gc.enable()
