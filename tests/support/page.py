"""API Gateway's events for the routes of the page, as its script causes them."""

import json
from typing import Any

from tests.conftest import proxy_event

SITE = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
COOKIE = "__Host-travel-gpt"


def page_event(
    resource: str,
    body: object = None,
    *,
    site: str = SITE,
    cookie: str = "",
    headers: dict[str, str | None] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Return the event of a request that the page's script sends, without an API key.

    ``cookie``: the whole header. ``headers``: those that are other than the script's; None for absent.
    """
    scheme, _, host = site.partition("://")
    sent: dict[str, str | None] = {
        "Content-Type": "application/json",
        "Host": host,
        "Origin": site,
        "X-Forwarded-Proto": scheme,
        "X-Travel-GPT": "page",
        "Cookie": cookie or None,
        **(headers or {}),
    }
    given = {name: value for name, value in sent.items() if value is not None}
    about = {"path": f"/Prod{resource}", "resourcePath": resource, **changes.pop("requestContext", {})}
    return proxy_event(
        "post-without-key",
        **{
            "resource": resource,
            "path": resource,
            "headers": given,
            "multiValueHeaders": {name: [value] for name, value in given.items()},
            "body": None if body is None else json.dumps(body),
            "requestContext": about,
            **changes,
        },
    )
