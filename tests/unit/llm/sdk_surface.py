"""Use the openai SDK as the project does, and a little more: ... sdk_surface plain|deferred < PICKLED

It prints one line of JSON with what it saw, which must not depend on how the types were imported.
"""

import base64
import json
import pickle
import re
import sys
from collections.abc import Callable
from typing import Any

import httpx2

from tests.fakes.openai import bodies
from travel_gpt.llm.deferred_types import defer_types

ASKED = {"model": "gpt-6-luna", "input": "Where?", "messages": [], "store": False}
RESPONSE = bodies.response(ASKED, "Rome.")
COMPLETION = bodies.completion(ASKED, "Rome.")
ISSUED = {
    "id": "key_1",
    "object": "organization.project.service_account.api_key",
    "name": "one",
    "value": "sk-any",
    "created_at": 1,
}
STREAM = 'data: {"type":"response.output_text.delta","delta":"Rome.","item_id":"1","sequence_number":1}\n\n'


def reply(_: object, request: httpx2.Request) -> httpx2.Response:
    """Answer in the place of the network."""
    if request.url.path.endswith("/oauth/token"):
        return httpx2.Response(200, json={"access_token": "exchanged", "expires_in": 300}, request=request)
    if "/organization/" in request.url.path:
        listed = {"object": "list", "data": [ISSUED], "has_more": False}
        return httpx2.Response(200, json=listed if request.method == "GET" else ISSUED, request=request)
    if request.url.path.endswith("/refused"):
        return httpx2.Response(429, json=bodies.error("Too many."), request=request)
    if b'"stream":true' in request.content:
        headers = {"Content-Type": "text/event-stream"}
        return httpx2.Response(200, text=STREAM, headers=headers, request=request)
    document = COMPLETION if request.url.path.endswith("/completions") else RESPONSE
    return httpx2.Response(200, json=document, request=request)


def seen(call: Callable[[], Any]) -> str:
    """What a call returns or raises: its type, and what is in it."""
    try:
        result = call()
    except Exception as failure:  # noqa: BLE001 - it is compared
        return f"raises {[kind.__qualname__ for kind in type(failure).__mro__]}: {failure}"
    # Without the identifiers and times that the fake makes up.
    shown = re.sub(r"[0-9a-f]{32,}|\b1\d{9}\b", "_", repr(result))
    return f"{type(result).__module__}.{type(result).__qualname__}: {shown}"


def surface(pickled: str) -> dict[str, str]:
    """What is seen of each part of the SDK that the project uses, each as the first thing asked of it."""
    import openai

    client = openai.OpenAI(api_key="sk-any", max_retries=0)
    admin = openai.OpenAI(api_key="", admin_api_key="sk-admin", max_retries=0).admin.organization
    keyless = openai.OpenAI(
        workload_identity={
            "identity_provider_id": "idp_1",
            "service_account_id": "sa_1",
            "provider": {"token_type": "jwt", "get_token": lambda: "jwt"},
        }
    )
    calls: dict[str, Callable[[], Any]] = {
        "post": lambda: client.post("/responses", cast_to=object, body=ASKED),
        "unpickle": lambda: pickle.loads(base64.b64decode(pickled)) if pickled else None,
        "responses": lambda: client.responses.create(model="m", input="Where?"),
        "chat": lambda: client.chat.completions.create(model="m", messages=[]),
        "stream": lambda: list(client.responses.create(model="m", input="Where?", stream=True)),
        "refusal": lambda: client.get("/refused", cast_to=object),
        "identity": lambda: keyless.post("/responses", cast_to=object, body={}),
        "keys": lambda: list(admin.projects.api_keys.list("proj")),
        "new key": lambda: admin.projects.service_accounts.api_keys.create("sa", project_id="p", name="n"),
        "admin keys": lambda: list(admin.admin_api_keys.list(limit=1)),
        "isinstance": lambda: isinstance(
            client.responses.create(model="m", input="Where?"), openai.types.responses.Response
        ),
        "star": lambda: _star_import("openai.types.responses"),
        "absent": lambda: openai.types.responses.Absent,  # type: ignore[attr-defined]
        "absent import": lambda: __import__("openai.types.chat.absent"),
    }
    return {name: seen(call) for name, call in calls.items()}


def _star_import(module: str) -> list[str]:
    names: dict[str, object] = {}
    exec(f"from {module} import *", names)
    return sorted(name for name in names if not name.startswith("__"))


def main() -> None:
    """Print what is seen, how many modules that took, and a pickled response."""
    if sys.argv[1] == "deferred":
        defer_types()
    httpx2.HTTPTransport.handle_request = reply  # type: ignore[assignment,method-assign]
    import openai

    imported = sum(name.startswith("openai.types.") for name in sys.modules)
    found = surface(sys.stdin.read())
    response = openai.OpenAI(api_key="sk-any").responses.create(model="m", input="Where?")
    again = pickle.loads(pickle.dumps(response))
    assert (again, type(again)) == (response, type(response))
    print(json.dumps([imported, found, base64.b64encode(pickle.dumps(response)).decode()]))


if __name__ == "__main__":
    main()
