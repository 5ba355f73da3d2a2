"""What OpenAI refuses before any model runs: parameters it does not know or take.

A scripted upstream that swallowed everything would let a client pass its tests with requests
that the real API turns down. Followed: openai/POST /v1/realtime/client_secrets/400-unknown-parameter and
openai/POST /v1/responses stream/400-invalid-temperature-value (its words for another parameter are assumed);
the names are those of openai.types; a missing parameter's words are assumed.
"""

import re
from typing import Final

from tests.fakes.openai import bodies, formats
from tests.fakes.openai.bodies import Endpoint, Json


def _names(said: str) -> frozenset[str]:
    return frozenset(said.split())


_SHARED: Final = _names(
    "metadata model moderation parallel_tool_calls prompt_cache_key prompt_cache_options "
    "prompt_cache_retention safety_identifier service_tier store stream stream_options temperature "
    "tool_choice tools top_logprobs top_p user"
)
_KNOWN: Final[dict[str, frozenset[str]]] = {
    "responses": _SHARED
    | _names(
        "access_programs background context_management conversation image include input instructions "
        "max_output_tokens max_tool_calls previous_response_id prompt reasoning text truncation"
    ),
    "chat": _SHARED
    | _names(
        "messages audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens "
        "max_tokens modalities n prediction presence_penalty reasoning_effort response_format seed stop "
        "verbosity web_search_options"
    ),
}
_NEEDED: Final = {"responses": ("model", "input"), "chat": ("model", "messages")}
_REFUSED_BY_REASONING_MODELS: Final = ("temperature", "top_p", "max_tokens")
_REASONING_MODEL: Final = re.compile(r"(gpt-[5-9]|o\d)")
_FEWEST_OUTPUT_TOKENS: Final = 16


def complaint(endpoint: Endpoint, body: object) -> Json | None:
    """The 400 body for a request that the real API would not take, or None for one it would."""
    if endpoint == "models":
        return None
    if not isinstance(body, dict):
        return bodies.error("We could not parse the JSON body of your request.")
    for name in body:
        if name not in _KNOWN[endpoint]:
            return bodies.error(f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
    for name in _NEEDED[endpoint]:
        if not body.get(name):
            return bodies.error(
                f"Missing required parameter: '{name}'.", code="missing_required_parameter", param=name
            )
    return _unsupported(endpoint, body) or formats.complaint(endpoint, body)


def _unsupported(endpoint: Endpoint, body: Json) -> Json | None:
    if _REASONING_MODEL.match(str(body["model"])):
        for name in _REFUSED_BY_REASONING_MODELS:
            if name in body:
                return bodies.unsupported(endpoint, name)
    limit = body.get("max_output_tokens")
    if isinstance(limit, int) and limit < _FEWEST_OUTPUT_TOKENS:
        return bodies.error(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= "
            f"{_FEWEST_OUTPUT_TOKENS}, but got {limit} instead.",
            code="integer_below_min_value",
            param="max_output_tokens",
        )
    return None
