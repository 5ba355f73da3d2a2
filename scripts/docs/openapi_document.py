"""docs/openapi.json: the API for programs."""

from typing import Any, Final

from scripts.docs.errors_page import meaning
from scripts.docs.openapi_page import page_paths
from scripts.docs.openapi_responses import failures, response
from scripts.docs.openapi_schemas import (
    CONSTRAINED_QUERY,
    QUERY,
    answer_example,
    failure_example,
    failure_with,
    health_example,
    reference,
    schemas,
    stopping_example,
    stream_example,
)
from travel_gpt import __version__
from travel_gpt.api.health import VERIFICATION_TTL
from travel_gpt.api.page.cookies import COOKIE
from travel_gpt.api.request import MAX_BODY_BYTES, MAX_QUERY_CHARACTERS, Verify
from travel_gpt.api.resources import QUERY as RESOURCE, STOP as STOP_RESOURCE, STREAM as STREAM_RESOURCE
from travel_gpt.errors import MethodNotAllowed, NotFound

Json = dict[str, Any]

_HEALTH: Final = (
    "Reports whether there is a usable credential, its source, and the kind of model server (`mode`). "
    "Without a credential the answer is 503, and `code` names the cause. It calls the model server only "
    "with `?verify=true`: one call that lists the models, whose result is shared for "
    f"{VERIFICATION_TTL} seconds."
)
_VERIFY: Final = (
    "Whether to verify the credential with a call to the model server. A stack that `./deploy.sh --keyless` "
    "prepared also accepts `workload-identity`, which verifies the function's own identity while a key is "
    "still used; other stacks refuse that value."
)
_VERIFY_STREAM: Final = (
    "As for GET, of the function that streams, which has a role of its own. Then the query is not answered."
)
_QUERY: Final = (
    "Answers a travel query. The body is a JSON object in UTF-8, of "
    f"{MAX_BODY_BYTES // 1024} KiB at most, with a `query` of 1 to {MAX_QUERY_CHARACTERS:,} characters, and "
    "fields beside it that say what a trip must keep to. With `format` `itinerary` the answer is a typed "
    "trip that code has checked: docs/itineraries.md. "
    "A stack that was deployed with `--access open` asks for no `x-api-key`."
)

_STREAM: Final = (
    "Answers a travel query with server-sent events while the model writes. The body, the access, the limits "
    "and the failures are those of `POST /travel-gpt`; what fails before the first words is an ordinary "
    "response with its status. Then come the events `start`, `delta` for each piece of the answer, `usage` "
    "and `done`, or at any time `error`, which is the last one. In the place of `delta`, an itinerary has "
    "`outline`, `day` and `revised` for each day, `itinerary` and `checks`. The data of each is a JSON "
    "object in one line. Lines that begin with a colon are comments, which keep the connection open. "
    "docs/streaming.md and docs/itineraries.md have more."
)
_STOP: Final = (
    "Ends a stream of the same client. Closing the connection is not enough on AWS, where the function does "
    "not learn of it. Whether there is such a stream is not said. A client that may not ask now can "
    "stop a stream all the same, also while the API is paused."
)


def get() -> Json:
    """Return the operation GET."""
    return {
        "operationId": "health",
        "summary": "Is there a working key?",
        "description": _HEALTH,
        "security": [],
        "parameters": [_verify(_VERIFY)],
        "responses": {
            "200": response(
                "There is a usable credential.",
                reference("Health"),
                {
                    "health": health_example(called=True),
                    "verified": health_example(verified=True),
                    "compatible": health_example("compatible"),
                    "demo": health_example("demo"),
                    "keyless": health_example("keyless"),
                },
            ),
            **failures("GET"),
        },
    }


def _verify(description: str) -> Json:
    values = [Verify.CREDENTIAL, Verify.NOTHING]
    return {
        "name": "verify",
        "in": "query",
        "description": description,
        "schema": {"type": "string", "enum": values, "default": Verify.NOTHING},
    }


# The empty requirement is OpenAPI's word for "without, too": a stack with --access open takes that.
_KEY_OR_OPEN: Final[list[Json]] = [{"api_key": []}, {}]


def stream() -> Json:
    """Return the operation that streams."""
    names = (
        "start",
        "delta",
        "outline",
        "day",
        "revised",
        "itinerary",
        "checks",
        "usage",
        "done",
        "error",
    )
    query = post()
    return {
        **query,
        "parameters": [*query["parameters"], _verify(_VERIFY_STREAM)],
        "operationId": "stream",
        "summary": "Ask for travel advice, and read it while it is written",
        "description": _STREAM,
        "responses": {
            "200": {
                "description": "The events; with `verify`, what a GET answers.",
                "content": {
                    "application/json": {
                        "schema": reference("Health"),
                        "examples": {"verified": {"value": health_example(verified=True)}},
                    },
                    "text/event-stream": {
                        # OpenAPI 3.1 has no word for one event of a stream; programs that read this, such as
                        # Schemathesis, take the schema for that of each event.
                        "schema": {"oneOf": [_event(name) for name in names]},
                        "examples": {"answer": {"value": stream_example()}},
                    },
                },
            },
            **failures("STREAM"),
        },
    }


def _event(name: str) -> Json:
    """Return the schema of one event, as OpenAPI 3.2 describes it ("Server-Sent Event Streams")."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": reference(f"Stream{name.capitalize()}"),
    }
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {"event": {"const": name}, "data": data},
    }


def stop() -> Json:
    """Return the operation that stops a stream."""
    return {
        "operationId": "stop",
        "summary": "Stop a stream",
        "description": _STOP,
        "security": _KEY_OR_OPEN,
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "The `request_id` of the event `start`.",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
            }
        ],
        "responses": {
            "202": response(
                "The stream ends within seconds, if there is one.",
                reference("Stopping"),
                {"stopping": stopping_example()},
            ),
            **failures("STOP"),
        },
    }


def post() -> Json:
    """Return the operation POST."""
    return {
        "operationId": "query",
        "summary": "Ask for travel advice",
        "description": _QUERY,
        "security": _KEY_OR_OPEN,
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": (
                    "A new value for each query, such as a UUID: 1 to 255 visible ASCII characters, with or "
                    "without quotation marks. The same query with the same value within ten minutes gets the "
                    "same answer, and is paid for once."
                ),
                "schema": {"type": "string", "pattern": '^("[!#-~]{1,255}"|[!#-~]{1,255})$'},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": reference("Query"),
                    "examples": {
                        "query": {"value": {"query": QUERY}},
                        "constraints": {"value": CONSTRAINED_QUERY},
                    },
                }
            },
        },
        "responses": {
            "200": {
                **response("The answer.", reference("Answer"), {"answer": answer_example()}),
                "headers": {
                    "RateLimit-Policy": reference("RateLimitPolicy", "headers"),
                    "RateLimit": reference("RateLimit", "headers"),
                    "Idempotency-Replayed": reference("IdempotencyReplayed", "headers"),
                },
            },
            **failures("POST"),
        },
    }


METHOD_NOT_ALLOWED: Final = {
    **response(
        f"- `{MethodNotAllowed.code}`: {meaning(MethodNotAllowed)}",
        failure_with("Failure", [MethodNotAllowed.code]),
        {MethodNotAllowed.code: failure_example(MethodNotAllowed, "POST")},
    ),
    "headers": {"Allow": reference("Allow", "headers")},
}
NOT_FOUND: Final = response(
    f"- `{NotFound.code}`: {meaning(NotFound)}",
    failure_with("Failure", [NotFound.code]),
    {NotFound.code: failure_example(NotFound, "POST")},
)


def openapi_document() -> Json:
    """Return the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Travel GPT",
            "version": __version__,
            "description": "A travel adviser. Every failure has a `code`; docs/errors.md explains each.",
        },
        "servers": [
            {"url": "http://127.0.0.1:3000/Prod", "description": "This machine: make run"},
            {
                "url": "https://{api_id}.execute-api.{region}.amazonaws.com/Prod",
                "description": f"AWS: the output ApiUrl of the stack, without {RESOURCE}",
                "variables": {"api_id": {"default": "a1b2c3d4e5"}, "region": {"default": "eu-west-1"}},
            },
        ],
        "paths": {
            RESOURCE: {
                "get": get(),
                "post": post(),
                # OpenAPI has no word for "any other method"; this is API Gateway's.
                "x-amazon-apigateway-any-method": {
                    "description": "Any other method.",
                    "responses": {"405": reference("MethodNotAllowed", "responses")},
                },
            },
            STREAM_RESOURCE: {"post": stream()},
            STOP_RESOURCE: {"post": stop()},
            **page_paths(post(), stream()),
        },
        "components": {
            "schemas": schemas(),
            "headers": {
                "RetryAfter": {
                    "description": "Seconds after which another try may succeed.",
                    "schema": {"type": "integer", "minimum": 1},
                },
                "RateLimitPolicy": {
                    "description": "The limits of the client's queries, as in "
                    "draft-ietf-httpapi-ratelimit-headers-11. Absent without limits.",
                    "schema": {"type": "string"},
                    "example": '"minute";q=10;w=60, "day";q=500;w=86400',
                },
                "RateLimit": {
                    "description": "Queries that are left of each limit (r), and the seconds until it renews "
                    "(t; absent where that is after Retry-After, which counts first).",
                    "schema": {"type": "string"},
                    "example": '"minute";r=9;t=42, "day";r=480;t=36000',
                },
                "IdempotencyReplayed": {
                    "description": "Present where the answer was given before to the same Idempotency-Key.",
                    "schema": {"type": "string", "const": "true"},
                },
                "Allow": {
                    "description": "The methods of this path.",
                    "required": True,
                    "schema": {"type": "string", "const": "GET, POST"},
                },
            },
            "responses": {"MethodNotAllowed": METHOD_NOT_ALLOWED, "NotFound": NOT_FOUND},
            "securitySchemes": {
                "api_key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": "The API key of a client. The owner of the API creates one with "
                    "`travel-gpt client add NAME`.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": f"__Host-{COOKIE}",
                    "description": "The session of a browser that accepted an invitation. The local server's "
                    f"cookie is `{COOKIE}-` and its port.",
                },
            },
        },
    }
