"""Who sent a request, as far as that was authenticated."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request."""

    address: str = ""
    """The IP address that the request came from; empty where API Gateway did not report one."""
    key_id: str = ""
    """The id of the API key that API Gateway authenticated; empty where it authenticated none."""
    session: str = field(default="", repr=False)
    """The token of a session of the page, not looked up yet; empty for every other request."""
