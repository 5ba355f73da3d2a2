"""docs/errors.md, and every way in which a request fails: by the function, or by API Gateway itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from scripts.docs.tables import code, table
from travel_gpt.errors import (
    HTTP_STATUS,
    ClientDisabled,
    ClientExpired,
    ContentRefused,
    ContextLengthExceeded,
    CredentialError,
    Forbidden,
    InternalError,
    InvalidConstraint,
    InvalidItinerary,
    InvalidJson,
    InvalidParameter,
    InvitationInvalid,
    LimitError,
    LimitsUnavailable,
    MethodNotAllowed,
    Misconfigured,
    NotFound,
    OriginRefused,
    PageDisabled,
    PayloadTooLarge,
    RateLimited,
    RequestError,
    RequestTooLarge,
    SessionExpired,
    SessionRequired,
    StreamingDisabled,
    TravelGPTError,
    UnsupportedMediaType,
    UpstreamApiUnsupported,
    UpstreamError,
)
from travel_gpt.local.responses import REFUSALS, Refusal

Method = Literal[
    "GET",
    "POST",
    "STREAM",
    "STOP",
    "PAGE_ME",
    "PAGE_ASK",
    "PAGE_STREAM",
    "PAGE_STOP",
    "PAGE_REDEEM",
    "PAGE_SIGN_OUT",
]
"""The operations: those of /travel-gpt by their method, the POSTs of the paths below it, and the page's."""
METHODS: Final[tuple[Method, ...]] = ("GET", "POST")
"""Those of /travel-gpt. A failure has the same status in the others as in POST."""

# What is no request for the health or for an answer: a wrong path, or a method that the path does not have.
OF_THE_ADDRESS: Final = (NotFound, MethodNotAllowed)
# What only a stream is refused with.
OF_STREAMS: Final = (StreamingDisabled,)
# What only the web page's routes refuse a request with.
OF_THE_PAGE: Final = (SessionRequired, SessionExpired, OriginRefused, InvitationInvalid, PageDisabled)

_OF_THE_FUNCTION: Final[dict[Method, tuple[type[TravelGPTError], ...]]] = {
    "GET": (InvalidParameter, CredentialError, UpstreamError, InternalError),
    "POST": (RequestError, LimitError, CredentialError, UpstreamError, InternalError),
    "STREAM": (RequestError, LimitError, CredentialError, UpstreamError, InternalError),
    "STOP": (
        NotFound,
        Forbidden,
        LimitsUnavailable,
        Misconfigured,
        InternalError,
    ),
    # What else is wrong is in the body of its answer.
    "PAGE_ME": (PageDisabled, InternalError),
    "PAGE_ASK": (RequestError, LimitError, CredentialError, UpstreamError, InternalError),
    "PAGE_STREAM": (RequestError, LimitError, CredentialError, UpstreamError, InternalError),
    "PAGE_STOP": (
        NotFound,
        OriginRefused,
        PageDisabled,
        SessionExpired,
        SessionRequired,
        LimitsUnavailable,
        Misconfigured,
        InternalError,
    ),
    "PAGE_REDEEM": (
        InvalidConstraint,
        InvalidJson,
        InvitationInvalid,
        OriginRefused,
        PageDisabled,
        PayloadTooLarge,
        UnsupportedMediaType,
        ClientDisabled,
        ClientExpired,
        LimitsUnavailable,
        RateLimited,
        Misconfigured,
        InternalError,
    ),
    "PAGE_SIGN_OUT": (OriginRefused, PageDisabled, LimitsUnavailable, Misconfigured, InternalError),
}
# A session is neither an API key nor an invitation.
_OF_KEYS_AND_LINKS: Final = (Forbidden, InvitationInvalid)
# GET sends no query that could be refused, and does not call the Responses API; POST has no parameter.
_NEVER: Final[dict[Method, tuple[type[TravelGPTError], ...]]] = {
    "GET": (ContentRefused, ContextLengthExceeded, InvalidItinerary, RequestTooLarge, UpstreamApiUnsupported),
    "POST": (*OF_THE_ADDRESS, *OF_STREAMS, *OF_THE_PAGE, InvalidParameter),
    "STREAM": (*OF_THE_ADDRESS, *OF_THE_PAGE),
    "STOP": (),
    "PAGE_ME": (),
    "PAGE_ASK": (*OF_THE_ADDRESS, *OF_STREAMS, *_OF_KEYS_AND_LINKS, InvalidParameter),
    "PAGE_STREAM": (*OF_THE_ADDRESS, *_OF_KEYS_AND_LINKS, InvalidParameter),
    "PAGE_STOP": (),
    "PAGE_REDEEM": (),
    "PAGE_SIGN_OUT": (),
}
_KEYS: Final = ("INVALID_API_KEY", "ACCESS_DENIED", "QUOTA_EXCEEDED")


@dataclass(frozen=True, slots=True)
class Occasion:
    """When API Gateway gives one of its own answers."""

    kind: str
    """API Gateway's name for it."""
    when: str
    methods: tuple[Method, ...]
    """The methods that it happens to; none where the path or the method does not exist."""

    @property
    def refusal(self) -> Refusal:
        """The answer."""
        return REFUSALS[self.kind]

    @property
    def usual_status(self) -> str:
        """The HTTP status; ``4xx`` or ``5xx`` where every failure of the kind keeps its own."""
        return str(self.refusal.status or self.kind.removeprefix("DEFAULT_").lower())


OCCASIONS: Final = (
    Occasion("MISSING_AUTHENTICATION_TOKEN", "The path does not exist.", ()),
    Occasion("RESOURCE_NOT_FOUND", "The path does not exist.", ()),
    Occasion("INVALID_API_KEY", "`x-api-key` is missing, wrong or disabled.", ("POST",)),
    Occasion("ACCESS_DENIED", "A policy of the API refuses the caller.", ("POST",)),
    Occasion(
        "THROTTLED", "More requests came at once than the stage or the usage plan lets through.", METHODS
    ),
    Occasion("QUOTA_EXCEEDED", "The API key has used up the queries of its usage plan.", ("POST",)),
    Occasion("REQUEST_TOO_LARGE", "The request is larger than API Gateway takes (10 MB).", ("POST",)),
    Occasion("UNSUPPORTED_MEDIA_TYPE", "API Gateway does not take the type of the body.", ("POST",)),
    Occasion("INTEGRATION_TIMEOUT", "The function did not answer within 29 s.", METHODS),
    Occasion("INTEGRATION_FAILURE", "The function crashed, or could not be called.", METHODS),
    Occasion("DEFAULT_4XX", "API Gateway refuses the request for another reason.", METHODS),
    Occasion("DEFAULT_5XX", "API Gateway failed.", METHODS),
)


def of_the_function(method: Method) -> Iterator[tuple[int, type[TravelGPTError]]]:
    """Return what the function answers when a request fails, in the order of the error table.

    Args:
        method: the operation.

    Returns:
        The HTTP status and the class of each failure.
    """
    for failure in HTTP_STATUS:
        if issubclass(failure, _OF_THE_FUNCTION[method]) and not issubclass(failure, _NEVER[method]):
            yield status_of(failure, method), failure


def status_of(failure: type[TravelGPTError], method: Method) -> int:
    """Return the HTTP status of a failure: a GET without a usable credential is always 503."""
    if method == "GET" and issubclass(failure, CredentialError):
        return 503
    return HTTP_STATUS[failure]


def of_the_gateway(method: Method) -> Iterator[Occasion]:
    """Return what API Gateway answers by itself to an operation."""
    # It waits longer for a stream than for an answer, and then answers the same.
    never: tuple[str, ...] = ("INTEGRATION_TIMEOUT",) if method in ("STREAM", "PAGE_STREAM") else ()
    if method.startswith("PAGE_"):
        # The page's methods need no API key.
        never += _KEYS
    own = "GET" if method in ("GET", "PAGE_ME") else "POST"
    return (each for each in OCCASIONS if own in each.methods and each.kind not in never)


def meaning(failure: type[TravelGPTError]) -> str:
    """Return what happened: the first line of the class's docstring."""
    return (failure.__doc__ or "").partition("\n")[0].replace("``", "`")


_INTRODUCTION: Final = """\
<!-- Generated by scripts/generate_docs.py from travel_gpt/errors.py: run make docs. -->
# Errors

Every failure has this body:

```json
{"status":"error","code":"invalid_json","message":"…","request_id":"…","timestamp":1234567890}
```

Programs should use `code`; `message` is for people, and its wording may change. Search the logs for
`request_id`. The function's answers to GET also have `has_api_key` and `credential_source`, and `mode` and
`last_call` where they are known. API Gateway's own answers have no `timestamp`; the access log has their
reason in `refusal`.

The function logs one line for each request that reaches it, with `code` and `detail`. The detail is for the
owner and is not sent to the caller. [operations/alarms.md](operations/alarms.md) has
queries that search for them.
"""

# Codes that only API Gateway uses: there is no class for them.
GATEWAY_ONLY: Final = {
    "bad_request": (
        "API Gateway cannot understand the request.",
        "Check the request line, the headers and the URL.",
        "Look at `refusal` in the access log.",
    ),
}


def errors_page() -> str:
    """Return docs/errors.md."""
    failures: dict[str, type[TravelGPTError] | None] = {failure.code: failure for failure in HTTP_STATUS}
    entries = [_Entry(code, failures.get(code)) for code in sorted({*failures, *GATEWAY_ONLY})]
    overview = table(
        ("Code", "Status", "What happened"),
        ((f"[`{entry.code}`](#{entry.code})", entry.statuses, entry.texts[0]) for entry in entries),
    )
    return f"{_INTRODUCTION}\n{overview}\n\n" + "\n".join(entry.section for entry in entries)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One code on the page."""

    code: str
    failure: type[TravelGPTError] | None
    """None where only API Gateway uses the code."""

    @property
    def texts(self) -> tuple[str, str, str]:
        """What happened, what the caller can do, what the owner can do."""
        if self.failure is None:
            return GATEWAY_ONLY[self.code]
        return meaning(self.failure), self.failure.advice, self.failure.remedy

    @property
    def occasions(self) -> dict[tuple[str, str], list[Occasion]]:
        """When API Gateway gives this code by itself: the same reason and status under several names."""
        grouped: dict[tuple[str, str], list[Occasion]] = {}
        for occasion in OCCASIONS:
            if occasion.refusal.code == self.code:
                grouped.setdefault((occasion.when, occasion.usual_status), []).append(occasion)
        return grouped

    @property
    def statuses(self) -> str:
        """Every status that the code comes with, and for which method where that matters."""
        found: dict[str, str] = {}
        if self.failure in (*OF_THE_ADDRESS, *OF_STREAMS, *OF_THE_PAGE):
            found[str(HTTP_STATUS[self.failure])] = ""
        for method in METHODS:
            for status, failure in of_the_function(method):
                if failure is self.failure:
                    found[str(status)] = f" ({method})" if str(status) not in found else ""
        if len(found) == 1:
            found = dict.fromkeys(found, "")
        for _, own in self.occasions:
            found.setdefault(own, " (API Gateway)" if found else "")
        return ", ".join(status + method for status, method in found.items())

    @property
    def section(self) -> str:
        happened, advice, remedy = self.texts
        messages = [self.failure.message] if self.failure else []
        messages += [kind.refusal.message for kinds in self.occasions.values() for kind in kinds]
        lines = [
            f"## {self.code}\n",
            f"{happened}\n",
            f"- **Status:** {self.statuses}",
            f"- **Message:** {' or '.join(code(message) for message in dict.fromkeys(messages))}",
            f"- **Caller:** {advice}",
            f"- **Owner:** {remedy}",
        ]
        for (when, status), kinds in self.occasions.items():
            wait = kinds[0].refusal.headers.get("Retry-After")
            waits = f", `Retry-After: {wait}`" if wait else ""
            names = ", ".join(code(kind.kind) for kind in kinds)
            lines.append(f"- **By API Gateway itself** ({names}): {when} Status {status}{waits}.")
        return "\n".join(lines) + "\n"
