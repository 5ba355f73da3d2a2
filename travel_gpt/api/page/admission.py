"""Which requests the page's routes let in, and who their caller is."""

from dataclasses import replace

from travel_gpt.api.page.cookies import session_token
from travel_gpt.api.page.origin import require_page_origin
from travel_gpt.api.request import Request
from travel_gpt.errors import Misconfigured, PageDisabled, SessionRequired
from travel_gpt.guard.callers import Caller
from travel_gpt.settings import Settings


def require_page(settings: Settings) -> None:
    """Refuse every request while the page is turned off.

    Args:
        settings: the settings.

    Raises:
        PageDisabled: it is.
    """
    if settings.web_page != "enabled":
        raise PageDisabled


def needs_session(settings: Settings) -> bool:
    """Return whether a visitor needs an invitation.

    Args:
        settings: the settings.

    Raises:
        Misconfigured: a visitor does, but there is no table that sessions could be in.
    """
    if settings.api_access == "open":
        return False
    if not settings.table_name:
        raise Misconfigured(
            "the page is enabled without a table of clients",
            message="The page needs the table of clients (TABLE_NAME), or API_ACCESS=open.",
        )
    return True


def admit(request: Request, settings: Settings) -> Request:
    """Return a request of the page as one whose caller the guard can find.

    Args:
        request: a request that the page's script sent.
        settings: the settings.

    Returns:
        The request; its caller has a session where one is needed, and no API key.

    Raises:
        PageDisabled: the page is turned off.
        OriginRefused: another site sent it, or it came over http.
        SessionRequired: it has no session, and needs one.
        Misconfigured: it needs a session, and there is no table of them.
    """
    require_page(settings)
    require_page_origin(request)
    session = ""
    if needs_session(settings):
        session = session_token(request)
        if not session:
            raise SessionRequired("the cookie is missing")
    return replace(request, caller=Caller(address=request.caller.address, session=session))
