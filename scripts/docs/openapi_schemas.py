"""The schemas of the OpenAPI document and its examples, both from the code that answers."""

import json
import types
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints, is_typeddict

from scripts.docs.errors_page import Method
from scripts.docs.request_schema import request_schema
from scripts.docs.trip_schemas import component_schemas, model_schemas
from travel_gpt.advisor.adviser import LastCall
from travel_gpt.api import responses
from travel_gpt.api.health import VERIFICATION_TTL, CredentialStatus
from travel_gpt.api.page.me import ClientBody, MeBody, ProblemBody
from travel_gpt.api.page.redeem import RedeemBody, RedeemedBody
from travel_gpt.api.page.sign_out import SignedOutBody
from travel_gpt.api.responses import (
    AnswerBody,
    BudgetBody,
    ChecksBody,
    FailureBody,
    HealthBody,
    LastCallBody,
    Mode,
    ProxyResponse,
    RepairBody,
    StoppingBody,
    UsageBody,
)
from travel_gpt.api.sse import (
    ChecksData,
    DayData,
    DeltaData,
    DoneData,
    ErrorData,
    ItineraryData,
    OutlineData,
    StartData,
    UsageData,
    event,
)
from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.errors import CredentialError, Misconfigured, TravelGPTError
from travel_gpt.llm.model_api import Answer, Usage
from travel_gpt.local.responses import Refusal
from travel_gpt.settings import Settings

Schema = dict[str, Any]

_TYPES: Final = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    types.NoneType: "null",
}

_FIELDS: Final[dict[str, Schema]] = {
    "status": {"description": "Whether it worked."},
    "message": {"description": "What happened, for a person. The words may change; programs look at `code`."},
    "has_api_key": {
        "description": "Whether there is an API key that can be used. false beside `status` `success`: the "
        "function authenticates with its own identity, or the model server asks for no key."
    },
    "mode": {
        "description": "What answers queries: `openai`, another server that speaks its API (`compatible`), "
        "`openai` with the function's own identity in the place of a key (`keyless`), or the built-in `demo`."
    },
    "last_call": {
        "description": "How the last query to the model ended, in the function's environment that answers."
    },
    "outcome": {"description": "`success`, or the code of the failure."},
    "seconds_ago": {"description": "How long ago it ended.", "minimum": 0},
    "code": {"description": "What happened, for a program. Each code is explained in docs/errors.md."},
    "credential_source": {"description": "Where the key comes from. Never anything of its value."},
    "warnings": {
        "description": "What should be looked at although it worked. GET: the previous key serves, the store "
        "is away, the key expires within 7 days, or a source was skipped. POST: 80 % of a budget is used."
    },
    "verified": {
        "description": "A call to OpenAI verified the key: now, or for somebody else in the last "
        f"{VERIFICATION_TTL} seconds."
    },
    "request_id": {"description": "The id of this request, to be found in the logs."},
    "timestamp": {"description": "When it was answered, in seconds since 1970 (UTC).", "format": "int64"},
    "answer": {"description": "The model's answer, in plain text and in the language of the query."},
    "model": {"description": "The model that answered, as its server calls it."},
    "usage": {"description": "The tokens of the call. null: the server did not say."},
    "truncated": {
        "description": "Whether the answer was cut short because it reached the cap on its tokens."
    },
    "input_tokens": {"description": "Tokens of the query and the instructions."},
    "output_tokens": {"description": "Tokens of the answer."},
    "total_tokens": {"description": "Both."},
    "cost_usd": {
        "description": "What the query cost, by the price list of this version. null: the server did not "
        "report its usage, and what was reserved stays counted."
    },
    "budget": {"description": "Of the budgets that the query counts in, the one with the least left."},
    "text": {"description": "The next piece of the answer. The pieces together are the answer."},
    "repeated": {"description": "true: the answer was given before to the same Idempotency-Key."},
    "stopped": {"description": "true: the client stopped the stream."},
    "text_milliseconds": {
        "description": "Milliseconds from the first `delta` to the end of the text, when they were sent. "
        "Where they arrive in much less, something on the way collects the events.",
        "minimum": 0,
    },
    "retry_after": {"description": "Seconds after which another try may succeed.", "minimum": 1},
    "itinerary": {"$ref": "#/components/schemas/Trip", "description": "The trip."},
    "day": {
        "$ref": "#/components/schemas/Day",
        "description": "A day of the trip. Of the event `day` it is provisional until `checks`.",
    },
    "understood": {
        "description": "What was asked, as it was used: the fields of the request, and those that the query "
        "alone said, whose names are in `from_query`."
    },
    "checks": {"description": "What the rules say of the trip. docs/itineraries.md lists them."},
    "repair": {"description": "What became of the violations that went back to the model."},
    "errors": {"description": "Violations that are errors.", "minimum": 0},
    "notes": {"description": "Violations that are notes.", "minimum": 0},
    "rules_that_apply": {
        "description": "Rules about something that was asked or planned.",
        "minimum": 0,
    },
    "rules_checked": {"description": "Those of them that could be checked, at least in part.", "minimum": 0},
    "share_checked": {
        "description": "The mean of `checked` over the rules that apply and are not `computed`.",
        "minimum": 0,
        "maximum": 1,
    },
    "share_needed": {
        "description": "The share that a verified trip needs: of all rules, and of each error rule.",
        "minimum": 0,
        "maximum": 1,
    },
    "results": {"items": {"$ref": "#/components/schemas/Result"}, "description": "That of each rule."},
    "days": {"description": "The numbers of the days that were changed."},
    "before": {"description": "The rules with violations before the repair."},
    "access": {"description": "`open`: anyone may ask. `invitation`: a session is needed."},
    "session": {"description": "Whether the browser has a session, and whether that may still be used."},
    "client": {"description": "The client that the session asks as; null without a session."},
    "device": {"description": "The name of the browser in its session; null without a session."},
    "streaming": {"description": "Whether answers can be streamed."},
    "itinerary_days": {"description": "Days of the longest trip; 0 for answers in prose only.", "minimum": 0},
    "problem": {
        "description": "What a query would be refused with now; null where nothing is known against it, and "
        "without a session."
    },
    "name": {"description": "Its name."},
    "expires_at": {"description": "When its access ends, in seconds since 1970 (UTC); null for never."},
    "nonce": {
        "description": "32 random bytes in base64url, the same for each try with one code: a lost reply "
        "uses up no device.",
        "pattern": "^[A-Za-z0-9_-]{43}$",
    },
    "whose": {"description": "`client`, or `api` for all clients together."},
    "period": {"description": "`day` or `month` (UTC)."},
    "limit_usd": {"description": "The budget.", "minimum": 0},
    "left_usd": {
        "description": "What is left of it, without what is reserved for queries under way.",
        "minimum": 0,
    },
    "renews_at": {"description": "When it renews, in seconds since 1970 (UTC).", "format": "int64"},
}

_OF_ITINERARIES: Final = ("itinerary", "understood", "checks", "repair")

_NO_KEY_IN_THESE_MODES: Final[Schema] = {
    "if": {"properties": {"mode": {"enum": ["demo", "keyless"]}}},
    "then": {"properties": {"has_api_key": {"const": False}}},
}


def schemas() -> dict[str, Schema]:
    """Return every schema of the document, by its name in ``components``."""
    return {
        "Query": request_schema(),
        "Health": _object(
            HealthBody,
            without=("code",),
            optional={
                "verified": "Only where `?verify=true` asked for it.",
                "last_call": "Only where there was one.",
                "warnings": "Only where there are some.",
            },
            status="success",
            verified=True,
        )
        | _NO_KEY_IN_THESE_MODES,
        "HealthFailure": _object(
            HealthBody,
            without=("verified", "warnings"),
            optional={
                "credential_source": "Absent when the function could not even start.",
                "mode": "Absent without a credential: a secret may name another server.",
                "last_call": "Only where there was one.",
            },
            status="error",
        ),
        "Answer": _object(
            AnswerBody,
            optional={
                "budget": "Only where there is a budget.",
                "warnings": "Only where there are some.",
                **dict.fromkeys(_OF_ITINERARIES, "Only where `format` is `itinerary`."),
            },
            status="success",
        ),
        "StreamStart": _object(StartData, optional={"repeated": "Absent otherwise."}),
        "StreamDelta": _object(DeltaData),
        "StreamOutline": _object(OutlineData),
        "StreamDay": _object(DayData),
        "StreamRevised": _object(DayData),
        "StreamItinerary": _object(ItineraryData),
        "StreamChecks": _object(ChecksData),
        "StreamUsage": _object(
            UsageData,
            optional={
                "budget": "Only where there is a budget.",
                "warnings": "Only where there are some.",
            },
        ),
        "StreamDone": _object(
            DoneData,
            optional={
                "stopped": "Absent otherwise.",
                "text_milliseconds": "Absent where the answer was stopped, or was given before.",
            },
        ),
        "StreamError": _object(ErrorData, optional={"retry_after": "Only where that is known."}),
        "Stopping": _object(StoppingBody, status="success"),
        "Me": _with(
            _object(MeBody, status="success"),
            budget="Of the budgets that a query would count in, the one with the least left; null without "
            "one, and for a visitor who may not ask.",
        ),
        "Redeem": _with(
            _object(RedeemBody),
            code="What stands after `#invitation=` in the link.",
            device="A name for the browser, which its owner sees. It is cut after 60 characters.",
        ),
        "Redeemed": _object(RedeemedBody, status="success"),
        "SignedOut": _object(SignedOutBody, status="success"),
        "Client": _object(ClientBody),
        "Problem": _with(
            _object(ProblemBody),
            retry_after="Seconds after which another try may succeed; null where that is not known.",
        ),
        "Usage": _object(UsageBody, optional={"cost_usd": "Only where costs are counted."}),
        "Budget": _object(BudgetBody),
        "Checks": _with(
            _object(ChecksBody),
            verified="Whether there is no error, and `share_checked`, and `checked` of each error rule that "
            "applies, are `share_needed` at least.",
            warnings="Violations that are warnings.",
        ),
        "Repair": _with(_object(RepairBody), outcome="How it ended: see docs/itineraries.md."),
        **component_schemas("#/components/schemas/"),
        **model_schemas(),
        "LastCall": _object(LastCallBody),
        "Failure": _object(
            FailureBody, optional={"timestamp": "API Gateway's own answers have none."}, status="error"
        ),
    }


def failure_with(schema: str, codes: list[str], *, or_else: str = "") -> Schema:
    """Return the schema of a failure that has one of some codes.

    Args:
        schema: the name of the schema, such as ``Failure``.
        codes: the codes.
        or_else: the name of another schema that will do as well.

    Returns:
        The schema, by reference.
    """
    known = {"code": {"const": codes[0]} if len(codes) == 1 else {"enum": codes}}
    body = {"anyOf": [reference(schema), reference(or_else)]} if or_else else reference(schema)
    return {"allOf": [body, {"properties": known}]}


def reference(name: str, kind: str = "schemas") -> Schema:
    """Return a reference to a component.

    Args:
        name: its name.
        kind: which components it is one of.

    Returns:
        The reference.
    """
    return {"$ref": f"#/components/{kind}/{name}"}


def _object(
    body: type, *, without: tuple[str, ...] = (), optional: dict[str, str] | None = None, **constants: object
) -> Schema:
    """Make the schema of a body.

    Args:
        body: its TypedDict.
        without: the fields of the TypedDict that this body never has.
        optional: the fields that it may lack, with the reason.
        constants: the fields that always have one value.

    Returns:
        The schema. Fields that it does not name are allowed: the contract lets more be added.
    """
    optional = optional or {}
    properties: dict[str, Schema] = {}
    for name, kind in get_type_hints(body).items():
        if name in without:
            continue
        properties[name] = {**_of_type(kind), **_FIELDS[name]}
        if name in constants:
            properties[name]["const"] = constants[name]
        if name in optional:
            properties[name]["description"] += f" {optional[name]}"
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }


def _with(schema: Schema, **descriptions: str) -> Schema:
    """Describe fields that mean something else in other bodies."""
    for name, description in descriptions.items():
        schema["properties"][name]["description"] = description
    return schema


def _of_type(kind: Any) -> Schema:
    if is_typeddict(kind):
        return reference(kind.__name__.removesuffix("Body"))
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    if get_origin(kind) is dict:
        return {"type": "object"}
    if get_origin(kind) is list:
        return {"type": "array", "items": _of_type(get_args(kind)[0])}
    options = get_args(kind) or (kind,)
    if any(is_typeddict(option) for option in options):
        return {"anyOf": [_of_type(option) for option in options]}
    kinds = [_TYPES[option] for option in options]
    return {"type": kinds[0] if len(kinds) == 1 else kinds}


QUERY: Final = "Two days in Lisbon in May, on foot, for 200 euros?"
CONSTRAINED_QUERY: Final[Schema] = {
    "query": "Where the trams go, and where people of the place eat.",
    "origin": "Berlin",
    "destinations": ["Lisbon", "Porto"],
    "nights": 7,
    "travellers": {"adults": 2, "children": [4]},
    "budget": {"amount": 1500, "currency": "EUR"},
    "pace": "relaxed",
    "diet": ["vegetarian"],
}
"""Without dates, which would be in the past one day."""

_REQUEST_ID: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
_TIMESTAMP: Final = 1234567890
_ANSWER: Final = (
    "Day 1: Baixa and Alfama on foot, up to the castle for the evening light.\n"
    "Day 2: Belém by tram 15E, back along the river.\n"
    "Verify before booking: opening days of the castle and the monastery (their operators)."
)


def health_example(mode: Mode = "openai", *, verified: bool = False, called: bool = False) -> Schema:
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


def answer_example() -> Schema:
    """Return the body of a POST that was answered."""
    said = Answer(text=_ANSWER, model=Settings().model, usage=Usage(689, 78, 767), truncated=False)
    return _body(responses.answered(said, request_id=_REQUEST_ID))


def stream_example() -> str:
    """Return the body of a stream."""
    answer = answer_example()
    first, rest = answer["answer"].split("\n", 1)
    events = (
        event("start", StartData(request_id=_REQUEST_ID, model=answer["model"])),
        event("delta", DeltaData(text=f"{first}\n")),
        event("delta", DeltaData(text=rest)),
        event("usage", UsageData(usage=answer["usage"])),
        event("done", DoneData(truncated=False, text_milliseconds=1840)),
    )
    return b"".join(events).decode()


def stopping_example() -> Schema:
    """Return the body of a POST that stops a stream."""
    return _body(responses.stopping(request_id=_REQUEST_ID))


def failure_example(kind: type[TravelGPTError], method: Method) -> Schema:
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


def refusal_example(refused: Refusal) -> Schema:
    """Return the body of what API Gateway answers by itself."""
    body: Schema = json.loads(refused.body(_REQUEST_ID))
    return body


def _body(response: ProxyResponse) -> Schema:
    body: Schema = json.loads(response["body"])
    return {**body, "timestamp": _TIMESTAMP}


# The message of these names what is wrong.
_MESSAGES: Final[dict[type[TravelGPTError], str]] = {
    Misconfigured: "A setting of this deployment is wrong: "
    f"{Settings.load({'OPENAI_API': 'grpc'}).problems[0]}."
}
