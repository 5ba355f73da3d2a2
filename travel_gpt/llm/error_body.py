"""The error of a server with OpenAI's API, read from any of the shapes that servers send.

OpenAI sends ``{"error": {"message", "type", "param", "code"}}``. Compatible servers send the same without the
outer object (vLLM), a string for ``error`` (xAI, LM Studio), a number for ``code`` (vLLM, llama.cpp), an
object for ``message`` (LiteLLM), a list around it all (Gemini), ``{"detail": …}`` (FastAPI) or a web page
(a proxy).
"""

from dataclasses import dataclass
from typing import Final

RESULTS: Final = frozenset({"output", "choices", "data"})
"""Fields of which each reply that is not an error has one."""

_MAX_CHARACTERS: Final = 500
_MAX_DEPTH: Final = 5
_FIELDS: Final = ("code", "type", "param")
# In the order in which they are read: the message inside "error" is closer to the cause than one beside it.
_NESTED: Final = ("detail", "message", "Message", "msg", "error")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """An error of a server.

    Every field is one line as the server wrote it, cut after 500 characters, and empty where it is missing.
    Any of them may quote a part of a key. Their case is kept, since ``redact`` needs it to find a key.
    """

    code: str = ""
    type: str = ""
    param: str = ""
    message: str = ""

    @property
    def text(self) -> str:
        """The message in lower case, to search in."""
        return self.message.lower()

    @property
    def codes(self) -> str:
        """The code and the type in lower case, to search in: either may name the cause."""
        return f"{self.code} {self.type}".lower()

    @property
    def names_missing_scope(self) -> bool:
        """Whether a restricted key lacks a scope that the call needs: the key itself is valid.

        OpenAI answers 401 or 403 with the message "… Missing scopes: …" and the code null or
        ``missing_scope`` (recorded: openai/POST /v1/responses/401-missing-scopes and
        401-missing-scopes-code-missing_scope).
        ``insufficient_scope`` is the code of RFC 6750, section 3.1.
        """
        return self.code.lower() in ("missing_scope", "insufficient_scope") or "missing scope" in self.text


def read_error_body(body: object) -> ErrorBody:
    """Read an error.

    Args:
        body: the parsed JSON of the reply, or its text where it is not JSON.

    Returns:
        Its fields.
    """
    found: dict[str, str] = {}
    _collect(body, found, _MAX_DEPTH)
    return ErrorBody(**found)


def is_error(reply: object) -> bool:
    """Return whether a reply with status 200 is an error all the same, as some servers send it.

    Recorded: runpod-vllm/POST /v1/chat/completions/404-model-as-200. LM Studio answers a path that it does
    not have with 200 and ``{"error": "Unexpected endpoint or method. (…)"}`` (lmstudio-bug-tracker
    issue 618).
    """
    if not isinstance(reply, dict) or not RESULTS.isdisjoint(reply):
        return False
    return bool(reply.get("error")) or reply.get("object") == "error"


def _collect(part: object, found: dict[str, str], depth: int) -> None:
    if depth == 0:
        return
    if isinstance(part, str):
        if message := _one_line(part):
            found["message"] = message
    elif isinstance(part, list):
        _collect(part[0] if part else None, found, depth - 1)
    elif isinstance(part, dict):
        for name in _FIELDS:
            if value := _field(part.get(name)):
                found[name] = value
        for name in _NESTED:
            _collect(part.get(name), found, depth - 1)


def _field(value: object) -> str:
    # LiteLLM writes the text "None" for null.
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "None":
        return ""
    return _one_line(str(value))


def _one_line(text: str) -> str:
    text = " ".join(text[: 2 * _MAX_CHARACTERS].split())
    return "an HTML page" if text.startswith("<") else text[:_MAX_CHARACTERS]
