"""``GET /travel-gpt/app/api/me``: who the visitor is, and what a question would meet now."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from travel_gpt.api.page.admission import caller_of
from travel_gpt.api.request import Request, require_no_problems
from travel_gpt.api.responses import BudgetBody, Reply, budget_body, json_response
from travel_gpt.errors import SessionExpired, SessionRequired, TravelGPTError
from travel_gpt.guard.callers import Caller
from travel_gpt.settings import Settings

if TYPE_CHECKING:
    from travel_gpt.guard.clients import Client
    from travel_gpt.guard.guard import Guard

CREDENTIAL_SECONDS: Final = 3.0
"""Seconds for finding out whether there is a credential. The page is not shown before the answer is there."""


class ClientBody(TypedDict):
    """The client of a session."""

    name: str
    expires_at: int | None
    """Seconds since the epoch; null for never."""


class ProblemBody(TypedDict):
    """What a question would be refused with."""

    code: str
    message: str
    retry_after: int | None
    """Seconds after which a question may be answered; null where that is not known."""


class MeBody(TypedDict):
    """The body."""

    status: str
    access: Literal["open", "invitation"]
    session: Literal["none", "valid", "expired"]
    client: ClientBody | None
    device: str | None
    streaming: bool
    itinerary_days: int
    budget: BudgetBody | None
    problem: ProblemBody | None
    request_id: str
    timestamp: int


def answer_me(
    request: Request,
    settings: Settings,
    guard: "Callable[[], Guard] | None",
    require_credential: Callable[[Request], object],
) -> Reply:
    """Return what the page shows before a question. It only reads, and says what fails in its body.

    Args:
        request: the request.
        settings: the settings.
        guard: returns what knows the clients; None where nothing is limited.
        require_credential: raises what is wrong with the credential.
    """
    body = MeBody(
        status="success",
        access="open" if settings.api_access == "open" else "invitation",
        session="none",
        client=None,
        device=None,
        streaming=settings.streaming == "on",
        itinerary_days=settings.itinerary_days,
        budget=None,
        problem=None,
        request_id=request.id,
        timestamp=int(time.time()),
    )
    fields: dict[str, Any] = {}
    try:
        require_no_problems(settings)
        caller = caller_of(request, settings)
        if guard is not None:
            client = _client(caller, request, guard(), body)
            fields["client"] = client.id
            with closing(guard().meter(client, request.taken_at, request.deadline)) as meter:
                try:
                    meter.read(settings.model, settings.max_output_tokens)
                finally:
                    body["budget"] = budget_body(meter.budgets[0]) if meter.budgets else None
        require_credential(replace(request, deadline=request.deadline.within(CREDENTIAL_SECONDS)))
    except SessionRequired:
        # A missing session is no problem: the page asks for an invitation.
        pass
    except SessionExpired:
        body["session"] = "expired"
    except TravelGPTError as failure:
        body["problem"] = ProblemBody(
            code=failure.code, message=failure.message, retry_after=failure.retry_after
        )
        fields |= {**failure.log_fields, "problem": failure.code, "detail": failure.detail}
    return Reply(json_response(200, body), fields)


def _client(caller: Caller, request: Request, guard: "Guard", body: MeBody) -> "Client":
    """Return the client that would ask, and note in the body who it is.

    Raises:
        SessionExpired: its session has ended.
        LimitError: it may not ask now, or that cannot be found out.
    """
    if not caller.session:
        return guard.client(caller, request.deadline)
    session, client, refusal = guard.visitors.find(caller.session, request.deadline)
    body["session"], body["device"] = "valid", session.device
    body["client"] = client_body(client)
    if refusal is not None:
        raise refusal
    return client


def client_body(client: "Client") -> ClientBody:
    """Return what a visitor sees of the client of its session."""
    return ClientBody(name=client.name, expires_at=client.expires_at or None)
