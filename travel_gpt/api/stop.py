"""``POST /travel-gpt/stream/{id}/stop``: a client ends a stream of its own."""

import re
from typing import TYPE_CHECKING, Final

from travel_gpt.api import responses
from travel_gpt.api.request import Request
from travel_gpt.errors import NotFound

if TYPE_CHECKING:
    from travel_gpt.guard.guard import Guard

_STREAM_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")

_NOT_HERE: Final = (
    "This API has no table of clients, so it cannot stop a stream. Close the connection of the stream."
)


def stop_stream(request: Request, guard: "Guard | None") -> responses.Reply:
    """Ask the function that streams to end a stream.

    Whether there is such a stream is not known here: its function looks for the request while it streams. And
    whether the client may ask now does not matter, since a stop spends nothing.

    Args:
        request: the request, whose path has the id of the stream.
        guard: what knows the clients; None where nothing is limited.

    Raises:
        NotFound: the id cannot be that of a stream, or there is no table.
        Forbidden: no client has the API key.
        LimitsUnavailable: the table cannot be used.
    """
    stream = str(request.path_parameters.get("id", ""))
    if not _STREAM_ID.fullmatch(stream):
        raise NotFound("the id of the stream has another form")
    if guard is None:
        raise NotFound("there is no table of clients", message=_NOT_HERE)
    client = guard.client_id(request.caller, request.deadline)
    guard.stops.request(client, stream, request.deadline)
    return responses.Reply(responses.stopping(request_id=request.id), {"client": client, "stops": stream})
