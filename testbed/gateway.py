"""API Gateway at work: a request to a stage becomes an event for the function, or a refusal.

It serves what the stage's deployment froze, asks for the API key where the method does, answers by itself
what API Gateway answers by itself, and lets the function run only if its policy allows the API to. It does
not count: throttles and quotas are the template's to say and AWS's to keep.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from botocore.exceptions import ClientError

from testbed import accesslog
from testbed.events import proxy_event
from testbed.policies import matches
from travel_gpt.local.responses import MalformedResponse, http_response

Answer = tuple[int, dict[str, str], bytes | Generator[bytes]]
"""Status, headers and body; the pieces of a body that is streamed."""
Invoke = Callable[[str, str, dict[str, Any], float], dict[str, Any]]
InvokeStream = Callable[[str, str, dict[str, Any], float], Generator[bytes]]
BODY_LIMIT = 10 * 1024 * 1024
# What API Gateway answers when no gateway response says otherwise: status, text, x-amzn-ErrorType. Recorded:
# apigateway/gateway response 403, 413, 500, 502 and 504. The error type of the 413 is assumed.
BUILT_IN = {
    "MISSING_AUTHENTICATION_TOKEN": (
        403,
        "Missing Authentication Token",
        "MissingAuthenticationTokenException",
    ),
    "INVALID_API_KEY": (403, "Forbidden", "ForbiddenException"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long", "RequestTooLongException"),
    "API_CONFIGURATION_ERROR": (500, "Internal server error", "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out", "InternalServerErrorException"),
    "DEFAULT_5XX": (502, "Internal server error", "InternalServerErrorException"),
}
FUNCTION_IN_URI = re.compile(
    r":lambda:path/(?:2015-03-31/functions/(?P<buffered>.+)/invocations"
    r"|2021-11-15/functions/(?P<streaming>.+)/response-streaming-invocations)$"
)
# Between the metadata and the payload, and within the first 16 KB. Source: API Gateway developer guide, "Set
# up a Lambda proxy integration with payload response streaming".
DELIMITER = bytes(8)
METADATA_LIMIT = 16 * 1024


def _resource(path: str, resources: set[str]) -> tuple[str, dict[str, str]]:
    """The resource that a path belongs to, and what it has where the resource has names in braces."""
    if path in resources:
        return path, {}
    for resource in sorted(resources):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(resource))
        if found := re.fullmatch(pattern, path):
            return resource, {name: unquote(value) for name, value in found.groupdict().items()}
    return path, {}


def _parts(streamed: Generator[bytes]) -> tuple[dict[str, Any], Generator[bytes]]:
    """The metadata and the payload of a streamed response.

    Raises:
        MalformedResponse: there is no metadata. That this is a 502, as without streaming, is assumed.
    """
    begun = b""
    for piece in streamed:
        begun += piece
        if DELIMITER in begun or len(begun) > METADATA_LIMIT + len(DELIMITER):
            break
    metadata, delimiter, first = begun.partition(DELIMITER)
    try:
        parsed = json.loads(metadata)
    except ValueError:
        parsed = None
    if not delimiter or len(metadata) > METADATA_LIMIT or not isinstance(parsed, dict):
        streamed.close()
        raise MalformedResponse("no metadata before the payload")

    def payload() -> Generator[bytes]:
        if first:
            yield first
        yield from streamed

    return {**parsed, "body": ""}, payload()


def _once(body: bytes) -> Generator[bytes]:
    yield body


def _followed(pieces: Generator[bytes], ended: Callable[[int], None]) -> Generator[bytes]:
    """The same pieces; at their end, or where the client leaves, it is said how long they were."""
    length = 0
    try:
        for piece in pieces:
            length += len(piece)
            yield piece
    finally:
        pieces.close()
        ended(length)


class Refused(Exception):
    """API Gateway answers by itself, with the gateway response of this type."""


class Gateway:
    """Every deployed API of the account.

    Args:
        control: asks the fake AWS (see ``account.AwsServer.control``).
        client: makes a boto3 client for a service and region.
        invoke: runs a function: region, name, event, seconds at the most.
        invoke_stream: runs a function that streams, and yields what it sends.
        account_id: twelve digits.

    Attributes:
        collects_streams: whether something before a client collects a streamed response, and passes it on
            once it is complete, as a proxy does.
    """

    def __init__(
        self,
        control: Callable[..., Any],
        client: Callable[[str, str], Any],
        invoke: Invoke,
        invoke_stream: InvokeStream,
        account_id: str,
    ) -> None:
        self._control, self._client, self._invoke, self._account_id = control, client, invoke, account_id
        self._invoke_stream = invoke_stream
        self.collects_streams = False

    def answer(
        self, api: str, region: str, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> Answer:
        """Answer a request.

        Args:
            api: the API's id, from the host name.
            region: from the host name too.
            method: the HTTP method.
            target: path and query, as sent.
            headers: as sent.
            body: as sent.
        """
        split = urlsplit(target)
        _, _, rest = split.path.partition("/")
        stage, _, path = rest.partition("/")
        served = self._control("stage", region=region, api=api, stage=stage)
        if served is None:
            return _gateway_response("INVALID_API_KEY", {}, _ids())
        context: dict[str, Any] = {
            "accountId": self._account_id,
            "apiId": api,
            "stage": stage,
            "path": split.path,
            "httpMethod": method,
            "protocol": "HTTP/1.1",
            **_ids(),
            "deploymentId": served["stage"].get("deploymentId"),
            "requestTimeEpoch": int(time.time() * 1000),
            "domainName": f"{api}.execute-api.{region}.amazonaws.com",
            "identity": {"sourceIp": "127.0.0.1", "userAgent": dict(headers).get("User-Agent")},
        }
        started = time.monotonic()
        try:
            answer = self._serve(served, context, region, f"/{path}", split.query, headers, body)
        except Refused as refused:
            context["error"] = {"responseType": str(refused)}
            answer = _gateway_response(str(refused), served["gatewayResponses"], context)
        settings = served["stage"]["accessLogSettings"]

        def ended(length: int) -> None:
            if settings:
                context["status"], context["responseLength"] = answer[0], length
                context["responseLatency"] = int((time.monotonic() - started) * 1000)
                accesslog.write(
                    self._client("logs", region), settings, accesslog.line(settings["format"], context)
                )

        status, sent, content = answer
        if isinstance(content, bytes):
            ended(len(content))
            return answer
        if self.collects_streams:
            content = _once(b"".join(content))
        return status, sent, _followed(content, ended)

    def _serve(
        self,
        served: dict[str, Any],
        context: dict[str, Any],
        region: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        methods = served["methods"]
        resource, parameters = _resource(path, {name.partition(" ")[2] for name in methods})
        found = methods.get(f"{context['httpMethod']} {resource}") or methods.get(f"ANY {resource}")
        if found is None:
            raise Refused("MISSING_AUTHENTICATION_TOKEN")
        key = next((value for name, value in headers if name.lower() == "x-api-key"), "")
        context |= {"resourceId": found["resourceId"], "resourcePath": resource}
        identity = context["identity"]
        if found["keyRequired"]:
            identity |= {"apiKey": key, "apiKeyId": served["keys"].get(key)}
            if identity["apiKeyId"] is None:
                raise Refused("INVALID_API_KEY")
        if len(body) > BODY_LIMIT:
            raise Refused("REQUEST_TOO_LARGE")
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        binary = any(matches(each, kind.partition(";")[0]) for each in served["binaryMediaTypes"])
        event = proxy_event(
            resource=resource,
            path=path,
            path_parameters=parameters,
            query=[(unquote_plus(k), v) for k, v in parse_qsl(query, keep_blank_values=True)],
            headers=headers,
            body=body,
            binary=binary,
            context=context,
            stage_variables=served["stage"]["variables"],
        )
        return self._run(found, context, region, event)

    def _run(
        self, method: dict[str, Any], context: dict[str, Any], region: str, event: dict[str, Any]
    ) -> Answer:
        function = FUNCTION_IN_URI.search(method["uri"])
        # Lambda is always called by POST (recorded: .../lambda-integration-method-not-post).
        if function is None or method["integrationMethod"] != "POST":
            raise Refused("API_CONFIGURATION_ERROR")
        name = (function["buffered"] or function["streaming"]).rsplit(":", 1)[-1]
        if not self._may_invoke(region, name, context):
            raise Refused("API_CONFIGURATION_ERROR")
        body: bytes | Generator[bytes]
        try:
            seconds = method["timeoutInMillis"] / 1000
            if function["streaming"]:
                metadata, payload = _parts(self._invoke_stream(region, name, event, seconds))
                answer, body = http_response(metadata), payload
            else:
                answer = http_response(self._invoke(region, name, event, seconds))
                body = answer.body
        except TimeoutError:
            raise Refused("INTEGRATION_TIMEOUT") from None
        except (ChildProcessError, MalformedResponse):
            raise Refused("DEFAULT_5XX") from None
        context["integration"] = {"status": 200, "requestId": str(uuid.uuid4())}
        together: dict[str, str] = {}
        for header, value in answer.headers:
            together[header] = f"{together[header]}, {value}" if header in together else value
        trace = {"X-Amzn-Trace-Id": event["headers"]["X-Amzn-Trace-Id"]}
        return answer.status, {**together, **_sent_with_every_answer(context), **trace}, body

    def _may_invoke(self, region: str, name: str, context: dict[str, Any]) -> bool:
        """Whether the function's own policy lets this API, stage, method and path in."""
        try:
            policy = json.loads(self._client("lambda", region).get_policy(FunctionName=name)["Policy"])
        except ClientError:
            return False
        source = (
            f"arn:aws:execute-api:{region}:{self._account_id}:{context['apiId']}"
            f"/{context['stage']}/{context['httpMethod']}{context['resourcePath']}"
        )
        for statement in policy["Statement"]:
            condition: Mapping[str, Any] = statement.get("Condition", {})
            sources = condition.get("ArnLike", {}).get("AWS:SourceArn", "*")
            if statement["Principal"] == {"Service": "apigateway.amazonaws.com"} and matches(sources, source):
                return True
        return False


def _ids() -> dict[str, str]:
    return {"requestId": str(uuid.uuid4()), "extendedRequestId": f"{uuid.uuid4().hex[:15]}="}


def _sent_with_every_answer(context: Mapping[str, Any]) -> dict[str, str]:
    return {"x-amzn-RequestId": context["requestId"], "x-amz-apigw-id": context["extendedRequestId"]}


def _gateway_response(kind: str, responses: dict[str, Any], context: Mapping[str, Any]) -> Answer:
    """The deployed gateway response of a type, of its default, or API Gateway's own words.

    A gateway response changes the status, the body and adds headers; x-amzn-ErrorType stays (recorded:
    apigateway/gateway response 429/throttle-headers-edge-custom-body).
    """
    status, message, error_type = BUILT_IN[kind]
    specific = responses.get(kind, {})
    default = responses.get("DEFAULT_4XX" if status < 500 else "DEFAULT_5XX", {})
    status = int(specific.get("statusCode") or default.get("statusCode") or status)
    templates = specific.get("templates") or default.get("templates") or {}
    parameters = specific.get("parameters") or default.get("parameters") or {}
    headers = {
        name.removeprefix("gatewayresponse.header."): value.strip("'") for name, value in parameters.items()
    }
    body = templates.get("application/json", '{"message":$context.error.messageString}')
    body = body.replace("$context.error.messageString", json.dumps(message))
    body = body.replace("$context.error.message", message).replace("$context.requestId", context["requestId"])
    own = {"Content-Type": "application/json", "x-amzn-ErrorType": error_type}
    return status, {**own, **_sent_with_every_answer(context), **headers}, body.encode()
