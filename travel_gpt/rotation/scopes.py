"""What a key that rotation makes may do at OpenAI: what answering needs, and nothing else.

A key without scopes may do all that its service account may.
"""

from collections.abc import Mapping
from typing import Final

LIST_MODELS: Final = "api.model.read"
"""For ``GET /models``, with which a key is verified.

Source: OpenAI's refusal of that call names it ("Missing scopes: api.model.read").
"""

ASK: Final[Mapping[str, str]] = {"responses": "api.responses.write", "chat": "api.model.request"}
"""For the call that asks the model, by the value of OPENAI_API.

Sources: OpenAI's OpenAPI document (github.com/openai/openai-openapi): the example of "Create project service
account API key" has the first, ``scopes`` of the audit log's ``api_key.created`` the second. That Chat
Completions needs the second: OpenAI's guide "Manage permissions in the OpenAI platform", Model capabilities,
Request; the refusal of that call names it without "api.".
"""

UNRESTRICTED: Final = "all"
"""What ROTATION_KEY_SCOPES holds for keys without scopes."""

PATTERN: Final = rf"|{UNRESTRICTED}|[a-z][a-z0-9_.]{{0,99}}(,[a-z][a-z0-9_.]{{0,99}}){{0,19}}"
"""What ROTATION_KEY_SCOPES may be: nothing, ``all`` or scopes with commas between them."""


def scopes_of(chosen: str, api: str) -> tuple[str, ...]:
    """Return the scopes of a key.

    Args:
        chosen: the value of ROTATION_KEY_SCOPES; empty for what the API needs.
        api: the API in use, ``responses`` or ``chat``.

    Returns:
        The scopes; none for a key without restriction.
    """
    if chosen == UNRESTRICTED:
        return ()
    return tuple(chosen.split(",")) if chosen else (LIST_MODELS, ASK[api])
