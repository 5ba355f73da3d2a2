"""The exceptions of the openai SDK, made by the SDK itself out of a server's reply."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import httpx2
import openai

from travel_gpt.llm.model_api import Prompt

if TYPE_CHECKING:
    from collections.abc import Mapping

PROMPT = Prompt("Be brief.", "Lisbon?")
OPENAI = "https://api.openai.com/v1/responses"
REQUEST = httpx2.Request("POST", OPENAI)


@cache
def _client() -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-any")


def refusal(
    status: int,
    message: object = "It says why.",
    *,
    code: object = None,
    kind: object = "invalid_request_error",
    param: object = None,
    headers: Mapping[str, str] | None = None,
    url: str = OPENAI,
) -> openai.APIStatusError:
    """Return what the SDK raises for OpenAI's error body."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return of_response(httpx2.Response(status, json={"error": error}, headers=headers), url)


def of_response(response: httpx2.Response, url: str = OPENAI) -> openai.APIStatusError:
    """Return what the SDK raises for any refusal."""
    response.request = httpx2.Request("POST", url)
    return _client()._make_status_error_from_response(response)
