"""The parameters: what a person reads, and what is refused before anything is deployed."""

from typing import Any

import pytest

from testbed.stacks.document import InvalidTemplate
from tests.support.compiled_template import compile_stack, read_template, template_text

TEMPLATE = read_template()
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
INTERFACE = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_explains_itself(name: str) -> None:
    parameter = PARAMETERS[name]

    assert len(parameter["Description"]) > 30
    assert parameter["ConstraintDescription"].startswith("must be ")
    assert "Default" in parameter
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)


def test_the_console_shows_every_parameter_once_with_a_label() -> None:
    grouped = [name for group in INTERFACE["ParameterGroups"] for name in group["Parameters"]]

    assert sorted(grouped) == sorted(PARAMETERS)
    assert sorted(INTERFACE["ParameterLabels"]) == sorted(PARAMETERS)


def test_no_parameter_takes_a_secret() -> None:
    assert not [name for name, rules in PARAMETERS.items() if rules.get("NoEcho")]
    assert not [name for name in PARAMETERS if name.lower().endswith(("key", "token", "password", "secret"))]


def test_the_template_and_its_head_fit_where_they_are_sent() -> None:
    # CloudFormation takes 51,200 bytes in a request, by which deploy.sh asks it about the parameters, and
    # 1,000,000 by way of S3, by which sam deploys.
    assert len(template_text().partition("\nResources:\n")[0].encode()) < 50_000
    assert len(template_text().encode()) < 1_000_000


GOOD = {
    "SecretName": ["a", "travel-gpt-dev/openai-api-key", "team_x/key+1=2.3@4"],
    "OpenAIModel": ["gpt-6-luna", "openai/gpt-oss:20b", "a" * 200],
    "OpenAIBaseUrl": ["", "https://llm.example.com/v1", "http://127.0.0.1:8080/v1", "http://localhost"],
    "AlarmEmail": ["", "owner+travel@mail.example.org"],
    "ReservedConcurrency": ["", "0", "1", "1000"],
    "DailyQuota": ["0", "10000000"],
    "LogRetentionDays": ["1", "3653"],
    "KmsKeyArn": [
        "",
        "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    ],
    "ConfigRules": ["enabled", "disabled"],
    "RotationDays": ["1", "182"],
    "RotationKeyScopes": ["", "all", "api.model.read", "api.model.read,api.responses.write"],
}
BAD = {
    "SecretName": [
        "",
        "*",
        "travel-gpt/*",
        "key-??????",
        "a b",
        "${AWS::StackName}",
        "sk-proj-abc",
        "a" * 513,
    ],
    "OpenAIModel": ["", "-x", "a b", "a" * 201],
    "OpenAIBaseUrl": [
        "llm.example.com",
        "http://llm.example.com/v1",
        "https://me:secret@llm.example.com/v1",
        "https://llm.example.com/v1?key=abc",
        "http://localhost.example.com/v1",
        "ftp://llm.example.com",
    ],
    "OpenAIApi": ["assistants", ""],
    "ReasoningEffort": ["highest"],
    "MaxOutputTokens": ["0", "15", "128001", "many"],
    "ItineraryDays": ["-1", "31", "a week"],
    "Streaming": ["", "true", "On"],
    "StreamSeconds": ["0", "9", "841", "a minute"],
    "ApiAccess": ["", "public", "Open"],
    "AccessLogs": ["true"],
    "AlarmEmail": ["owner", "a@b", "a@example.com, b@example.com"],
    "ReservedConcurrency": ["-1", "1.5", "none", "01"],
    "LogRetentionDays": ["2", "0"],
    "LogLevel": ["TRACE", "info"],
    "CredentialTtlSeconds": ["0", "86401"],
    "CredentialMaxStaleSeconds": ["-1"],
    "CredentialPreviousSeconds": ["-1", "86401"],
    "CredentialExpiry": ["", "on", "Enforce"],
    "DailyQuota": ["-1"],
    "ThrottleRate": ["0"],
    "ThrottleBurst": ["0"],
    "HealthThrottleRate": ["0"],
    "HealthThrottleBurst": ["0"],
    "KmsKeyArn": [
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/travel",
        "arn:aws:kms:eu-west-1:123456789012:alias/travel",
        "arn:aws:kms:eu-west-1:123456789012:key/*",
    ],
    "VpcSubnetIds": [
        "subnet-1",
        "subnet-0a1b2c3d, subnet-1a1b2c3d",
        "subnet-0a1b2c3d,",
        "sg-0a1b2c3d",
        "vpc",
    ],
    "VpcSecurityGroupIds": ["sg-1", ",".join(f"sg-0a1b2c3{digit}" for digit in range(6)), "subnet-0a1b2c3d"],
    "KeepVpcPermissions": ["", "yes"],
    "ConfigRules": ["", "yes"],
    "RotationDays": ["0", "183", "365"],
    "RotationKeyScopes": ["API", "api.model.read, api.new", "a,", "sk-svcacct-x", "*"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]])
def test_sensible_values_are_taken(name: str, value: str) -> None:
    compile_stack(**{name: value})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_others_are_refused_before_anything_is_deployed(name: str, value: str) -> None:
    with pytest.raises(InvalidTemplate, match=name):
        compile_stack(**{name: value})
