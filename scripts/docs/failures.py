"""Every way in which a request fails, and who answers it: the function, or API Gateway by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from travel_gpt.errors import (
    HTTP_STATUS,
    ContentRefused,
    ContextLengthExceeded,
    CredentialError,
    InternalError,
    InvalidParameter,
    MethodNotAllowed,
    NotFound,
    RequestError,
    RequestTooLarge,
    TravelGPTError,
    UpstreamApiUnsupported,
    UpstreamError,
)
from travel_gpt.local.responses import REFUSALS, Refusal

Method = Literal["GET", "POST"]
METHODS: Final[tuple[Method, ...]] = ("GET", "POST")

# What is no request for the health or for an answer: a wrong path, or a method that the path does not have.
OF_THE_ADDRESS: Final = (NotFound, MethodNotAllowed)

_OF_THE_FUNCTION: Final[dict[Method, tuple[type[TravelGPTError], ...]]] = {
    "GET": (InvalidParameter, CredentialError, UpstreamError, InternalError),
    "POST": (RequestError, CredentialError, UpstreamError, InternalError),
}
# GET sends no query that could be refused, and does not call the Responses API; POST has no parameter.
_NEVER: Final[dict[Method, tuple[type[TravelGPTError], ...]]] = {
    "GET": (ContentRefused, ContextLengthExceeded, RequestTooLarge, UpstreamApiUnsupported),
    "POST": (*OF_THE_ADDRESS, InvalidParameter),
}


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
        method: GET or POST.

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
    """Return what API Gateway answers by itself to a method of the path."""
    return (occasion for occasion in OCCASIONS if method in occasion.methods)


def meaning(failure: type[TravelGPTError]) -> str:
    """Return what happened: the first line of the class's docstring."""
    return (failure.__doc__ or "").partition("\n")[0].replace("``", "`")
