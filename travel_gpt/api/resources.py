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
