"""The fake AWS's API Gateway, IAM, Secrets Manager and curl refuse what the real ones refuse."""

import http.client
import json
import ssl
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from testbed.account import AwsServer
from testbed.fake_aws import FakeAws, start_fake_aws
from testbed.logging_role import POLICY
from testbed.tests.small_stacks import (
    LAMBDA_TRUST,
    URL,
    api,
    deploy,
    log_group,
    reasons,
    streaming_api,
    template,
)
from tests.support.permissions import client_as


class Small:
    """A small API and how it is called."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws

    def deploy(self, resources: dict[str, Any]) -> str:
        """Deploy and return the stack's status."""
        stack = deploy(self.aws, template(resources, Outputs=URL))
        self.url = stack.get("Outputs", [{"OutputValue": ""}])[0]["OutputValue"]
        return str(stack["StackStatus"])

    def get(self, path: str = "", key: str | None = None) -> tuple[int, Any]:
        """What curl gets: the status and the JSON."""
        header = [] if key is None else ["--header", f"x-api-key: {key}"]
        show = ["--silent", "--show-error", "--write-out", "\n%{http_code}"]
        done = self.aws.run("curl", *show, *header, self.url + path)
        assert done.returncode == 0, done.stderr
        content, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(content)

    def key(self) -> dict[str, Any]:
        """The deployed API key."""
        found: dict[str, Any] = self.aws.client("apigateway").get_api_keys(includeValues=True)["items"][0]
        return found


@pytest.fixture
def small(aws: FakeAws) -> Small:
    return Small(aws)


def test_a_method_asks_for_its_key_and_tells_the_function_whose_it_is(small: Small) -> None:
    assert small.deploy(api(small.aws, key_required=True)) == "CREATE_COMPLETE"
    key = small.key()

    assert small.get() == (403, {"code": "no key"})
    assert small.get(key="wrong") == (403, {"code": "no key"})
    assert small.get("?a=1", key=key["value"]) == (200, [{"a": "1"}, key["id"]])
    assert small.get("/further", key=key["value"])[0] == 403


def test_a_stage_serves_what_was_deployed_and_not_what_the_api_became(small: Small) -> None:
    small.deploy(api(small.aws, key_required=True))

    assert small.deploy(api(small.aws, key_required=False)) == "UPDATE_COMPLETE"
    assert small.get()[0] == 403

    assert small.deploy(api(small.aws, key_required=False, deployment="Anew")) == "UPDATE_COMPLETE"
    assert small.get() == (200, [None, None])


def seconds_between(small: Small, path: str) -> float:
    """How long after its beginning a streamed body ends."""
    url = urlsplit(small.url + path)
    context = ssl.create_default_context(cafile=small.aws.through_proxy["SSL_CERT_FILE"])
    proxy = urlsplit(small.aws.through_proxy["https_proxy"])
    connection = http.client.HTTPSConnection(str(proxy.hostname), proxy.port, timeout=20, context=context)
    connection.set_tunnel(str(url.hostname))
    connection.request("GET", url.path)
    with closing(connection), connection.getresponse() as answer:
        begun = answer.read(1)
        began = time.monotonic()
        assert (begun, answer.read()[-1:]) == (b"[", b"\n")
    return time.monotonic() - began


def test_a_streamed_response_is_what_follows_its_metadata(small: Small) -> None:
    assert small.deploy(streaming_api(small.aws)) == "CREATE_COMPLETE"

    # Through the program that AWS_LAMBDA_EXEC_WRAPPER names, whose right to be executed the zip has
    assert small.get("/Rome%201") == (201, ["/here/{id}", "/here/Rome%201", {"id": "Rome 1"}])
    assert small.get("/Rome/further")[0] == 403
    # And without the eight null bytes there is no response.
    assert small.get("/Rome?delimiter=no")[0] == 502
    # It arrives when it is sent, unless something has collected it.
    assert seconds_between(small, "/Rome") > 0.2
    small.aws.gateway.collects_streams = True
    assert seconds_between(small, "/Rome") < 0.1


BUFFERED_URI = {
    "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
    "/${Function.Arn}/invocations"
}


@pytest.mark.parametrize(
    ("integration", "why"),
    [
        ({"timeoutInMillis": 900_001}, "Timeout should be between 50 ms and 900000 ms"),
        ({"timeoutInMillis": 49}, "Timeout should be between 50 ms and 900000 ms"),
        ({"responseTransferMode": "RESPONSE_STREAM"}, "Invalid response transfer mode RESPONSE_STREAM"),
        ({"uri": BUFFERED_URI}, "Invalid integration URI for STREAM"),
        ({"responseTransferMode": "BUFFERED"}, "Timeout should be between 50 ms and 29000 ms"),
        (
            {"responseTransferMode": "BUFFERED", "timeoutInMillis": 29_000},
            "Invalid integration URI for BUFFERED",
        ),
    ],
    ids=str,
)
def test_half_of_a_streaming_integration_is_refused(
    integration: dict[str, Any], why: str, small: Small
) -> None:
    assert small.deploy(streaming_api(small.aws, **integration)) == "ROLLBACK_COMPLETE"
    assert why in reasons(small.aws)


def with_policy(aws: FakeAws, deployment: str, **properties: str) -> dict[str, Any]:
    resources = api(aws, key_required=False, deployment=deployment)
    resources["Api"]["Properties"] |= properties
    return resources


def test_a_security_policy_needs_an_access_mode_and_is_served_once_it_is_deployed(small: Small) -> None:
    policy, mode = {"SecurityPolicy": "SecurityPolicy_TLS13_1_2_2021_06"}, {"EndpointAccessMode": "BASIC"}
    small.deploy(with_policy(small.aws, "Deployment"))

    def served() -> str:
        known: list[dict[str, Any]] = small.aws.client("apigateway").get_rest_apis()["items"]
        return str(
            small.aws.server.control("stage", region="us-east-1", api=known[0]["id"], stage="Prod")[
                "securityPolicy"
            ]
        )

    # When one half is given, then it is refused
    assert small.deploy(with_policy(small.aws, "Anew", **policy)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Endpoint access mode is required for the specified security policy" in reasons(small.aws)
    assert small.deploy(with_policy(small.aws, "Anew", **mode)) == "UPDATE_ROLLBACK_COMPLETE"

    # When both are given without a new deployment, then the stage serves the old policy; else the new one
    assert small.deploy(with_policy(small.aws, "Deployment", **policy, **mode)) == "UPDATE_COMPLETE"
    assert served() == ""
    assert small.deploy(with_policy(small.aws, "Anew", **policy, **mode)) == "UPDATE_COMPLETE"
    assert served() == policy["SecurityPolicy"]


@pytest.mark.parametrize("missing", ["Enabled", "PlanKey", "Plan's stages"])
def test_a_key_needs_to_be_enabled_and_in_a_plan_of_the_stage(small: Small, missing: str) -> None:
    resources = api(small.aws, key_required=True)
    if missing == "Enabled":
        del resources["Key"]["Properties"]["Enabled"]
    elif missing == "PlanKey":
        del resources["PlanKey"]
    else:
        resources["Plan"]["Properties"] = {}

    assert small.deploy(resources) == "CREATE_COMPLETE"

    assert small.get(key=small.key()["value"])[0] == 403


@pytest.mark.parametrize(
    "source",
    ["arn:aws:execute-api:us-east-1:123456789012:other/*", "arn:aws:execute-api:*:*:*/Prod/POST/here", None],
)
def test_a_function_that_does_not_let_the_api_in_is_an_error(small: Small, source: str | None) -> None:
    resources = api(small.aws, key_required=False)
    if source is None:
        del resources["Permission"]
    else:
        resources["Permission"]["Properties"]["SourceArn"] = source
    assert small.deploy(resources) == "CREATE_COMPLETE"

    assert small.get() == (500, {"message": "Internal server error"})


def test_a_plan_must_wait_for_its_stage(small: Small) -> None:
    resources = api(small.aws, key_required=True)
    resources["Plan"]["Properties"]["ApiStages"][0]["Stage"] = "Prod"

    assert small.deploy(resources) == "ROLLBACK_COMPLETE"
    assert "API Stage not found" in reasons(small.aws)

    small.aws.client("cloudformation").delete_stack(StackName="small")
    resources["Plan"]["DependsOn"] = "Stage"
    assert small.deploy(resources) == "CREATE_COMPLETE"


def test_access_logs_need_the_regions_logging_role(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    # boto3 would repeat what is throttled.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    resources = api(small.aws, key_required=False)
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/small"
    resources["Stage"]["Properties"]["AccessLogSetting"] = {
        "DestinationArn": arn,
        "Format": "$context.status",
    }
    assert small.deploy(resources) == "ROLLBACK_COMPLETE"
    assert "CloudWatch Logs role ARN must be set in account settings" in reasons(small.aws)
    small.aws.client("cloudformation").delete_stack(StackName="small")

    iam, gateway, role = (
        small.aws.client("iam"),
        small.aws.client("apigateway"),
        small.aws.make_role("logger"),
    )
    change = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
    with pytest.raises(ClientError, match="does not have required permissions"):
        gateway.update_account(patchOperations=change)
    with pytest.raises(ClientError, match="Too Many Requests") as throttled:
        gateway.update_account(patchOperations=change)
    said = throttled.value.response["ResponseMetadata"]
    assert (said["HTTPStatusCode"], int(said["HTTPHeaders"]["retry-after"]) <= 20) == (429, True)
    small.aws.hurry_update_account()
    trust = json.dumps(LAMBDA_TRUST).replace("lambda.", "apigateway.")
    iam.update_assume_role_policy(RoleName="logger", PolicyDocument=trust)
    with pytest.raises(ClientError, match="add the required role policy"):
        gateway.update_account(patchOperations=change)
    iam.attach_role_policy(RoleName="logger", PolicyArn=f"arn:aws:iam::aws:policy/{POLICY}")
    gateway.update_account(patchOperations=change)
    resources["Group"] = log_group()
    form = "$context.status $context.error.responseType $context.identity.apiKey $context.identity.caller"
    resources["Stage"]["Properties"]["AccessLogSetting"]["Format"] = form

    assert small.deploy(resources) == "CREATE_COMPLETE"
    small.get()
    small.get("/further")
    lines = small.aws.client("logs").filter_log_events(logGroupName="/small")["events"]
    assert [each["message"] for each in lines] == ["200 - - -", "403 MISSING_AUTHENTICATION_TOKEN - -"]


def test_a_policys_wildcards_reach_as_far_as_iams(aws: FakeAws) -> None:
    """A role widened by one character must show: that is what the deployed role's tests stand on."""
    for name in ("mine", "mine-too"):
        aws.client("secretsmanager").create_secret(Name=name, SecretString="x")

    def readable(suffix: str) -> list[str]:
        resource = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:mine{suffix}"
        statement = {"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": resource}
        client = secrets_of_a_role(aws, statement)
        return [name for name in ("mine", "mine-too") if reads(client, name)]

    assert readable("-??????") == ["mine"]
    assert readable("-*") == ["mine", "mine-too"]
    assert readable("") == []
    assert readable("-?????") == []
    aws.enforce_iam(False)
    assert readable("") == ["mine", "mine-too"]


def test_a_permission_is_checked_before_the_secret_is_looked_for(aws: FakeAws) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-??????"
    scoped = secrets_of_a_role(aws, {"Effect": "Allow", "Action": "*", "Resource": arn})

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scoped.get_secret_value(SecretId="gone")
    with pytest.raises(ClientError, match=r"AccessDeniedException.*on resource: gone-too because"):
        scoped.get_secret_value(SecretId="gone-too")


def test_an_explicit_deny_wins_and_a_condition_counts(aws: FakeAws) -> None:
    aws.client("secretsmanager").create_secret(Name="mine", SecretString="x")
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "secretsmanager:getsecretvalue", "Resource": "*"}
    insecure = {"Bool": {"aws:SecureTransport": "false"}}

    assert reads(secrets_of_a_role(aws, allow), "mine") is True
    assert reads(secrets_of_a_role(aws, allow, deny), "mine") is False
    assert reads(secrets_of_a_role(aws, allow, {**deny, "Condition": insecure}), "mine") is True
    assert reads(secrets_of_a_role(aws, {**allow, "Condition": insecure}), "mine") is False


def test_a_secret_that_is_scheduled_for_deletion_is_in_the_way(aws: FakeAws) -> None:
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="mine", SecretString="x")
    secrets.delete_secret(SecretId="mine")

    with pytest.raises(ClientError, match="already scheduled for deletion"):
        secrets.create_secret(Name="mine", SecretString="y")
    for write in (secrets.put_secret_value, secrets.update_secret):
        with pytest.raises(ClientError, match="InvalidRequestException"):
            write(SecretId="mine", SecretString="y")

    secrets.restore_secret(SecretId="mine")
    assert secrets.get_secret_value(SecretId="mine")["SecretString"] == "x"


def test_a_host_without_a_fake_fails_the_test(aws_server: AwsServer, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"example\.com"), start_fake_aws(tmp_path, aws_server) as aws:
        done = aws.run("curl", "--silent", "https://example.com/")

    assert "has no host" in done.stdout


def secrets_of_a_role(aws: FakeAws, *statements: dict[str, Any]) -> Any:
    """A client with the credentials of a new role with these permissions."""
    return client_as(aws, aws.make_role(f"role-{uuid.uuid4()}", *statements), "secretsmanager")


def reads(client: Any, name: str) -> bool:
    """Whether a client may read a secret."""
    try:
        client.get_secret_value(SecretId=name)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True
