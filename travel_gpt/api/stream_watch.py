"""Looks up, while a stream runs, whether it may go on."""

from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from travel_gpt.api.request import Request
from travel_gpt.aws.table import TableFailed
from travel_gpt.errors import TravelGPTError
from travel_gpt.telemetry import logger

if TYPE_CHECKING:
    from travel_gpt.guard.guard import Guard

CHECK_SECONDS: Final = 2.0
"""Seconds after which it is looked up again whether the client stopped its stream, and may still ask."""


class Stopped(Exception):
    """The client stopped its stream."""


class StreamWatch:
    """Ends one stream that its client stopped, or that its client may not have any more.

    It looks in a thread of its own, since a slow table must not delay the text.

    Args:
        guard: knows the clients.
        client: the id of the client.
        request: the stream's request.
        fail: ends the stream with an exception.
    """

    def __init__(
        self, guard: "Guard", client: str, request: Request, fail: Callable[[Exception], None]
    ) -> None:
        self._guard, self._client, self._request, self._fail = guard, client, request, fail
        self._over = Event()
        Thread(target=self._run, daemon=True, name="travel-gpt-stream-watch").start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()

    def _run(self) -> None:
        warned = False
        while not self._over.wait(CHECK_SECONDS):
            try:
                self._require_may_go_on()
            except TableFailed as failed:
                if not warned:
                    detail = {"detail": str(failed), "request_id": self._request.id}
                    logger.warning("It cannot be read whether a stream was stopped", extra=detail)
                warned = True
            except (Stopped, TravelGPTError) as failure:
                self._fail(failure)
                return

    def _require_may_go_on(self) -> None:
        request = self._request
        if self._guard.stops.requested(self._client, request.id, request.deadline):
            raise Stopped
        # Paused, disabled or signed out, it costs nothing more either. Most calls of this read nothing, but
        # for the session of a visitor of the page.
        self._guard.client(request.caller, request.deadline)
