"""The resources of the API, by the names that template.yaml and API Gateway's events have for them."""

from typing import Final

QUERY: Final = "/travel-gpt"
STREAM: Final = f"{QUERY}/stream"
STOP: Final = f"{STREAM}/{{id}}/stop"

ROOT: Final = "/"
PAGE: Final = f"{QUERY}/app"
PAGE_ASSET: Final = f"{PAGE}/assets/{{file}}"

PAGE_API: Final = f"{PAGE}/api"
PAGE_ME: Final = f"{PAGE_API}/me"
PAGE_ASK: Final = f"{PAGE_API}/ask"
PAGE_STREAM: Final = f"{PAGE_API}/stream"
PAGE_STOP: Final = f"{PAGE_STREAM}/{{id}}/stop"
PAGE_REDEEM: Final = f"{PAGE_API}/redeem"
PAGE_SIGN_OUT: Final = f"{PAGE_API}/sign-out"

STREAMS: Final = frozenset({STREAM, PAGE_STREAM})
"""Those whose POST the function that streams answers."""

ALL: Final = (
    QUERY,
    STREAM,
    STOP,
    ROOT,
    PAGE,
    PAGE_ASSET,
    PAGE_ME,
    PAGE_ASK,
    PAGE_STREAM,
    PAGE_STOP,
    PAGE_REDEEM,
    PAGE_SIGN_OUT,
)

WITH_API_KEY: Final = frozenset({QUERY, STREAM, STOP})
"""Those whose POST needs an API key, unless the API is open."""
