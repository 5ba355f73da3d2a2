"""The handler inside the real Lambda runtime: AWS's emulator, awslambdaric, the dependencies that ship."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from testbed.fake_aws import OWNER, FakeAws
from tests.conftest import EVENTS, proxy_event
from tests.fakes.openai import RESPONSES, behaviours
from tests.support.emulator import Emulator, package
from tests.support.permissions import FAILURE_TTL
from tests.support.secret_leaks import holds

HANDLER = "travel_gpt.handler.lambda_handler"
KEY = "sk-proj-Runtime5Canary9Key2Zx"
SECRET = "travel-gpt/openai-api-key"


class Runtime:
    """Starts the package in the runtime, with an account and an upstream of its own."""

    def __init__(self, aws: FakeAws, paths: list[Path]) -> None:
        self.aws, self._paths = aws, paths
        aws.openai.accept(KEY)

    def start(
        self,
        variables: Mapping[str, str] | None = None,
        *,
        handler: str = HANDLER,
        timeout: int = 30,
    ) -> AbstractContextManager[Emulator]:
        """The runtime, started; its function's variables are those of the template where they matter."""
        environment = {
            "OPENAI_SECRET_NAME": SECRET,
            "OPENAI_BASE_URL": self.aws.openai.base_url,
            "API_ACCESS": "api-key",
            "POWERTOOLS_SERVICE_NAME": "travel-gpt-backend",
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            **OWNER,
            **(variables or {}),
        }
        return Emulator.start(environment, handler, self._paths, timeout=timeout)

    def store(self, key: str) -> None:
        """Put a key into the secret, made the first time."""
        secrets, value = self.aws.client("secretsmanager"), json.dumps({"api_key": key})
        try:
            secrets.put_secret_value(SecretId=SECRET, SecretString=value)
        except secrets.exceptions.ResourceNotFoundException:
            secrets.create_secret(Name=SECRET, SecretString=value)

    def event(self, name: str, **changes: Any) -> dict[str, Any]:
        """One of events/*.json, as if API Gateway took the request now."""
        return proxy_event(name, requestContext={"requestTimeEpoch": int(time.time() * 1000)}, **changes)


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def runtime(aws: FakeAws, shipped: list[Path]) -> Runtime:
    return Runtime(aws, shipped)


@pytest.fixture
def function(runtime: Runtime) -> Iterator[Emulator]:
    """The function with a good key in its secret."""
    runtime.store(KEY)
    with runtime.start() as emulator:
        yield emulator


def body(answer: dict[str, Any]) -> dict[str, Any]:
    """The JSON of an answer to API Gateway, whose shape is checked on the way."""
    assert set(answer) <= {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}, answer
    assert answer["isBase64Encoded"] is False
    parsed: dict[str, Any] = json.loads(answer["body"])
    return parsed


def test_every_event_in_the_repository_gets_its_answer(function: Emulator, runtime: Runtime) -> None:
    answers = {file.stem: function.invoke(runtime.event(file.stem)) for file in EVENTS.glob("*.json")}

    assert {name: (answer["statusCode"], body(answer).get("code")) for name, answer in answers.items()} == {
        "get": (200, None),
        "get-verify": (200, None),
        "post": (200, None),
        "post-base64": (200, None),
        "post-not-json": (400, "invalid_json"),
        "post-without-key": (403, "forbidden"),
        "delete": (405, "method_not_allowed"),
    }


def test_a_warm_function_reads_the_secret_once(function: Emulator, runtime: Runtime) -> None:
    runtime.aws.forget_calls()

    for _ in range(5):
        assert function.invoke(runtime.event("get"))["statusCode"] == 200
        assert function.invoke(runtime.event("post"))["statusCode"] == 200

    reads = [call.name for call in runtime.aws.calls(mutating=False)]
    assert reads == ["secretsmanager:GetSecretValue"]


def test_nothing_is_asked_of_aws_or_openai_before_the_first_request(runtime: Runtime) -> None:
    """Given no secret and an upstream that is away, when the function starts, then it starts all the same."""
    runtime.aws.openai.upstream.close()
    runtime.aws.forget_calls()

    with runtime.start() as function:
        answer = function.invoke(runtime.event("delete"))

        assert (answer["statusCode"], body(answer)["code"]) == (405, "method_not_allowed")
        assert function.init_ms > 0
    assert runtime.aws.calls(mutating=False) == []


def test_a_permission_that_is_given_later_needs_no_new_function(runtime: Runtime) -> None:
    runtime.store(KEY)
    credentials = runtime.aws.credentials_of(runtime.aws.make_role("role"), "function")

    with runtime.start({name.upper(): value for name, value in credentials.items()}) as function:
        denied = function.invoke(runtime.event("get"))
        allow = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        runtime.aws.client("iam").put_role_policy(
            RoleName="role", PolicyName="policy", PolicyDocument=document
        )
        # The failure is remembered for these seconds.
        time.sleep(FAILURE_TTL)
        granted = function.invoke(runtime.event("post"))

    assert (denied["statusCode"], body(denied)["code"]) == (503, "access_denied")
    assert body(denied)["has_api_key"] is False
    assert granted["statusCode"] == 200


def test_a_slow_model_is_given_up_before_lambda_kills_the_function(runtime: Runtime) -> None:
    runtime.store(KEY)
    runtime.aws.openai.upstream.default(RESPONSES, behaviours.slow(60))

    with runtime.start(timeout=6) as function:
        # Given: a warm function, so that all of its seconds are the model's.
        function.invoke(runtime.event("get"))
        answer = function.invoke(runtime.event("post"))

    # Then: it answered itself. Killed, it would have left an errorMessage.
    assert (answer["statusCode"], body(answer)["code"]) == (504, "upstream_timeout")


def test_neither_key_is_in_the_runtimes_log(function: Emulator, runtime: Runtime) -> None:
    """Given answers good and bad, then the log holds neither OpenAI's key nor the caller's, nor a piece."""
    event = runtime.event("post")
    function.invoke(event)
    runtime.aws.openai.reject(KEY)
    refused = [function.invoke(runtime.event(name)) for name in ("post", "get-verify")]

    codes = [(answer["statusCode"], body(answer)["code"]) for answer in refused]
    assert codes == [(502, "credential_rejected"), (503, "credential_rejected")]
    logs = function.logs
    assert '"status":200' in logs
    assert "credential_rejected" in logs
    for secret in (KEY, event["requestContext"]["identity"]["apiKey"]):
        assert not holds(logs, secret)


def test_a_missing_secret_is_reported_and_the_metric_names_the_stack(runtime: Runtime) -> None:
    """Given no secret, when it is asked for, then the metric the alarm watches is written for this stack."""
    with runtime.start() as function:
        answers = [function.invoke(runtime.event(name)) for name in ("get", "post")]
        lines = [json.loads(line) for line in function.logs.splitlines() if line.startswith('{"_aws"')]

    codes = [(answer["statusCode"], body(answer)["code"]) for answer in answers]
    assert codes == [(503, "secret_not_found")] * 2
    metrics = [each for line in lines for each in line["_aws"]["CloudWatchMetrics"]]
    assert [(m["Namespace"], m["Dimensions"], m["Metrics"][0]["Name"]) for m in metrics] == [
        ("TravelGPT", [["service"]], "CredentialFailure")
    ] * 2
    assert {line["service"] for line in lines} == {"travel-gpt-backend"}


def test_a_handler_by_another_name_is_an_error_and_not_an_answer(runtime: Runtime) -> None:
    """The runtime must be able to fail: a renamed handler may not pass for a good one."""
    with runtime.start(handler="travel_gpt.handler.renamed_handler") as function:
        answer = function.invoke(runtime.event("get"))

    assert "statusCode" not in answer
    assert "renamed_handler" in answer["errorMessage"]
