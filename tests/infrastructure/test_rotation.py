"""Rotation: off unless the owner gives all it needs, and then with no more rights than its steps take."""

import itertools
from typing import Any

import pytest

from testbed.stacks.document import InvalidTemplate
from tests.support.compiled_template import STACK, CompiledStack, compile_stack, read_template
from travel_gpt.rotation.config import MOST_DAYS, RotationConfig
from travel_gpt.settings import Settings

ACCOUNT = "eu-central-1:123456789012"
SECRETS = f"arn:aws:secretsmanager:{ACCOUNT}:secret:"
ROTATOR = f"arn:aws:lambda:{ACCOUNT}:function:{STACK}-RotatorFunction"
ALL = {
    "OpenAIProjectId": "proj_1",
    "OpenAIServiceAccountId": "user-1",
    "AdminSecretName": "travel-gpt/openai-admin-key",
}
OF_ROTATION = {
    "KeyDeletions",
    "KeyDeletionsRole",
    "Rotation",
    "RotationFailureAlarm",
    "RotatorErrorsAlarm",
    "RotatorFunction",
    "RotatorFunctionLogGroup",
    "RotatorFunctionRole",
    "SecretsManagerMayInvokeRotator",
}


@pytest.fixture(scope="module")
def rotating() -> CompiledStack:
    return compile_stack(**ALL)


def statements(stack: CompiledStack, role: str) -> dict[str, dict[str, Any]]:
    (policy,) = stack.all("AWS::IAM::Role")[role]["Policies"]
    return {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}


def test_it_is_off_unless_asked_for_and_adds_nothing_else(
    rotating: CompiledStack, keyed_stack: CompiledStack
) -> None:
    assert set(rotating.resources) - set(keyed_stack.resources) == OF_ROTATION
    assert set(keyed_stack.resources) - set(rotating.resources) == set()


# A service account alone is what a function without a key has.
SOME = [
    names for k in (1, 2) for names in itertools.combinations(ALL, k) if names != ("OpenAIServiceAccountId",)
]


@pytest.mark.parametrize("given", SOME, ids=str)
def test_given_some_of_the_three_then_that_is_refused(given: tuple[str, ...]) -> None:
    with pytest.raises(InvalidTemplate, match="give all three"):
        compile_stack(**{name: ALL[name] for name in given})


def test_a_function_without_a_key_has_none_to_rotate() -> None:
    keyless = compile_stack(**ALL, Keyless="on", OpenAIIdentityProviderId="wip_acme")

    assert not OF_ROTATION & set(keyless.resources)
    variables = keyless.of("TravelGPTFunction")["Environment"]["Variables"]
    assert variables["CREDENTIAL_ROTATION_DAYS"] == "0"


def test_a_kms_key_of_the_owners_serves_the_rotator_for_its_two_secrets_alone() -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
    stack = compile_stack(**ALL, KmsKeyArn=key)

    statement = statements(stack, "RotatorFunctionRole")["DecryptAndEncryptItsSecrets"]
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], key)
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com"},
        "StringLike": {
            "kms:EncryptionContext:SecretARN": [
                f"{SECRETS}travel-gpt/openai-api-key-??????",
                f"{SECRETS}travel-gpt/openai-admin-key-??????",
            ]
        },
    }
    assert stack.all("AWS::Logs::LogGroup")["RotatorFunctionLogGroup"]["KmsKeyId"] == key


def test_the_admin_key_cannot_be_in_the_secret_that_the_api_reads() -> None:
    with pytest.raises(InvalidTemplate, match="another secret"):
        compile_stack(**{**ALL, "AdminSecretName": "travel-gpt/openai-api-key"})


def test_turning_it_on_rotates_nothing_at_once(rotating: CompiledStack) -> None:
    assert rotating.one("AWS::SecretsManager::RotationSchedule") == {
        "SecretId": "travel-gpt/openai-api-key",
        "RotationLambdaARN": "<RotatorFunction.Arn>",
        "RotateImmediatelyOnUpdate": False,
        "RotationRules": {"AutomaticallyAfterDays": "30"},
    }
    assert rotating.resources["Rotation"]["DependsOn"] == "SecretsManagerMayInvokeRotator"


def test_secrets_manager_of_this_account_alone_may_call_it(rotating: CompiledStack) -> None:
    assert rotating.all("AWS::Lambda::Permission")["SecretsManagerMayInvokeRotator"] == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "<RotatorFunction>",
        "Principal": "secretsmanager.amazonaws.com",
        "SourceAccount": "123456789012",
    }


def test_the_rotators_role_has_exact_actions_on_exact_resources(rotating: CompiledStack) -> None:
    found = statements(rotating, "RotatorFunctionRole")

    assert {sid: (each["Action"], each["Resource"]) for sid, each in found.items()} == {
        "RotateItsSecret": (
            [
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            f"{SECRETS}travel-gpt/openai-api-key-??????",
        ),
        "ReadTheAdminKey": (
            "secretsmanager:GetSecretValue",
            f"{SECRETS}travel-gpt/openai-admin-key-??????",
        ),
        "ScheduleDeletions": (
            "scheduler:CreateSchedule",
            f"arn:aws:scheduler:{ACCOUNT}:schedule/<KeyDeletions>/*",
        ),
        "LetTheScheduleCallIt": ("iam:PassRole", "<KeyDeletionsRole.Arn>"),
        "WriteItsLog": (
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/{STACK}-RotatorFunction:*",
        ),
    }
    assert found["LetTheScheduleCallIt"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}
    }


def test_the_schedules_role_can_call_the_rotator_and_nothing_else(rotating: CompiledStack) -> None:
    role = rotating.all("AWS::IAM::Role")["KeyDeletionsRole"]

    (statement,) = statements(rotating, "KeyDeletionsRole").values()
    assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", ROTATOR)
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_the_apis_role_is_the_same_with_and_without_rotation(
    rotating: CompiledStack, keyed_stack: CompiledStack
) -> None:
    role = "TravelGPTFunctionRole"
    assert rotating.all("AWS::IAM::Role")[role] == keyed_stack.all("AWS::IAM::Role")[role]


@pytest.mark.parametrize("days", ["1", "30", "182"])
def test_the_code_takes_the_environment_and_both_functions_know_the_period(days: str) -> None:
    functions = compile_stack(**ALL, RotationDays=days).all("AWS::Lambda::Function")
    variables = functions["RotatorFunction"]["Environment"]["Variables"]
    # What CloudFormation puts in the places of references.
    variables = {
        **variables,
        "ROTATION_SCHEDULE_GROUP": "group",
        "ROTATION_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
    }
    settings = Settings.load(variables)

    plan = RotationConfig.load(variables, settings)

    assert plan.problems == ()
    assert (plan.period, plan.function_arn) == (int(days) * 86_400, ROTATOR)
    api = functions["TravelGPTFunction"]["Environment"]["Variables"]
    assert api["CREDENTIAL_ROTATION_DAYS"] == days
    # The key is verified as the other function uses it.
    shared = [name for name in variables if name in api and name.startswith(("CREDENTIAL_", "OPENAI_"))]
    assert (len(shared), [variables[name] for name in shared]) == (8, [api[name] for name in shared])


def test_the_owner_may_choose_the_scopes_of_the_keys() -> None:
    for chosen in ("", "all", "api.model.read,api.new.scope"):
        stack = compile_stack(**ALL, RotationKeyScopes=chosen)
        variables = stack.all("AWS::Lambda::Function")["RotatorFunction"]["Environment"]["Variables"]

        assert variables["ROTATION_KEY_SCOPES"] == chosen
        assert not [
            problem
            for problem in RotationConfig.load(variables, Settings.load({})).problems
            if "ROTATION_KEY_SCOPES" in problem
        ]


def test_the_template_accepts_no_period_of_which_two_exceed_the_life_of_a_key() -> None:
    rules = read_template()["Parameters"]["RotationDays"]

    assert (rules["MinValue"], rules["MaxValue"]) == (1, MOST_DAYS)


def test_the_function_has_time_for_a_new_key_and_less_than_secrets_manager_waits(
    rotating: CompiledStack,
) -> None:
    function = rotating.all("AWS::Lambda::Function")["RotatorFunction"]

    expected = {
        "Handler": "travel_gpt.rotator.lambda_handler",
        "FunctionName": f"{STACK}-RotatorFunction",
        "LoggingConfig": {"LogGroup": "<RotatorFunctionLogGroup>"},
    }
    assert {name: function[name] for name in expected} == expected
    assert 60 < function["Timeout"] < 900
    assert "ReservedConcurrentExecutions" not in function


def test_a_failed_rotation_raises_an_alarm(rotating: CompiledStack) -> None:
    alarms = rotating.all("AWS::CloudWatch::Alarm")

    watched = ("Namespace", "MetricName", "Dimensions", "Threshold")
    assert {
        name: tuple(alarms[name][each] for each in watched)
        for name in ("RotationFailureAlarm", "RotatorErrorsAlarm")
    } == {
        "RotationFailureAlarm": ("TravelGPT", "RotationFailure", [{"Name": "service", "Value": STACK}], 1),
        "RotatorErrorsAlarm": (
            "AWS/Lambda",
            "Errors",
            [{"Name": "FunctionName", "Value": "<RotatorFunction>"}],
            1,
        ),
    }


def test_sam_builds_it_from_the_same_folder() -> None:
    resources = read_template()["Resources"]
    api, rotator = resources["TravelGPTFunction"], resources["RotatorFunction"]

    for name in ("CodeUri", "Runtime", "Architectures"):
        assert rotator["Properties"][name] == api["Properties"][name]
    assert rotator["Metadata"]["BuildMethod"] == "makefile"
