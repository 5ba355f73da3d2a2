"""Imports an OpenAPI body into a REST API, as API Gateway does, by its public API."""

import re
from typing import Any

from testbed.stacks.document import InvalidTemplate

VENDOR = "x-amazon-apigateway-"
KNOWN_AT_ROOT = frozenset(
    VENDOR + name
    for name in ("gateway-responses", "api-key-source", "binary-media-types", "endpoint-configuration")
)
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch"})
ANY_METHOD = VENDOR + "any-method"
STREAMING_URI = re.compile(r":lambda:path/2021-11-15/functions/.+/response-streaming-invocations$")
# The most milliseconds by response transfer mode. STREAM: hashicorp/terraform-provider-aws pull request
# 45482, which has the words of the refusal too. BUFFERED: API Gateway quotas (an account may have more).
LONGEST = {"STREAM": 900_000, "BUFFERED": 29_000}
RESPONSE_PARAMETER = "gatewayresponse."


def import_body(gateway: Any, api_id: str, body: dict[str, Any]) -> None:
    """Replace everything an API serves by what a body describes.

    Args:
        gateway: a boto3 client for API Gateway.
        api_id: the API.
        body: OpenAPI 3 or Swagger 2, every function resolved.

    Raises:
        InvalidTemplate: something in it the fake AWS would leave out.
    """
    if "paths" not in body or not ("swagger" in body or str(body.get("openapi", "")).startswith("3")):
        raise InvalidTemplate("Errors found during import: Invalid OpenAPI input.")
    if unknown := sorted(key for key in body if key.startswith(VENDOR) and key not in KNOWN_AT_ROOT):
        raise InvalidTemplate(f"The fake AWS does not know {', '.join(unknown)}")
    root = _clear(gateway, api_id)
    schemes = body.get("components", {}).get("securitySchemes", body.get("securityDefinitions", {}))
    made = {"": root, "/": root}
    for path, item in body["paths"].items():
        resource = _resource(gateway, api_id, path, made)
        for verb, operation in item.items():
            if verb not in METHODS and verb != ANY_METHOD:
                raise InvalidTemplate(f"Errors found during import: {verb} is no method (of {path})")
            security = operation.get("security", body.get("security", []))
            _method(
                gateway,
                {
                    "restApiId": api_id,
                    "resourceId": resource,
                    "httpMethod": "ANY" if verb == ANY_METHOD else verb.upper(),
                },
                operation,
                key_required=_requires_key(security, schemes),
            )
    for kind, response in body.get(VENDOR + "gateway-responses", {}).items():
        _gateway_response(gateway, api_id, kind, response)


def _clear(gateway: Any, api_id: str) -> str:
    """Empty the API and return its root resource's id."""
    root = ""
    items = gateway.get_resources(restApiId=api_id, limit=500)["items"]
    # What is below another first.
    for item in sorted(items, key=lambda item: -len(item["path"])):
        if item["path"] == "/":
            root = item["id"]
            for verb in item.get("resourceMethods", {}):
                gateway.delete_method(restApiId=api_id, resourceId=root, httpMethod=verb)
        else:
            gateway.delete_resource(restApiId=api_id, resourceId=item["id"])
    for response in gateway.get_gateway_responses(restApiId=api_id)["items"]:
        gateway.delete_gateway_response(restApiId=api_id, responseType=response["responseType"])
    return root


def _resource(gateway: Any, api_id: str, path: str, made: dict[str, str]) -> str:
    path = path.rstrip("/")
    if path not in made:
        parent, _, part = path.rpartition("/")
        parent_id = _resource(gateway, api_id, parent, made)
        made[path] = gateway.create_resource(restApiId=api_id, parentId=parent_id, pathPart=part)["id"]
    return made[path]


def _method(gateway: Any, where: dict[str, str], operation: dict[str, Any], *, key_required: bool) -> None:
    known = {VENDOR + "integration"}
    if unknown := sorted(key for key in operation if key.startswith(VENDOR) and key not in known):
        raise InvalidTemplate(f"The fake AWS does not know {', '.join(unknown)}")
    integration = operation.get(VENDOR + "integration")
    if integration is None:
        raise InvalidTemplate(f"No integration defined for method {where['httpMethod']}")
    gateway.put_method(**where, authorizationType="NONE", apiKeyRequired=key_required)
    kind = integration["type"].upper()
    if kind != "AWS_PROXY":
        raise InvalidTemplate(f"The fake AWS has no integrations but AWS_PROXY, so not {kind}")
    mode, milliseconds = _transfer(integration)
    gateway.put_integration(
        **where,
        type=kind,
        integrationHttpMethod=integration.get("httpMethod", "POST"),
        uri=integration["uri"],
        timeoutInMillis=milliseconds,
        responseTransferMode=mode,
    )


def _transfer(integration: dict[str, Any]) -> tuple[str, int]:
    """How an integration's response reaches the caller, and how long API Gateway waits for it.

    STREAM belongs to the URI of InvokeWithResponseStream: API Gateway developer guide, "Set up a Lambda proxy
    integration with payload response streaming". With the URI of Invoke, PutIntegration is a 400
    (hashicorp/terraform-provider-aws issue 45649). Its exact words are assumed, and so is the refusal of the
    reverse.
    """
    mode = integration.get("responseTransferMode", "BUFFERED")
    if mode not in LONGEST:
        raise InvalidTemplate(f"Errors found during import: Invalid response transfer mode {mode}")
    milliseconds = int(integration.get("timeoutInMillis", 29_000))
    if not 50 <= milliseconds <= LONGEST[mode]:
        raise InvalidTemplate(f"Timeout should be between 50 ms and {LONGEST[mode]} ms")
    if (mode == "STREAM") != bool(STREAMING_URI.search(integration["uri"])):
        raise InvalidTemplate(f"Errors found during import: Invalid integration URI for {mode}")
    return mode, milliseconds


def _requires_key(security: list[dict[str, Any]], schemes: dict[str, Any]) -> bool:
    """Whether one of the requirements is API Gateway's own key, in the x-api-key header."""
    required = False
    for requirement in security:
        for name in requirement:
            scheme = schemes.get(name)
            if scheme is None:
                raise InvalidTemplate(f"Errors found during import: unknown security scheme {name}")
            if any(key.startswith(VENDOR) for key in scheme):
                raise InvalidTemplate(f"The fake AWS does not know authorizers ({name})")
            required |= (
                scheme.get("type") == "apiKey"
                and scheme.get("in") == "header"
                and scheme.get("name", "").lower() == "x-api-key"
            )
    return required


def _gateway_response(gateway: Any, api_id: str, kind: str, response: dict[str, Any]) -> None:
    if unknown := sorted(set(response) - {"statusCode", "responseParameters", "responseTemplates"}):
        raise InvalidTemplate(f"Gateway response {kind} has unknown members {unknown}")
    gateway.put_gateway_response(
        restApiId=api_id,
        responseType=kind,
        **({"statusCode": str(response["statusCode"])} if "statusCode" in response else {}),
        responseParameters={
            name if name.startswith(RESPONSE_PARAMETER) else RESPONSE_PARAMETER + name: value
            for name, value in response.get("responseParameters", {}).items()
        },
        responseTemplates=response.get("responseTemplates", {}),
    )
