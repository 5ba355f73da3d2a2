"""What API Gateway serves is a copy: whatever changes the API must bring a new copy, and nothing else may."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.stamp_api_deployment import stamped
from tests.support.compiled_template import ROOT, CompiledStack, compile_stack, read_template, template_text

# A value other than the default for every parameter.
OTHERWISE = {
    "SecretName": "other/key",
    "CredentialTtlSeconds": "60",
    "CredentialMaxStaleSeconds": "0",
    "CredentialPreviousSeconds": "0",
    "CredentialExpiry": "enforce",
    "Keyless": "on",
    "OpenAIIdentityProviderId": "wip_acme",
    "OpenAIServiceAccountId": "sa_travel",
    "OpenAIProjectId": "proj_travel",
    "AdminSecretName": "other/admin-key",
    "RotationDays": "90",
    "RotationKeyScopes": "all",
    "OpenAIModel": "gpt-6.1-terra",
    "OpenAIBaseUrl": "https://llm.example.com/v1",
    "OpenAIApi": "chat",
    "ReasoningEffort": "low",
    "MaxOutputTokens": "800",
    "Streaming": "off",
    "StreamSeconds": "120",
    "WebPage": "enabled",
    "ItineraryDays": "7",
    "BudgetPerDay": "0.50",
    "BudgetPerMonth": "0",
    "BudgetWhenUnavailable": "allow",
    "LimitsWhenUnavailable": "refuse",
    "ModelPrices": "llama-4=0.20/0.60,*=1/5",
    "UnknownModelPrice": "refuse",
    "OpenPerMinute": "0",
    "OpenPerDay": "0",
    "TableDeletionProtection": "disabled",
    "ApiAccess": "open",
    "DailyQuota": "0",
    "ThrottleRate": "1",
    "ThrottleBurst": "1",
    "HealthThrottleRate": "1",
    "HealthThrottleBurst": "1",
    "ReservedConcurrency": "3",
    "LogLevel": "DEBUG",
    "LogRetentionDays": "7",
    "AccessLogs": "disabled",
    "AlarmEmail": "owner@example.com",
    "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "VpcSubnetIds": "subnet-0a1b2c3d",
    "VpcSecurityGroupIds": "sg-0a1b2c3d",
    "KeepVpcPermissions": "enabled",
    "ConfigRules": "enabled",
}
# Those that a rule of the template does not allow alone.
TOGETHER = [
    {"VpcSubnetIds", "VpcSecurityGroupIds"},
    {"Keyless", "OpenAIIdentityProviderId", "OpenAIServiceAccountId"},
    {"OpenAIProjectId", "AdminSecretName", "OpenAIServiceAccountId"},
]


def deployment(stack: CompiledStack) -> str:
    (logical_id,) = stack.all("AWS::ApiGateway::Deployment")
    return logical_id


def test_every_parameter_is_tried() -> None:
    assert set(OTHERWISE) == set(read_template()["Parameters"])


@pytest.mark.parametrize("parameter", OTHERWISE)
def test_a_parameter_that_changes_the_api_brings_a_new_deployment_and_no_other_does(
    parameter: str, keyed_stack: CompiledStack
) -> None:
    # When one parameter changes
    given = next((names for names in TOGETHER if parameter in names), {parameter})
    changed = compile_stack(**{name: OTHERWISE[name] for name in given})

    # Then the stage serves a new copy of the API if and only if the API is another
    is_another = changed.one("AWS::ApiGateway::RestApi") != keyed_stack.one("AWS::ApiGateway::RestApi")
    assert (deployment(changed) != deployment(keyed_stack)) == is_another
    assert is_another == (parameter == "ApiAccess")


def test_the_deployments_carry_the_stamp_of_the_api_as_it_is() -> None:
    assert stamped(template_text()) == template_text(), "run: python3 scripts/stamp_api_deployment.py"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("timeoutInMillis: 29000", "timeoutInMillis: 28000"),
        ("Types: [REGIONAL]", "Types: [EDGE]"),
        ("responseTransferMode: STREAM", "responseTransferMode: BUFFERED"),
        # "Redeploy your API for the changes to take effect": API Gateway, "How to change a security policy".
        ("SecurityPolicy: SecurityPolicy_TLS13_1_2_2021_06", "SecurityPolicy: TLS_1_0"),
        ('"code":"internal_error"', '"code":"oops"'),
        ("security: !If [KeyIsRequired,", "security: !If [ApiIsOpen,"),
    ],
)
def test_a_change_of_the_api_changes_the_stamp(before: str, after: str) -> None:
    changed = template_text().replace(before, after)

    assert changed != template_text()
    assert deployments_of(stamped(changed)).isdisjoint(deployments_of(template_text()))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("        # What API Gateway answers", "        # Oh: what API Gateway answers"),
        ("MemorySize: 1024", "MemorySize: 2048"),
        ("Threshold: 20000", "Threshold: 10000"),
    ],
)
def test_a_change_beside_the_api_does_not(before: str, after: str) -> None:
    changed = template_text().replace(before, after)

    assert changed != template_text()
    assert stamped(changed) == changed


def deployments_of(template: str) -> set[str]:
    return set(re.findall(r"ApiDeployment\w+", template))


def test_an_old_stamp_stops_the_build_with_a_sentence_and_is_repaired_by_the_script(tmp_path: Path) -> None:
    # Given a clone in which the API was changed
    clone = tmp_path / "clone"
    clone.mkdir()
    for part in ("Makefile", "template.yaml"):
        shutil.copy(ROOT / part, clone)
    shutil.copytree(ROOT / "scripts", clone / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    template = clone / "template.yaml"
    template.write_text(
        template.read_text("utf-8").replace("timeoutInMillis: 29000", "timeoutInMillis: 28000")
    )

    # When it is built, then the build stops before it makes anything
    make = ["make", "build-TravelGPTFunction", f"ARTIFACTS_DIR={tmp_path / 'artifacts'}"]
    stopped = subprocess.run(make, cwd=clone, capture_output=True, text=True, check=False)
    assert stopped.returncode != 0
    assert "python3 scripts/stamp_api_deployment.py" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert not (tmp_path / "artifacts").exists()

    # When the script is run as the sentence says, then the stamp is right
    script = [sys.executable, "scripts/stamp_api_deployment.py"]
    assert subprocess.run([*script, "--check"], cwd=clone, capture_output=True, check=False).returncode == 1
    assert subprocess.run(script, cwd=clone, capture_output=True, check=False).returncode == 0
    assert subprocess.run([*script, "--check"], cwd=clone, capture_output=True, check=False).returncode == 0
