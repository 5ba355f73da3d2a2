"""The routes of the page on the buffered function: its files, and what its script asks for.

Nothing of the page is imported before a request for it, so that it costs the other routes no cold start.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from travel_gpt.api import resources
from travel_gpt.api.page import static
from travel_gpt.api.page.admission import admit, require_page
from travel_gpt.api.page.me import answer_me
from travel_gpt.api.page.redeem import redeem
from travel_gpt.api.page.sign_out import sign_out
from travel_gpt.api.request import Request
from travel_gpt.api.responses import ProxyResponse, Reply
from travel_gpt.errors import MethodNotAllowed, NotFound
from travel_gpt.settings import Settings

if TYPE_CHECKING:
    from travel_gpt.guard.guard import Guard

Answer = Callable[[Request], Reply]


class _Route(NamedTuple):
    method: str
    answer: Answer


class Page:
    """Answers the requests for the page.

    Args:
        settings: the settings.
        guard: returns what knows the clients, made at the first call; None where nothing is limited.
        ask: answers a query of a caller that was let in.
        stop: stops a stream of such a caller.
        require_credential: raises what is wrong with the credential.
        now: the wall clock, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        guard: "Callable[[], Guard] | None",
        *,
        ask: Answer,
        stop: Answer,
        require_credential: Callable[[Request], object],
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._routes: Mapping[str, _Route] = {
            resources.ROOT: _Route("GET", _file(static.redirect_to_page)),
            resources.PAGE: _Route("GET", _file(static.serve_page)),
            resources.PAGE_ASSET: _Route("GET", _file(static.serve_asset)),
            resources.PAGE_ME: _Route(
                "GET", lambda request: answer_me(request, settings, guard, require_credential)
            ),
            resources.PAGE_REDEEM: _Route("POST", lambda request: redeem(request, settings, guard, now)),
            resources.PAGE_SIGN_OUT: _Route("POST", lambda request: sign_out(request, settings, guard)),
            resources.PAGE_ASK: _Route("POST", lambda request: ask(admit(request, settings))),
            resources.PAGE_STOP: _Route("POST", lambda request: stop(admit(request, settings))),
            # API Gateway sends only the other methods of this one here.
            resources.PAGE_STREAM: _Route("POST", _not_here),
        }

    def answer(self, request: Request) -> Reply:
        """Answer one request.

        Args:
            request: the request, whose path is the root or begins with that of the page.

        Raises:
            PageDisabled: the page is turned off.
            NotFound: there is no such resource.
            MethodNotAllowed: the resource has another method.
            TravelGPTError: what kept the request from being answered.
        """
        require_page(self._settings)
        route = self._routes.get(request.path)
        if route is None:
            raise NotFound("no such resource")
        if request.method != route.method:
            raise MethodNotAllowed(message=f"Use {route.method}.", headers={"Allow": route.method})
        return route.answer(request)


def _file(serve: Callable[[Request], ProxyResponse]) -> Answer:
    return lambda request: Reply(serve(request))


def _not_here(_request: Request) -> Reply:
    raise NotFound("the function that streams answers this")
