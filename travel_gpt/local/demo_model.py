"""A small model server with OpenAI's HTTP API on loopback, so that a first try needs no key.

It has both APIs and ``/models``.
"""

import hmac
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from travel_gpt.api.health import DEMO_MODEL
from travel_gpt.local.demo_answer import answer
from travel_gpt.local.server import QuietRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

NAME: Final = DEMO_MODEL
_LARGEST_BODY: Final = 1024 * 1024


class Refused(Exception):
    """A request that the demo model refuses.

    Args:
        status: the HTTP status.
        message: the message of OpenAI's error body.
        code: its code, if any.
    """

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


class DemoModel:
    """The demo model's server. It accepts only its own key, as the real one does."""

    def __init__(self) -> None:
        self.key = "demo-" + secrets.token_hex(16)
        self._server = make_server(
            "127.0.0.1", 0, self._application, threaded=True, request_handler=QuietRequestHandler
        )
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="demo-model")

    @property
    def base_url(self) -> str:
        """The value for OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _application(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _LARGEST_BODY
        try:
            document = self._answer(request)
            status = 200
        except Refused as refused:
            status = refused.status
            document = {
                "error": {
                    "message": refused.message,
                    "type": "invalid_request_error",
                    "param": None,
                    "code": refused.code,
                }
            }
        response = Response(json.dumps(document), status, content_type="application/json")
        return response(environ, start_response)

    def _answer(self, request: Request) -> dict[str, Any]:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refused(401, "Incorrect API key provided.", "invalid_api_key")
        match request.method, request.path:
            case "GET", "/v1/models":
                return {"object": "list", "data": [_model()]}
            case "POST", "/v1/responses":
                return _response(_body(request))
            case "POST", "/v1/chat/completions":
                return _completion(_body(request))
        raise Refused(404, f"Invalid URL ({request.method} {request.path})")


def _body(request: Request) -> Mapping[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise Refused(400, "We could not parse the JSON body of your request.")
    if body.get("stream"):
        raise Refused(400, "The demo model does not stream.", "unsupported_parameter")
    return body


def _model() -> dict[str, Any]:
    return {"id": NAME, "object": "model", "created": 1_790_000_000, "owned_by": "travel-gpt"}


def _response(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a call of the Responses API."""
    asked = _user_message(body.get("input"))
    text, cut = _capped("\n\n".join(answer(asked)), body.get("max_output_tokens"))
    now = int(time.time())
    message = {
        "id": f"msg_{secrets.token_hex(16)}",
        "type": "message",
        "role": "assistant",
        "status": "incomplete" if cut else "completed",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    }
    return {
        "id": f"resp_{secrets.token_hex(16)}",
        "object": "response",
        "created_at": now,
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": NAME,
        "output": [message],
        "parallel_tool_calls": True,
        "store": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": _tokens(asked),
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": _tokens(text),
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": _tokens(asked) + _tokens(text),
        },
    }


def _completion(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a call of the Chat Completions API."""
    asked = _user_message(body.get("messages"))
    cap = body.get("max_completion_tokens") or body.get("max_tokens")
    text, cut = _capped("\n\n".join(answer(asked)), cap)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "length" if cut else "stop",
    }
    return {
        "id": f"chatcmpl-{secrets.token_hex(16)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": NAME,
        "choices": [choice],
        "usage": {
            "prompt_tokens": _tokens(asked),
            "completion_tokens": _tokens(text),
            "total_tokens": _tokens(asked) + _tokens(text),
        },
    }


def _user_message(said: object) -> str:
    """Return the latest input of the user: a text, or the last of the user's messages."""
    if isinstance(said, str) and said:
        return said
    for message in reversed(said if isinstance(said, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = content if isinstance(content, list) else []
            return "\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)
    raise Refused(400, "There is no message of the user in the request.")


def _tokens(text: str) -> int:
    """Estimate the number of tokens: one for four bytes."""
    return len(text.encode("utf-8", "replace")) // 4 + 1


def _capped(text: str, cap: object) -> tuple[str, bool]:
    """Return the text up to the cap, in tokens, and whether it was cut."""
    if not isinstance(cap, int) or _tokens(text) <= cap:
        return text, False
    return text.encode()[: (cap - 1) * 4].decode("utf-8", "ignore"), True
