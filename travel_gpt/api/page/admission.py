"""Which requests the page's routes let in, and who their caller is."""

from dataclasses import replace
from typing import TYPE_CHECKING

from travel_gpt.api.page.cookies import session_token
from travel_gpt.api.page.origin import require_page_origin
from travel_gpt.api.request import Request
from travel_gpt.errors import InvitationInvalid, Misconfigured, PageDisabled, SessionRequired
from travel_gpt.guard.callers import Caller
from travel_gpt.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from travel_gpt.guard.guard import Guard


def require_page(settings: Settings) -> None:
    """Refuse every request while the page is turned off.

    Args:
        settings: the settings.

    Raises:
        PageDisabled: it is.
    """
    if settings.web_page != "enabled":
        raise PageDisabled


def caller_of(request: Request, settings: Settings) -> Caller:
    """Return who sent a request of the page: a session where one is needed, and never an API key.

    Args:
        request: the request.
        settings: the settings.

    Raises:
        SessionRequired: it has no session, and needs one.
        OriginRefused: it came over http, where there are no sessions.
        Misconfigured: it needs a session, and there is no table that one could be in.
    """
    if settings.api_access == "open":
        return Caller(request.caller.address)
    if not settings.table_name:
        raise _no_table()
    session = session_token(request)
    if not session:
        raise SessionRequired("the cookie is missing")
    return Caller(request.caller.address, session=session)


def admit(request: Request, settings: Settings) -> Request:
    """Return a request of the page as one whose caller the guard can find.

    Args:
        request: a request that the page's script sent.
        settings: the settings.

    Raises:
        PageDisabled: the page is turned off.
        OriginRefused: another site sent it, or it came over http.
        SessionRequired: it has no session, and needs one.
        Misconfigured: as for ``caller_of``.
    """
    require_page(settings)
    require_page_origin(request)
    return replace(request, caller=caller_of(request, settings))


def require_sessions(settings: Settings, guard: "Callable[[], Guard] | None") -> "Guard":
    """Return what knows the invitations and the sessions.

    Args:
        settings: the settings.
        guard: returns it; None without a table.

    Raises:
        InvitationInvalid: here no visitor needs one.
        Misconfigured: visitors do, and there is no table of them.
    """
    if settings.api_access == "open":
        raise InvitationInvalid(
            "the page is open to everyone",
            message="This page needs no invitation: reload it, and ask.",
        )
    if guard is None:
        raise _no_table()
    return guard()


def _no_table() -> Misconfigured:
    return Misconfigured(
        "the page is enabled without a table of clients",
        message="The page needs the table of clients (TABLE_NAME), or API_ACCESS=open.",
    )
