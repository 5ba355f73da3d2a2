"""The API: who gets in, how often, and what API Gateway says by itself."""

import copy
import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.support.compiled_template import CompiledStack, compile_stack
from travel_gpt.api.responses import COMMON_HEADERS
from travel_gpt.local import usage_plan
from travel_gpt.local.responses import REFUSALS
from travel_gpt.local.usage_plan import Throttle

ANY = "x-amazon-apigateway-any-method"
STREAM, STOP = "/travel-gpt/stream", "/travel-gpt/stream/{id}/stop"
PAGE = "/travel-gpt/app"
PAGE_STREAM = f"{PAGE}/api/stream"
# What people load, what they ask, and where somebody could guess: each with the throttle of its kind.
LOADED = ("/", PAGE, f"{PAGE}/assets/{{file}}", f"{PAGE}/api/me")
ASKED = (f"{PAGE}/api/ask", PAGE_STREAM, f"{PAGE_STREAM}/{{id}}/stop")
GUESSED = (f"{PAGE}/api/redeem", f"{PAGE}/api/sign-out")
INTEGRATION = "x-amazon-apigateway-integration"
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
STRICT = "Strict-Transport-Security"


def body(stack: CompiledStack) -> dict[str, Any]:
    found: dict[str, Any] = stack.one("AWS::ApiGateway::RestApi")["Body"]
    return found


def operations(stack: CompiledStack) -> dict[tuple[str, str], dict[str, Any]]:
    """Every operation by its path and method."""
    paths = body(stack)["paths"].items()
    return {(path, verb): operation for path, item in paths for verb, operation in item.items()}


def keyed_methods(stack: CompiledStack) -> set[tuple[str, str]]:
    """The paths and methods that API Gateway lets through with an API key only."""
    api = body(stack)
    assert "security" not in api
    assert api["components"]["securitySchemes"] == {
        "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}
    }
    secured = {
        where: operation["security"]
        for where, operation in operations(stack).items()
        if "security" in operation
    }
    assert all(security == [{"api_key": []}] for security in secured.values())
    return set(secured)


def test_every_path_is_declared_and_nothing_is_greedy(any_stack: CompiledStack) -> None:
    assert {path: set(item) for path, item in body(any_stack)["paths"].items()} == {
        "/travel-gpt": {"get", "post", ANY},
        STREAM: {"post", ANY},
        STOP: {"post", ANY},
        **{path: {"get", ANY} for path in LOADED},
        **{path: {"post", ANY} for path in (*ASKED, *GUESSED)},
    }


def test_the_names_in_a_path_are_declared_where_they_are(any_stack: CompiledStack) -> None:
    for (path, _), operation in operations(any_stack).items():
        declared = [(each["name"], each["in"], each["required"]) for each in operation.get("parameters", [])]
        assert declared == [(name, "path", True) for name in re.findall(r"{(\w+)}", path)]


def test_no_two_operations_have_one_id(any_stack: CompiledStack) -> None:
    ids = [operation["operationId"] for where, operation in operations(any_stack).items() if where[1] != ANY]

    assert len(ids) == len(set(ids))


def test_each_path_may_call_the_function_that_answers_it(any_stack: CompiledStack) -> None:
    # Given what the policies of the functions allow: API Gateway names the stage, the method and the resource
    start = "arn:aws:execute-api:eu-central-1:123456789012:<TravelGPTApi>"
    allowed = [
        (permission["FunctionName"].strip("<>"), permission["SourceArn"])
        for permission in any_stack.all("AWS::Lambda::Permission").values()
        if permission["Principal"] == "apigateway.amazonaws.com"
    ]

    # Then they allow every operation, and the stream functions nothing but streams
    for (path, verb), operation in operations(any_stack).items():
        uri = operation[INTEGRATION]["uri"]
        function = re.search(r"<(\w+)\.Arn>", uri)
        assert function is not None
        for method in ("GET", "DELETE", "PUT") if verb == ANY else (verb.upper(),):
            called = f"{start}/Prod/{method}{path}"
            assert any(name == function[1] and fnmatchcase(called, arn) for name, arn in allowed), called
    streaming = {arn for name, arn in allowed if name == "TravelGPTStreamFunction"}
    assert streaming == {f"{start}/Prod/POST{path}" for path in (STREAM, PAGE_STREAM)}


def test_with_an_api_key_asked_for_post_needs_it_and_health_does_not(keyed_stack: CompiledStack) -> None:
    assert keyed_methods(keyed_stack) == {("/travel-gpt", "post"), (STREAM, "post"), (STOP, "post")}


def test_an_open_api_asks_for_no_key_and_keeps_the_keys_and_their_plan(
    open_stack: CompiledStack, keyed_stack: CompiledStack
) -> None:
    assert keyed_methods(open_stack) == set()
    for kind in ("ApiKey", "UsagePlan", "UsagePlanKey"):
        assert open_stack.one(f"AWS::ApiGateway::{kind}") == keyed_stack.one(f"AWS::ApiGateway::{kind}")
    for name in ("ApiKeyId", "UsagePlanId", "ClientTableName"):
        assert open_stack.outputs[name] == keyed_stack.outputs[name]


def test_every_method_reaches_a_function_before_the_gateway_gives_up(any_stack: CompiledStack) -> None:
    buffered = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions"
        "/<TravelGPTFunction.Arn>/invocations",
        "timeoutInMillis": 29000,
    }
    # API Gateway developer guide, "Set up a Lambda proxy integration with payload response streaming": the
    # mode and the URI; "Stream the integration response": 15 minutes at most.
    streaming = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": "arn:aws:apigateway:eu-central-1:lambda:path/2021-11-15/functions"
        "/<TravelGPTStreamFunction.Arn>/response-streaming-invocations",
        "responseTransferMode": "STREAM",
        "timeoutInMillis": 900_000,
    }
    for where, operation in operations(any_stack).items():
        assert "responses" in operation, "OpenAPI asks for it, and so does API Gateway"
        streams = where in ((STREAM, "post"), (PAGE_STREAM, "post"))
        assert operation[INTEGRATION] == (streaming if streams else buffered), where
    assert any_stack.of("TravelGPTStreamFunction")["Timeout"] * 1000 < streaming["timeoutInMillis"]


def test_the_api_is_regional_takes_tls_1_2_or_newer_and_its_keys_from_the_header(
    any_stack: CompiledStack,
) -> None:
    api = any_stack.one("AWS::ApiGateway::RestApi")

    # API Gateway developer guide, "Security policies for REST APIs in API Gateway": a policy whose name
    # begins with SecurityPolicy_ needs an endpoint access mode. Without one, a Regional API takes TLS 1.0.
    wanted = {
        "Name": "travel-gpt-backend",
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "ApiKeySourceType": "HEADER",
        "SecurityPolicy": "SecurityPolicy_TLS13_1_2_2021_06",
        "EndpointAccessMode": "BASIC",
    }
    assert api | wanted == api
    # What deploy.sh sees of a change.
    assert any_stack.outputs["TlsPolicy"] == api["SecurityPolicy"]


def test_exactly_one_stage_serves_exactly_one_deployment(any_stack: CompiledStack) -> None:
    stage = any_stack.one("AWS::ApiGateway::Stage")
    ((deployment, properties),) = any_stack.all("AWS::ApiGateway::Deployment").items()

    assert (stage["StageName"], stage["DeploymentId"]) == ("Prod", f"<{deployment}>")
    # A deployment that named a stage would make one of its own, without throttle and log.
    assert set(properties) == {"RestApiId", "Description"}
    assert stage["TracingEnabled"] is False
    assert "CacheClusterEnabled" not in stage


def throttles(stack: CompiledStack) -> dict[tuple[str, str], tuple[str, str]]:
    """The rate and the burst of each method, by its path and name."""
    settings = stack.one("AWS::ApiGateway::Stage")["MethodSettings"]

    return {
        (entry["ResourcePath"], entry["HttpMethod"]): (
            str(entry["ThrottlingRateLimit"]),
            str(entry["ThrottlingBurstLimit"]),
        )
        for entry in settings
    }


def setting_path(path: str) -> str:
    """A resource's path as MethodSettings has it; the root's is a slash."""
    return path if path == "/" else "/" + path.replace("/", "~1")


@pytest.mark.parametrize(("page", "loaded"), [("enabled", ("50", "100")), ("disabled", ("5", "6"))])
def test_throttles_are_set_for_each_method_and_for_all_others(page: str, loaded: tuple[str, str]) -> None:
    stack = compile_stack(
        ThrottleRate="3",
        ThrottleBurst="4",
        HealthThrottleRate="5",
        HealthThrottleBurst="6",
        WebPage=page,
    )

    asked = ("3", "4")
    assert throttles(stack) == {
        ("/*", "*"): ("5", "6"),
        ("/~1travel-gpt", "GET"): ("5", "6"),
        ("/~1travel-gpt", "POST"): asked,
        ("/~1travel-gpt~1stream", "POST"): asked,
        ("/~1travel-gpt~1stream~1{id}~1stop", "POST"): asked,
        **{(setting_path(path), "GET"): loaded for path in LOADED},
        **{(setting_path(path), "POST"): asked for path in ASKED},
        **{(setting_path(path), "POST"): ("5", "10") for path in GUESSED},
    }


def test_the_local_gateway_throttles_as_a_stack_does() -> None:
    stack = compile_stack(ThrottleRate="3", ThrottleBurst="4", WebPage="enabled")
    deployed = throttles(stack)

    for (method, path), throttle in usage_plan.throttles(Throttle(3, 4)).items():
        assert deployed.pop((setting_path(path), method)) == (str(throttle.rate), str(throttle.burst)), path
    # What is left: health, and the methods that get 405.
    assert set(deployed) == {("/*", "*"), ("/~1travel-gpt", "GET")}


def test_every_operation_has_a_throttle_of_its_own(any_stack: CompiledStack) -> None:
    set_ = set(throttles(any_stack))

    for path, verb in operations(any_stack):
        assert verb == ANY or (setting_path(path), verb.upper()) in set_


def test_api_gateway_never_logs_what_was_said(any_stack: CompiledStack) -> None:
    for entry in any_stack.one("AWS::ApiGateway::Stage")["MethodSettings"]:
        assert entry["DataTraceEnabled"] is False
        # Unset, it is off; and to set it asks for the account's logging role, which may not be there.
        assert "LoggingLevel" not in entry


@pytest.mark.parametrize(("quota", "meant"), [("0", None), ("250", {"Limit": "250", "Period": "DAY"})])
def test_the_usage_plan_bounds_the_key(quota: str, meant: dict[str, str] | None) -> None:
    stack = compile_stack(DailyQuota=quota, ThrottleRate="3", ThrottleBurst="4")
    plan = stack.one("AWS::ApiGateway::UsagePlan")

    assert plan["ApiStages"] == [{"ApiId": "<TravelGPTApi>", "Stage": "<ApiStage>"}]
    assert (plan["Throttle"], plan.get("Quota")) == ({"RateLimit": "3", "BurstLimit": "4"}, meant)
    assert stack.one("AWS::ApiGateway::UsagePlanKey") == {
        "KeyId": "<ApiKey>",
        "KeyType": "API_KEY",
        "UsagePlanId": "<ApiUsagePlan>",
    }


def test_api_gateway_makes_the_value_of_the_key(keyed_stack: CompiledStack) -> None:
    key = keyed_stack.one("AWS::ApiGateway::ApiKey")

    assert "Value" not in key
    assert key["Enabled"] is True
    assert keyed_stack.outputs["ApiKeyId"] == "<ApiKey>"


def answer(response: dict[str, Any]) -> dict[str, Any]:
    """What a caller gets: API Gateway puts its variables' values into the text as they are."""
    assert set(response["responseTemplates"]) == {"application/json"}
    text = response["responseTemplates"]["application/json"]
    assert set(re.findall(r"\$[\w.]+", text)) == {"$context.requestId"}
    parsed: dict[str, Any] = json.loads(text.replace("$context.requestId", "id-of-the-request"))
    return parsed


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_its_own_refusals_have_the_shape_and_words_of_the_local_gateway(
    kind: str, keyed_stack: CompiledStack
) -> None:
    refusal = REFUSALS[kind]
    response = body(keyed_stack)[GATEWAY_RESPONSES][kind]

    assert answer(response) == json.loads(refusal.body("id-of-the-request"))
    assert response.get("statusCode") == refusal.status
    # A constant is in single quotes there. The local gateway has no TLS, so it does not ask for it.
    headers = {**refusal.headers, STRICT: COMMON_HEADERS[STRICT]}
    assert response["responseParameters"] == {
        f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()
    }


def test_it_refuses_in_no_other_way(keyed_stack: CompiledStack) -> None:
    assert set(body(keyed_stack)[GATEWAY_RESPONSES]) == set(REFUSALS)


def test_an_open_api_differs_in_nothing_but_the_key(
    keyed_stack: CompiledStack, open_stack: CompiledStack
) -> None:
    with_key = copy.deepcopy(body(keyed_stack))

    for path in ("/travel-gpt", STREAM, STOP):
        del with_key["paths"][path]["post"]["security"]
    assert with_key == body(open_stack)


def test_who_comes_without_a_key_learns_how_to_get_it(keyed_stack: CompiledStack) -> None:
    message = answer(body(keyed_stack)[GATEWAY_RESPONSES]["INVALID_API_KEY"])["message"]

    assert "x-api-key" in message
    assert message.endswith("travel-gpt client add NAME")


@pytest.mark.parametrize("page", ["enabled", "disabled"])
def test_the_outputs_say_where_the_page_is_and_whether_it_is_served(page: str) -> None:
    outputs = compile_stack(WebPage=page).outputs

    assert outputs["PageUrl"] == f"{outputs['ApiUrl']}/app"
    assert outputs["WebPage"] == page
