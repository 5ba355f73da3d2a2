"""docs/openapi.json: the API for programs."""

from typing import Any

from scripts.docs.openapi_operations import METHOD_NOT_ALLOWED, NOT_FOUND, get, post
from scripts.docs.openapi_schemas import reference, schemas
from travel_gpt import __version__
from travel_gpt.api.routes import RESOURCE

Json = dict[str, Any]


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
            }
        },
        "components": {
            "schemas": schemas(),
            "headers": {
                "RetryAfter": {
                    "description": "Seconds after which another try may succeed.",
                    "schema": {"type": "integer", "minimum": 1, "maximum": 3600},
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
                    "description": "The API key of the stack. Its owner reads it with `aws apigateway "
                    "get-api-key --api-key API_KEY_ID --include-value --query value --output text`.",
                }
            },
        },
    }
