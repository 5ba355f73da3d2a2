"""The documents OpenAI's API answers with.

Shaped as the recorded ones are: openai/POST /v1/responses/text, openai/GET /v1/models/list and
openai/POST /v1/chat/completions/structured-output (service, operation, case). tests/unit/recorded holds them
against those.
"""

import json
import secrets
import time
from typing import Any, Final, Literal

Endpoint = Literal["responses", "chat", "models"]
Json = dict[str, Any]

RESPONSES: Final = "/v1/responses"
CHAT: Final = "/v1/chat/completions"
MODELS: Final = "/v1/models"
AUTHENTICATE: Final = 'Bearer realm="OpenAI API"'
"""The header www-authenticate of a 401: openai/POST /v1/responses/401-invalid-key."""
_NO_IMAGES: Final[dict[str, Any]] = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "total_tokens": 0,
}
LISTED_MODELS: Final = ("gpt-6-luna", "gpt-6.1-terra")


def identifier(prefix: str) -> str:
    """A new identifier of the form the API uses, such as `resp_…`."""
    return prefix + secrets.token_hex(16)


def error(
    message: str, kind: str = "invalid_request_error", code: str | None = None, param: str | None = None
) -> Json:
    """The body of every refusal."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def unsupported(endpoint: Endpoint, name: str) -> Json:
    """What a 400 says about a parameter that the model does not take.

    On Responses the code is null (400-unsupported-parameter-temperature), on Chat Completions it is not
    (400-unsupported-parameter-max_tokens).
    """
    code = "unsupported_parameter" if endpoint == "chat" else None
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    return error(message, code=code, param=name)


def quoted(key: str) -> str:
    """A key as OpenAI quotes it in a 401: both ends in clear, stars between."""
    if len(key) <= 12:
        return key[:2] + "*" * max(len(key) - 2, 3)
    return key[:8] + "*" * (len(key) - 12) + key[-4:]


def wrong_key(key: str) -> Json:
    """What a 401 says; without a key it says something else."""
    if not key:
        return error(
            "You didn't provide an API key. You need to provide your API key in an Authorization header "
            "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank "
            "username) if you're accessing the API from your browser and are prompted for a username and "
            "password. You can obtain an API key from https://platform.openai.com/account/api-keys."
        )
    return error(
        f"Incorrect API key provided: {quoted(key)}. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        code="invalid_api_key",
    )


def models(names: tuple[str, ...] = LISTED_MODELS) -> Json:
    """The list of models."""
    return {"object": "list", "data": [model(name) for name in names]}


def model(name: str) -> Json:
    """One model of the list."""
    return {
        "id": name,
        "object": "model",
        "created": 1_790_000_000,
        "owned_by": "system",
        "shutdown_date": None,
    }


def last_user_text(body: Json) -> str:
    """The newest thing the user said, on either API."""
    said: Any = body.get("input", body.get("messages"))
    if isinstance(said, str):
        return said
    return next((str(each["content"]) for each in reversed(said) if each["role"] == "user"), "")


def tokens(text: str) -> int:
    """A count of tokens good enough for a usage figure: four bytes make one."""
    return max(1, len(text.encode("utf-8", "replace")) // 4)


def response(
    body: Json,
    text: str = "",
    *,
    refusal: str | None = None,
    status: str = "completed",
    reason: str | None = None,
    failure: Json | None = None,
    items: bool = True,
) -> Json:
    """A document of the Responses API.

    Args:
        body: the request, whose model, limits and instructions the real API gives back.
        text: the answer.
        refusal: what the model says when it declines, in place of the answer.
        status: `completed`, `incomplete`, `failed` or `in_progress`.
        reason: why it is incomplete.
        failure: the `error` of a failed one.
        items: whether there is any output.

    Returns:
        The document.
    """
    now = int(time.time())
    part: Json = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    if refusal is not None:
        part = {"type": "refusal", "refusal": refusal}
    message: Json = {
        "id": identifier("msg_"),
        "type": "message",
        "status": "completed" if status == "completed" else "incomplete",
        "content": [part],
        "phase": "final_answer",
        "role": "assistant",
    }
    asked, said = tokens(json.dumps(body.get("input", ""))), tokens(text or refusal or "")
    reasoning = body.get("reasoning") or {}
    return {
        "id": identifier("resp_"),
        "object": "response",
        "created_at": now,
        "status": status,
        "background": False,
        "billing": {"payer": "developer"},
        "completed_at": now if status == "completed" else None,
        "error": failure,
        "frequency_penalty": 0.0,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": body.get("model", "gpt-6-luna"),
        "moderation": None,
        "output": [message] if items else [],
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": "24h",
        "reasoning": {
            "context": "all_turns",
            "effort": reasoning.get("effort"),
            "mode": "standard",
            "summary": None,
        },
        "safety_identifier": None,
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": {"format": _given_format(body), "verbosity": "medium"},
        "tool_choice": "auto",
        "tool_usage": {"image_gen": _NO_IMAGES, "web_search": {"num_requests": 0}},
        "tools": body.get("tools", []),
        "top_logprobs": 0,
        "top_p": 0.98,
        "truncation": "disabled",
        "usage": None
        if status in {"in_progress", "failed"}
        else {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": said,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + said,
        },
        "user": None,
        "metadata": {},
    }


def _given_format(body: Json) -> Json:
    """The format that was asked for: openai/POST /v1/responses/structured-output."""
    asked: Json = (body.get("text") or {}).get("format") or {"type": "text"}
    return {"description": None, **asked} if asked["type"] == "json_schema" else asked


def completion_usage(body: Json, text: str) -> Json:
    """What a chat completion cost."""
    asked, said = tokens(json.dumps(body.get("messages", ""))), tokens(text)
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion(body: Json, text: str | None, *, refusal: str | None = None, finish: str = "stop") -> Json:
    """A document of the Chat Completions API.

    Args:
        body: the request.
        text: the answer; None where the model declines.
        refusal: what the model says when it declines.
        finish: `stop`, `length` or `content_filter`.

    Returns:
        The document.
    """
    return {
        "id": identifier("chatcmpl-"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.get("model", "gpt-6-luna"),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": refusal, "annotations": []},
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": completion_usage(body, text or refusal or ""),
        "service_tier": "default",
        "system_fingerprint": None,
    }
