"""``POST /travel-gpt/app/api/redeem``: an invitation becomes a session of the visitor's browser."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict

from travel_gpt.api.page.admission import require_sessions
from travel_gpt.api.page.cookies import keep_session, session_token
from travel_gpt.api.page.me import ClientBody, client_body
from travel_gpt.api.page.origin import require_page_origin
from travel_gpt.api.request import Request, read_body, require_no_problems
from travel_gpt.api.responses import Reply, json_response
from travel_gpt.errors import InvalidConstraint
from travel_gpt.settings import Settings
from travel_gpt.telemetry import audit

if TYPE_CHECKING:
    from travel_gpt.guard.guard import Guard


class RedeemBody(TypedDict):
    """The body of the request."""

    code: str
    nonce: str
    device: str


class RedeemedBody(TypedDict):
    """The body of the answer."""

    status: str
    client: ClientBody
    request_id: str
    timestamp: int


def redeem(
    request: Request, settings: Settings, guard: "Callable[[], Guard] | None", now: Callable[[], float]
) -> Reply:
    """Begin a session with an invitation, and have the browser keep its token.

    Args:
        request: the request.
        settings: the settings.
        guard: returns what knows the invitations.
        now: the wall clock, in seconds.

    Raises:
        OriginRefused: another site sent it, or it came over http, where there are no sessions.
        RequestError: the body is not that of the page, or no invitation has its code.
        LimitError: the client may not begin a session, the address has tried too many codes, or the table
            cannot be used.
        Misconfigured: a setting is wrong.
    """
    require_page_origin(request)
    body = read_body(request)
    code, nonce, device = (_text(body, name) for name in RedeemBody.__annotations__)
    require_no_problems(settings)
    guarded = require_sessions(settings, guard)
    # Where no cookie can be set, nothing must be used up.
    session_token(request)
    address = request.caller.address
    session, client = guarded.invitations.redeem(code, nonce, device, address, request.deadline)
    cookie = keep_session(request, session.token, max(1, session.expires_at - int(now())))
    audit("session.begin", outcome="success", client=client.id, request_id=request.id)
    answer = RedeemedBody(
        status="success", client=client_body(client), request_id=request.id, timestamp=int(time.time())
    )
    return Reply(json_response(200, answer, {"Set-Cookie": cookie}), {"client": client.id})


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InvalidConstraint(f"{name} is not a text", message=f'"{name}" must be a text.')
    return value
