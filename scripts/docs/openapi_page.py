"""The operations of the web page in the OpenAPI document: those that its script sends."""

import copy
from typing import Any, Final

from scripts.docs.errors_page import Method
from scripts.docs.openapi_responses import failures, response
from scripts.docs.openapi_schemas import reference, stopping_example
from travel_gpt.api import resources
from travel_gpt.api.page.origin import MARK

Json = dict[str, Any]

_PAGE: Final = (
    "For the script of the web page. A stack with `WebPage` at `disabled` answers 404 `page_disabled`. "
)
_AS_THE_API: Final = "The body, the limits, the budget and the answers are those of `POST {}`."
# The empty requirement: a stack with --access open needs no session.
_SESSION_OR_OPEN: Final[list[Json]] = [{"session": []}, {}]
_MARK: Final[Json] = {
    "name": "X-Travel-GPT",
    "in": "header",
    "required": True,
    "description": "Says that the page's own script asks. A page of another site cannot send it.",
    "schema": {"type": "string", "const": MARK},
}
_ORIGIN: Final[Json] = {
    "name": "Origin",
    "in": "header",
    "required": True,
    "description": "The address of this API without a path, as a browser sends it with each POST.",
    "schema": {"type": "string"},
}
_SITE: Final = {"request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "timestamp": 1234567890}
_CLIENT: Final = {"name": "ann", "expires_at": 1237159890}


def page_paths(query: Json, stream: Json) -> Json:
    """Return the paths of the page's API.

    Args:
        query: the operation ``POST /travel-gpt``.
        stream: the operation ``POST /travel-gpt/stream``.
    """
    return {
        resources.PAGE_ME: {"get": _me()},
        resources.PAGE_ASK: {"post": _ask(query)},
        resources.PAGE_STREAM: {"post": _stream(query, stream)},
        resources.PAGE_STOP: {"post": _stop()},
        resources.PAGE_REDEEM: {"post": _redeem()},
        resources.PAGE_SIGN_OUT: {"post": _sign_out()},
    }


def _me() -> Json:
    sample = {
        "status": "success",
        "access": "invitation",
        "session": "valid",
        "client": _CLIENT,
        "device": "Firefox on Linux",
        "streaming": True,
        "itinerary_days": 14,
        "budget": {
            "whose": "client",
            "period": "month",
            "limit_usd": 2.0,
            "left_usd": 1.25,
            "renews_at": 1235865600,
        },
        "problem": None,
        **_SITE,
    }
    return {
        "operationId": "pageMe",
        "summary": "Who is the visitor, and may it ask?",
        "description": f"{_PAGE}It reads, and changes nothing.",
        "security": _SESSION_OR_OPEN,
        "responses": {
            "200": response("Also where a query would be refused.", reference("Me"), {"guest": sample}),
            **failures("PAGE_ME"),
        },
    }


def _ask(query: Json) -> Json:
    return {
        **_post("PAGE_ASK", "pageAsk", "Ask for travel advice", _AS_THE_API.format(resources.QUERY)),
        "parameters": [_MARK, _ORIGIN, *query["parameters"]],
        "requestBody": query["requestBody"],
        "responses": {"200": query["responses"]["200"], **failures("PAGE_ASK")},
    }


def _stream(query: Json, stream: Json) -> Json:
    text = f"{_AS_THE_API.format(resources.STREAM)} It never sets a cookie."
    kind = "text/event-stream"
    events = {
        "description": f"The events of `POST {resources.STREAM}`.",
        "content": {kind: stream["responses"]["200"]["content"][kind]},
    }
    return {
        **_post("PAGE_STREAM", "pageStream", "Ask for travel advice, and read it while it is written", text),
        "parameters": [_MARK, _ORIGIN, *query["parameters"]],
        "requestBody": query["requestBody"],
        "responses": {"200": events, **failures("PAGE_STREAM")},
    }


def _stop() -> Json:
    operation = _post(
        "PAGE_STOP",
        "pageStop",
        "Stop a stream",
        f"As `POST {resources.STOP}`, for a stream of the same client.",
    )
    name = {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The `request_id` of the event `start`.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
    }
    said = response(
        "The stream ends within seconds, if there is one.",
        reference("Stopping"),
        {"stopping": stopping_example()},
    )
    return {
        **operation,
        "parameters": [name, _MARK, _ORIGIN],
        "responses": {"202": said, **failures("PAGE_STOP")},
    }


def _redeem() -> Json:
    operation = _post(
        "PAGE_REDEEM",
        "pageRedeem",
        "Accept an invitation",
        "The browser gets a session, as a cookie: for ten minutes the same code and nonce get the same one.",
    )
    body = {"code": "the-code-of-the-link", "nonce": "n" * 43, "device": "Firefox on Linux"}
    redeemed = {"status": "success", "client": _CLIENT, **_SITE}
    return {
        **operation,
        "security": [],
        "requestBody": _json_body("Redeem", {"invitation": body}),
        "responses": {
            "200": _with_cookie(
                response("The session has begun.", reference("Redeemed"), {"guest": redeemed})
            ),
            **failures("PAGE_REDEEM"),
        },
    }


def _sign_out() -> Json:
    operation = _post(
        "PAGE_SIGN_OUT",
        "pageSignOut",
        "End the session of this browser",
        "Without a session it answers the same.",
    )
    over = {"status": "success", "message": "You are signed out on this device.", **_SITE}
    return {
        **operation,
        "security": _SESSION_OR_OPEN,
        "responses": {
            "200": _with_cookie(response("The session is over.", reference("SignedOut"), {"over": over})),
            **failures("PAGE_SIGN_OUT"),
        },
    }


def _post(method: Method, name: str, summary: str, text: str) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "description": _PAGE + text,
        "security": _SESSION_OR_OPEN,
        "parameters": [_MARK, _ORIGIN],
        "responses": failures(method),
    }


def _json_body(schema: str, samples: dict[str, Json]) -> Json:
    examples = {name: {"value": value} for name, value in samples.items()}
    return {
        "required": True,
        "content": {"application/json": {"schema": reference(schema), "examples": examples}},
    }


def _with_cookie(said: Json) -> Json:
    cookie = {"description": "The session's cookie.", "schema": {"type": "string"}}
    return {**copy.copy(said), "headers": {"Set-Cookie": cookie}}
