"""``POST /travel-gpt/app/api/sign-out``: the session of the visitor's browser ends."""

import time
from typing import TYPE_CHECKING, TypedDict

from travel_gpt.api.page.cookies import forget_session, session_token
from travel_gpt.api.page.origin import require_page_origin
from travel_gpt.api.request import Request, require_no_problems
from travel_gpt.api.responses import Reply, json_response
from travel_gpt.settings import Settings
from travel_gpt.telemetry import audit

if TYPE_CHECKING:
    from collections.abc import Callable

    from travel_gpt.guard.guard import Guard


class SignedOutBody(TypedDict):
    """The body."""

    status: str
    message: str
    request_id: str
    timestamp: int


def sign_out(request: Request, settings: Settings, guard: "Callable[[], Guard] | None") -> Reply:
    """End the session, if there is one, and have the browser delete its token.

    Args:
        request: the request.
        settings: the settings.
        guard: returns what knows the sessions; None where there can be none.

    Raises:
        OriginRefused: another site sent it, or it came over http, where there are no sessions.
        LimitsUnavailable: the table cannot be used, so the browser keeps the token for another try.
        Misconfigured: a setting is wrong.
    """
    require_page_origin(request)
    require_no_problems(settings)
    token = session_token(request)
    client = guard().sessions.end(token, request.deadline) if token and guard is not None else ""
    if client:
        audit("session.end", outcome="success", client=client, request_id=request.id)
    answer = SignedOutBody(
        status="success",
        message="You are signed out on this device.",
        request_id=request.id,
        timestamp=int(time.time()),
    )
    cookie = forget_session(request)
    return Reply(json_response(200, answer, {"Set-Cookie": cookie}), {"client": client} if client else {})
