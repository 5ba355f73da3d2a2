"""What the deployed function may do with its role's credentials, IAM enforced: read one secret, no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.clone import make_built_clone
from tests.support.cloud.bed import Cloud, start_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-proj-Deployed3Role7Key1Qw"
OWN = "travel-gpt/openai-api-key"
# The first three begin with its name; six characters after a dash are what AWS itself puts there.
NEIGHBOURS = [
    "travel-gpt/openai-api-key-backup",
    "travel-gpt/openai-api-key-abcdef",
    "travel-gpt/openai-api-key-abcdef-ghijkl",
    "travel-gpt-dev/openai-api-key",
    "somebody-else",
]


class Deployed:
    """The stack, deployed by the real ``sam``, with secrets of others beside its own."""

    def __init__(self, cloud: Cloud, clone: Path) -> None:
        self.cloud = cloud
        self.secrets = cloud.client("secretsmanager")
        for name in [OWN, *NEIGHBOURS]:
            self.secrets.create_secret(Name=name, SecretString=json.dumps({"api_key": KEY}))
        cloud.openai.accept(KEY)
        done = cloud.run("sam", "deploy", "--parameter-overrides", "AccessLogs=disabled", cwd=clone)
        assert done.returncode == 0, done.stdout + done.stderr
        stack = cloud.client("cloudformation").describe_stacks(StackName="travel-gpt-backend")["Stacks"][0]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        self.function = cloud.function(self.outputs["FunctionName"])
        self.role = self.function.configuration["Role"].rsplit("/", 1)[-1]

    def as_the_role(self, service: str, region: str | None = None) -> Any:
        """A client with the credentials that Lambda would give the function."""
        role = self.function.configuration["Role"]
        assumed = self.cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return self.cloud.client(
            service,
            region,
            aws_access_key_id=assumed["AccessKeyId"],
            aws_secret_access_key=assumed["SecretAccessKey"],
            aws_session_token=assumed["SessionToken"],
        )

    def curl(self, *arguments: str) -> Any:
        """What the deployed API answers."""
        done = self.cloud.run("curl", "--silent", "--show-error", self.outputs["ApiUrl"], *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    bed = folder / "cloud"
    bed.mkdir()
    with start_cloud(bed) as cloud:
        yield Deployed(cloud, make_built_clone(folder / "clone", cloud.env))


def refused(call: Any, **arguments: Any) -> str:
    """The message of a call that must be refused for want of a permission."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] in ("AccessDeniedException", "AccessDenied"), error
    return error["Message"]


class TestItsOwnSecret:
    @pytest.mark.parametrize("by", ["name", "arn"])
    def test_is_readable(self, deployed: Deployed, by: str) -> None:
        asked = OWN if by == "name" else deployed.secrets.describe_secret(SecretId=OWN)["ARN"]

        found = deployed.as_the_role("secretsmanager").get_secret_value(SecretId=asked)

        assert json.loads(found["SecretString"]) == {"api_key": KEY}

    def test_can_be_described(self, deployed: Deployed) -> None:
        assert deployed.as_the_role("secretsmanager").describe_secret(SecretId=OWN)["Name"] == OWN

    def test_is_enough_to_answer_a_query(self, deployed: Deployed) -> None:
        value = deployed.cloud.client("apigateway").get_api_key(
            apiKey=deployed.outputs["ApiKeyId"], includeValue=True
        )["value"]
        deployed.cloud.forget_calls()
        deployed.function.restart()

        health = deployed.curl()
        answer = deployed.curl(
            *("--header", f"x-api-key: {value}"),
            *("--header", "content-type: application/json"),
            *("--data", '{"query": "Two days in Porto?"}'),
        )

        assert health["status"] == "success"
        assert "Two days in Porto?" in answer["answer"]
        assert [call.key for call in deployed.cloud.openai.requests][-1] == KEY
        # Then: in all of that, its role was used to read the secret, once, and for nothing else.
        made = [c.name for c in deployed.cloud.calls(mutating=False) if c.caller == deployed.role]
        assert made == ["secretsmanager:GetSecretValue"]

    @pytest.mark.parametrize(
        ("action", "arguments"),
        [
            ("put_secret_value", {"SecretString": "{}"}),
            ("update_secret", {"Description": "mine"}),
            ("delete_secret", {}),
            ("restore_secret", {}),
            ("tag_resource", {"Tags": [{"Key": "a", "Value": "b"}]}),
            ("put_resource_policy", {"ResourcePolicy": "{}"}),
            ("update_secret_version_stage", {"VersionStage": "AWSCURRENT"}),
            ("rotate_secret", {}),
            ("list_secret_version_ids", {}),
        ],
    )
    def test_cannot_be_changed(self, deployed: Deployed, action: str, arguments: dict[str, Any]) -> None:
        client = deployed.as_the_role("secretsmanager")

        refused(getattr(client, action), SecretId=OWN, **arguments)

        assert json.loads(deployed.secrets.get_secret_value(SecretId=OWN)["SecretString"])["api_key"] == KEY


class TestSecretsOfOthers:
    @pytest.mark.parametrize("name", NEIGHBOURS)
    @pytest.mark.parametrize("action", ["get_secret_value", "describe_secret", "put_secret_value"])
    def test_are_refused(self, deployed: Deployed, name: str, action: str) -> None:
        client = deployed.as_the_role("secretsmanager")
        arguments = {"SecretString": "{}"} if action == "put_secret_value" else {}

        message = refused(getattr(client, action), SecretId=name, **arguments)

        assert f"secret:{name}-" in message

    def test_of_the_same_name_in_another_region_is_refused(self, deployed: Deployed) -> None:
        elsewhere = deployed.cloud.client("secretsmanager", "eu-west-1")
        elsewhere.create_secret(Name=OWN, SecretString="{}")

        refused(deployed.as_the_role("secretsmanager", "eu-west-1").get_secret_value, SecretId=OWN)

    def test_cannot_be_listed_or_read_in_bulk(self, deployed: Deployed) -> None:
        client = deployed.as_the_role("secretsmanager")

        refused(client.list_secrets)
        refused(client.batch_get_secret_value, SecretIdList=[OWN, NEIGHBOURS[0]])

    def test_are_told_apart_in_health_when_the_function_is_pointed_at_one(self, deployed: Deployed) -> None:
        functions, name = deployed.cloud.client("lambda"), deployed.outputs["FunctionName"]
        before = deployed.function.environment
        pointed = {**before, "OPENAI_SECRET_NAME": NEIGHBOURS[0]}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": pointed})
        try:
            health = deployed.curl()
        finally:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})

        assert (health["status"], health["code"], health["has_api_key"]) == ("error", "access_denied", False)


class TestEverythingElse:
    @pytest.mark.parametrize(
        ("service", "action", "arguments"),
        [
            ("secretsmanager", "create_secret", {"Name": f"{OWN}-mine", "SecretString": "{}"}),
            ("iam", "put_role_policy", {"RoleName": "ROLE", "PolicyName": "more", "PolicyDocument": "{}"}),
            ("iam", "list_roles", {}),
            ("sts", "assume_role", {"RoleArn": "ROLE_ARN", "RoleSessionName": "again"}),
            ("lambda", "update_function_configuration", {"FunctionName": "FUNCTION", "Timeout": 900}),
            ("lambda", "invoke", {"FunctionName": "FUNCTION"}),
            ("apigateway", "get_api_keys", {"includeValues": True}),
            ("cloudformation", "describe_stacks", {}),
            ("s3", "list_buckets", {}),
            ("sns", "list_topics", {}),
            (
                "cloudwatch",
                "put_metric_data",
                {"Namespace": "TravelGPT", "MetricData": [{"MetricName": "a"}]},
            ),
            ("logs", "describe_log_groups", {}),
        ],
    )
    def test_is_refused(
        self, deployed: Deployed, service: str, action: str, arguments: dict[str, Any]
    ) -> None:
        own = {
            "ROLE": deployed.role,
            "ROLE_ARN": deployed.function.configuration["Role"],
            "FUNCTION": deployed.outputs["FunctionName"],
        }
        given = {name: own.get(str(value), value) for name, value in arguments.items()}

        refused(getattr(deployed.as_the_role(service), action), **given)

    def test_its_own_log_group_can_be_written(self, deployed: Deployed) -> None:
        logs, where = deployed.as_the_role("logs"), {"logGroupName": deployed.outputs["LogGroupName"]}

        logs.create_log_stream(**where, logStreamName="stream")
        logs.put_log_events(
            **where, logStreamName="stream", logEvents=[{"timestamp": 1795184559000, "message": "a line"}]
        )

        refused(logs.delete_log_group, **where)
        refused(logs.get_log_events, **where, logStreamName="stream")

    @pytest.mark.parametrize("group", ["/aws/lambda/travel-gpt-backend-TravelGPTFunction-2", "/aws/other"])
    def test_log_groups_of_others_cannot_be_written(self, deployed: Deployed, group: str) -> None:
        deployed.cloud.client("logs").create_log_group(logGroupName=group)

        refused(deployed.as_the_role("logs").create_log_stream, logGroupName=group, logStreamName="mine")
