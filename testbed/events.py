"""REST proxy events, in the shape API Gateway gives them to a function.

Recorded: apigateway/proxy event REST, the cases no-api-key-get and query-multi-value.
"""

import base64
import secrets
from datetime import UTC, datetime
from typing import Any

IDENTITY = [
    "cognitoIdentityPoolId",
    "accountId",
    "cognitoIdentityId",
    "caller",
    "principalOrgId",
    "sourceIp",
    "accessKey",
    "cognitoAuthenticationType",
    "cognitoAuthenticationProvider",
    "userArn",
    "userAgent",
    "user",
]
# About the connection, which ends at API Gateway: the function does not get them.
OF_THE_CONNECTION = frozenset({"connection", "content-length", "transfer-encoding"})


def proxy_event(
    *,
    resource: str,
    path: str,
    path_parameters: dict[str, str],
    query: list[tuple[str, str]],
    headers: list[tuple[str, str]],
    body: bytes,
    binary: bool,
    context: dict[str, Any],
    stage_variables: dict[str, str] | None,
) -> dict[str, Any]:
    """An event for a request.

    Args:
        resource: the resource, such as ``/stream/{id}``.
        path: the path as sent, without the stage.
        path_parameters: what the path has where the resource has a name in braces.
        query: decoded, in order.
        headers: in order.
        body: as sent.
        binary: whether the API treats it as binary.
        context: the request context, with what is known of the caller under ``identity``.
        stage_variables: the stage's.
    """
    parameters = _gather(query)
    passed = [(name, value) for name, value in headers if name.lower() not in OF_THE_CONNECTION]
    many = _gather([*passed, *_added(context)])
    moment = datetime.fromtimestamp(context["requestTimeEpoch"] / 1000, UTC)
    # API Gateway replaces what is not text, unless the API calls the media type binary.
    text = base64.b64encode(body).decode() if binary else body.decode(errors="replace")
    return {
        "resource": resource,
        "path": path,
        "httpMethod": context["httpMethod"],
        "headers": {name: values[-1] for name, values in many.items()},
        "multiValueHeaders": many,
        "queryStringParameters": {name: values[-1] for name, values in parameters.items()} or None,
        "multiValueQueryStringParameters": parameters or None,
        "pathParameters": path_parameters or None,
        "stageVariables": stage_variables or None,
        "requestContext": {
            **context,
            "requestTime": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "domainPrefix": context["apiId"],
            # The API key and its id are there only where the method asks for one.
            "identity": {**dict.fromkeys(IDENTITY), **context["identity"]},
        },
        "body": text if body else None,
        "isBase64Encoded": binary and bool(body),
    }


def _added(context: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("X-Amzn-Trace-Id", f"Root=1-{context['requestTimeEpoch'] // 1000:08x}-{secrets.token_hex(12)}"),
        ("X-Forwarded-For", context["identity"]["sourceIp"]),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ]


def _gather(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered
