"""Bodies as the code makes them, with a fixed id and time."""

import json
from typing import Any, Final

from scripts.docs.failures import Method
from travel_gpt.advisor.adviser import LastCall
from travel_gpt.api import responses
from travel_gpt.api.health import CredentialStatus
from travel_gpt.api.responses import Mode, ProxyResponse
from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.errors import CredentialError, Misconfigured, TravelGPTError
from travel_gpt.llm.model_api import Answer, Usage
from travel_gpt.local.responses import Refusal
from travel_gpt.settings import Settings

Json = dict[str, Any]

QUERY: Final = "Two days in Lisbon in May, on foot, for 200 euros?"

_REQUEST_ID: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
_TIMESTAMP: Final = 1234567890
_ANSWER: Final = (
    "Day 1: Baixa and Alfama on foot, up to the castle for the evening light.\n"
    "Day 2: Belém by tram 15E, back along the river.\n"
    "Verify before booking: opening days of the castle and the monastery (their operators)."
)


def health(mode: Mode = "openai", *, verified: bool = False, called: bool = False) -> Json:
    """Return the body of a GET that found a usable credential.

    Args:
        mode: the mode.
        verified: whether the request asked to verify the credential.
        called: whether a query was sent to the model before.
    """
    return _body(
        responses.healthy(
            CredentialStatus(mode, has_api_key=mode in ("openai", "compatible")),
            source="workload-identity" if mode == "keyless" else SecretsManagerSource.name,
            verified=verified,
            last_call=LastCall("success", seconds_ago=42) if called else None,
            request_id=_REQUEST_ID,
        )
    )


def answer() -> Json:
    """Return the body of a POST that was answered."""
    said = Answer(text=_ANSWER, model=Settings().model, usage=Usage(689, 78, 767), truncated=False)
    return _body(responses.answered(said, request_id=_REQUEST_ID))


def failure(kind: type[TravelGPTError], method: Method) -> Json:
    """Return the body of a failure that the function answers."""
    happened = kind(message=_MESSAGES.get(kind))
    if method == "GET":
        return _body(
            responses.unhealthy(
                happened,
                # Where the credential itself is missing, the mode is not known either.
                None if issubclass(kind, CredentialError) else CredentialStatus("openai", has_api_key=True),
                source=SecretsManagerSource.name,
                request_id=_REQUEST_ID,
            )
        )
    return _body(responses.failed(happened, request_id=_REQUEST_ID))


def refusal(refused: Refusal) -> Json:
    """Return the body of what API Gateway answers by itself."""
    body: Json = json.loads(refused.body(_REQUEST_ID))
    return body


def _body(response: ProxyResponse) -> Json:
    body: Json = json.loads(response["body"])
    return {**body, "timestamp": _TIMESTAMP}


# The message of these names what is wrong.
_MESSAGES: Final[dict[type[TravelGPTError], str]] = {
    Misconfigured: "A setting of this deployment is wrong: "
    f"{Settings.load({'OPENAI_API': 'grpc'}).problems[0]}."
}
