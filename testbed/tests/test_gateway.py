"""The fake AWS's API Gateway, IAM, Secrets Manager and curl refuse what the real ones refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.account import AwsServer
from testbed.fake_aws import FakeAws, start_fake_aws
from testbed.logging_role import POLICY
from testbed.tests.small_stacks import LAMBDA_TRUST, URL, api, deploy, log_group, reasons, template


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

    iam, gateway = small.aws.client("iam"), small.aws.client("apigateway")
    trust = json.dumps(LAMBDA_TRUST)
    role = iam.create_role(RoleName="logger", AssumeRolePolicyDocument=trust)["Role"]
    change = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role["Arn"]}]
    with pytest.raises(ClientError, match="does not have required permissions"):
        gateway.update_account(patchOperations=change)
    with pytest.raises(ClientError, match="Too Many Requests") as throttled:
        gateway.update_account(patchOperations=change)
    said = throttled.value.response["ResponseMetadata"]
    assert (said["HTTPStatusCode"], int(said["HTTPHeaders"]["retry-after"]) <= 20) == (429, True)
    small.aws.hurry_update_account()
    iam.update_assume_role_policy(RoleName="logger", PolicyDocument=trust.replace("lambda.", "apigateway."))
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
        client = as_a_role(aws, "secretsmanager", statement)
        return [name for name in ("mine", "mine-too") if reads(client, name)]

    assert readable("-??????") == ["mine"]
    assert readable("-*") == ["mine", "mine-too"]
    assert readable("") == []
    assert readable("-?????") == []
    aws.enforce_iam(False)
    assert readable("") == ["mine", "mine-too"]


def test_a_permission_is_checked_before_the_secret_is_looked_for(aws: FakeAws) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-??????"
    scoped = as_a_role(aws, "secretsmanager", {"Effect": "Allow", "Action": "*", "Resource": arn})

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scoped.get_secret_value(SecretId="gone")
    with pytest.raises(ClientError, match=r"AccessDeniedException.*on resource: gone-too because"):
        scoped.get_secret_value(SecretId="gone-too")


def test_an_explicit_deny_wins_and_a_condition_counts(aws: FakeAws) -> None:
    aws.client("secretsmanager").create_secret(Name="mine", SecretString="x")
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "secretsmanager:getsecretvalue", "Resource": "*"}
    insecure = {"Bool": {"aws:SecureTransport": "false"}}

    assert reads(as_a_role(aws, "secretsmanager", allow), "mine") is True
    assert reads(as_a_role(aws, "secretsmanager", allow, deny), "mine") is False
    assert reads(as_a_role(aws, "secretsmanager", allow, {**deny, "Condition": insecure}), "mine") is True
    assert reads(as_a_role(aws, "secretsmanager", {**allow, "Condition": insecure}), "mine") is False


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


def test_a_test_can_take_a_permission_from_the_owner(aws: FakeAws) -> None:
    aws.deny("sts:GetCallerIdentity", "not you", "ExpiredToken")
    denied = aws.run("aws", "sts", "get-caller-identity")
    aws.allow("sts:GetCallerIdentity")
    allowed = aws.run("aws", "sts", "get-caller-identity")

    assert denied.returncode != 0
    assert "(ExpiredToken)" in denied.stderr
    assert "not you" in denied.stderr
    assert json.loads(allowed.stdout)["Account"] == aws.account_id


def test_openai_is_reached_by_its_own_name_and_sees_the_key(aws: FakeAws) -> None:
    aws.openai.accept("sk-good")
    ask = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
    url = "https://api.openai.com/v1/models"

    statuses = [
        aws.run(*ask, url, "--header", f"Authorization: Bearer {k}").stdout for k in ("sk-good", "sk-bad")
    ]

    assert statuses == ["200", "401"]
    assert [call.key for call in aws.openai.requests] == ["sk-good", "sk-bad"]


def test_a_host_without_a_fake_fails_the_test(aws_server: AwsServer, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"example\.com"), start_fake_aws(tmp_path, aws_server) as aws:
        done = aws.run("curl", "--silent", "https://example.com/")

    assert "has no host" in done.stdout


def test_a_tool_that_is_taken_away_is_gone(aws: FakeAws) -> None:
    before = Path(aws.env["PATH"])
    there = aws.run("sh", "-c", "command -v sam && command -v curl")
    (aws.tools / "sam").unlink()
    gone = aws.run("sh", "-c", "command -v sam || echo gone")

    assert there.stdout.split() == [str(before / name) for name in ("sam", "curl")]
    assert gone.stdout == "gone\n"


def as_a_role(aws: FakeAws, service: str, *statements: dict[str, Any]) -> Any:
    """A client with the credentials of a role with these permissions."""
    iam, name = aws.client("iam"), f"role-{len(aws.client('iam').list_roles()['Roles'])}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST))["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=document)
    assumed = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return aws.client(
        service,
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )


def reads(client: Any, name: str) -> bool:
    """Whether a client may read a secret."""
    try:
        client.get_secret_value(SecretId=name)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True
