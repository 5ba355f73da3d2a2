"""A model client whose server is in the process, and the SDK's exceptions, made by the SDK from a reply."""

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any
from unittest.mock import patch

import httpx2
import openai

from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.model_api import Prompt
from travel_gpt.settings import Settings

PROMPT = Prompt("Be brief.", "Lisbon?")
OPENAI = "https://api.openai.com/v1/responses"
REQUEST = httpx2.Request("POST", OPENAI)


class Server:
    """A model's server inside the SDK's own HTTP client; the last step of its script repeats."""

    def __init__(self, *script: Any) -> None:
        self.script: list[Any] = list(script)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        reply: httpx2.Response = step(request) if callable(step) else step
        return reply

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


def model_client(server: Callable[[httpx2.Request], httpx2.Response], **environment: str) -> ModelClient:
    """Return a model client of the server; the keywords are environment variables."""
    http = partial(openai.DefaultHttpxClient, transport=httpx2.MockTransport(server))
    with patch.object(openai, "DefaultHttpxClient", http):
        return ModelClient(Settings.load(environment))


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
