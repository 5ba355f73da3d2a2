"""The roles of the functions that answer queries can do what they must, and nothing else."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from testbed.stacks.document import InvalidTemplate
from tests.support.compiled_template import CompiledStack, compile_stack
from travel_gpt.settings import Settings

ACCOUNT = "eu-central-1:123456789012"
ITS_SECRET = f"arn:aws:secretsmanager:{ACCOUNT}:secret:travel-gpt/openai-api-key-??????"


def test_the_role_has_one_inline_policy_with_exact_actions_on_exact_resources(
    any_stack: CompiledStack,
) -> None:
    (policy,) = any_stack.of("TravelGPTFunctionRole")["Policies"]

    assert [
        (statement["Effect"], statement["Action"], statement["Resource"], statement.get("Condition"))
        for statement in policy["PolicyDocument"]["Statement"]
    ] == [
        ("Allow", ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], ITS_SECRET, None),
        (
            "Allow",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/travel-gpt-backend-TravelGPTFunction:*",
            None,
        ),
        # It reads what a client may do, and counts what a client did: it cannot raise a limit. It writes
        # sessions and what was redeemed; the page shows what was used.
        (
            "Allow",
            "dynamodb:BatchGetItem",
            "<ClientTable.Arn>",
            beginning("client#*", "key#*", "flag#*", "session#*", "usage#*"),
        ),
        ("Allow", "dynamodb:UpdateItem", "<ClientTable.Arn>", beginning("usage#*", "idempotency#*")),
        ("Allow", "dynamodb:UpdateItem", "<ClientTable.Arn>", beginning("session#*")),
        (
            "Allow",
            ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"],
            "<ClientTable.Arn>",
            beginning("invitation#*", "redemption#*", "guess#*"),
        ),
        # The stop route: it writes the flag, and reads none.
        ("Allow", "dynamodb:UpdateItem", "<ClientTable.Arn>", beginning("stop#*")),
    ]


def test_the_role_of_the_streams_reads_stop_flags_and_cannot_write_one(any_stack: CompiledStack) -> None:
    (policy,) = any_stack.of("StreamFunctionRole")["Policies"]

    assert [
        (statement["Effect"], statement["Action"], statement["Resource"], statement.get("Condition"))
        for statement in policy["PolicyDocument"]["Statement"]
    ] == [
        ("Allow", ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], ITS_SECRET, None),
        (
            "Allow",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/travel-gpt-backend-TravelGPTStreamFunction:*",
            None,
        ),
        (
            "Allow",
            "dynamodb:BatchGetItem",
            "<ClientTable.Arn>",
            beginning("client#*", "key#*", "flag#*", "session#*", "stop#*"),
        ),
        ("Allow", "dynamodb:UpdateItem", "<ClientTable.Arn>", beginning("usage#*", "idempotency#*")),
        ("Allow", "dynamodb:UpdateItem", "<ClientTable.Arn>", beginning("session#*")),
    ]


KMS = {"KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"}
VPC = {"VpcSubnetIds": "subnet-0a1b2c3d", "VpcSecurityGroupIds": "sg-0a1b2c3d"}


def statements(stack: CompiledStack, role: str) -> dict[str, Any]:
    (policy,) = stack.of(role)["Policies"]
    # The only name in a policy that is the function's own.
    document = json.dumps(policy["PolicyDocument"]).replace("TravelGPTStreamFunction", "TravelGPTFunction")
    return {each["Sid"]: each for each in json.loads(document)["Statement"]}


@pytest.mark.parametrize("keyless", ["off", "prepare", "switch", "on"])
@pytest.mark.parametrize("options", [{}, KMS, VPC, {**KMS, "KeepVpcPermissions": "enabled"}], ids=str)
def test_with_every_option_the_two_roles_differ_in_stops_and_invitations_alone(
    keyless: str, options: dict[str, str]
) -> None:
    ids = {} if keyless == "off" else IDS
    stack = compile_stack(Keyless=keyless, **ids, **options)
    streaming, buffered = statements(stack, "StreamFunctionRole"), statements(stack, "TravelGPTFunctionRole")

    assert buffered.pop("StopStreams")["Condition"] == beginning("stop#*")
    assert "invitation#*" in str(buffered.pop("RedeemInvitations")["Condition"])
    streaming["ReadClients"]["Condition"] = buffered["ReadClients"]["Condition"]
    assert streaming == buffered


def beginning(*keys: str) -> dict[str, object]:
    """The condition that every partition key of a request is like one of these."""
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys)}}


SECRETS = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
TOKEN = "sts:GetWebIdentityToken"
IDS = {"OpenAIIdentityProviderId": "wip_acme", "OpenAIServiceAccountId": "sa_travel"}


@pytest.mark.parametrize(
    ("keyless", "has", "lacks", "source"),
    [
        ("off", [SECRETS], [TOKEN], "secrets-manager"),
        ("prepare", [SECRETS, TOKEN], [], "secrets-manager"),
        ("switch", [SECRETS, TOKEN], [], "workload-identity"),
        ("on", [TOKEN], [SECRETS], "workload-identity"),
    ],
)
def test_the_role_gains_the_token_before_the_function_uses_it_and_then_loses_the_secret(
    keyless: str, has: list[object], lacks: list[object], source: str
) -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
    stack = compile_stack(Keyless=keyless, KmsKeyArn=key, **IDS)
    (policy,) = stack.of("TravelGPTFunctionRole")["Policies"]
    variables = stack.of("TravelGPTFunction")["Environment"]["Variables"]

    actions = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    assert [action for action in has if action not in actions] == []
    assert [action for action in lacks if action in actions] == []
    decrypts = [
        each["Sid"] for each in policy["PolicyDocument"]["Statement"] if each["Action"] == "kms:Decrypt"
    ]
    secret = [] if keyless == "on" else ["DecryptItsSecret"]
    assert decrypts == [*secret, "UseTheTablesKey"]
    ids = ("", "") if keyless == "off" else tuple(IDS.values())
    assert (variables["OPENAI_IDENTITY_PROVIDER_ID"], variables["OPENAI_SERVICE_ACCOUNT_ID"]) == ids
    assert variables["CREDENTIAL_SOURCE"] == source
    named = {"TABLE_NAME": "clients", "OWNER_API_KEY_ID": "abc123"}
    assert Settings.load(variables | named).problems == ()


def test_the_token_is_bounded_by_whom_it_is_for_and_how_long_it_lasts() -> None:
    (policy,) = compile_stack(Keyless="on", **IDS).of("TravelGPTFunctionRole")["Policies"]

    (statement,) = (each for each in policy["PolicyDocument"]["Statement"] if each["Action"] == TOKEN)
    assert statement["Resource"] == "*"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "https://api.openai.com/v1"},
        "NumericLessThanEquals": {"sts:DurationSeconds": "300"},
    }


@pytest.mark.parametrize("keyless", ["switch", "on"])
@pytest.mark.parametrize("missing", IDS)
def test_no_key_without_an_identity(missing: str, keyless: str) -> None:
    with pytest.raises(InvalidTemplate, match=missing):
        compile_stack(Keyless=keyless, **{**IDS, missing: ""})


def test_nothing_else_gives_permissions(any_stack: CompiledStack) -> None:
    for role in ("TravelGPTFunctionRole", "StreamFunctionRole"):
        assert "ManagedPolicyArns" not in any_stack.of(role)
    assert any_stack.of("TravelGPTFunction")["Role"] == "<TravelGPTFunctionRole.Arn>"
    types = {resource["Type"] for resource in any_stack.resources.values()}
    assert types.isdisjoint({"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"})


def test_lambda_alone_may_assume_the_role(any_stack: CompiledStack) -> None:
    for role in ("TravelGPTFunctionRole", "StreamFunctionRole"):
        (statement,) = any_stack.of(role)["AssumeRolePolicyDocument"]["Statement"]
        assert statement == {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }


def test_the_policy_fits_the_secret_and_not_its_neighbour() -> None:
    # Given the ARNs that Secrets Manager makes: a dash and six characters after the name.
    arn = f"arn:aws:secretsmanager:{ACCOUNT}:secret:"
    pattern = compile_stack(SecretName="me/key").of("TravelGPTFunctionRole")["Policies"][0]
    resource = pattern["PolicyDocument"]["Statement"][0]["Resource"]

    # IAM's "?" is any one character, as in a shell's pattern.
    assert fnmatchcase(f"{arn}me/key-AbC123", resource)
    assert not fnmatchcase(f"{arn}me/key-of-somebody-AbC123", resource)
    assert not fnmatchcase(f"{arn}me/key2-AbC123", resource)
    assert not fnmatchcase(f"{arn}you/key-AbC123", resource)


def test_in_another_partition_the_policy_names_that_partition() -> None:
    # Then no ARN of the template has the partition written out.
    stack = compile_stack(partition="aws-cn")
    for kind in ("AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::ApiGateway::Stage"):
        for properties in stack.all(kind).values():
            assert "arn:aws-cn:" in str(properties)
            assert "arn:aws:" not in str(properties)


def test_api_gateway_may_invoke_each_function_for_its_paths_of_this_api_and_stage_only(
    any_stack: CompiledStack,
) -> None:
    api = f"arn:aws:execute-api:{ACCOUNT}:<TravelGPTApi>/Prod"
    sources = {
        "ApiMayInvokeFunction": ("<TravelGPTFunction>", f"{api}/*/travel-gpt"),
        "ApiMayInvokeFunctionForStreams": ("<TravelGPTFunction>", f"{api}/*/travel-gpt/stream*"),
        "ApiMayInvokeFunctionForPage": ("<TravelGPTFunction>", f"{api}/*/travel-gpt/app*"),
        "ApiMayInvokeFunctionForHome": ("<TravelGPTFunction>", f"{api}/*/"),
        "ApiMayInvokeStreamFunction": ("<TravelGPTStreamFunction>", f"{api}/POST/travel-gpt/stream"),
        "ApiMayInvokeStreamFunctionForPage": (
            "<TravelGPTStreamFunction>",
            f"{api}/POST/travel-gpt/app/api/stream",
        ),
    }
    # InvokeWithResponseStream "requires permission for the lambda:InvokeFunction action" (Lambda API).
    assert any_stack.all("AWS::Lambda::Permission") == {
        name: {
            "Action": "lambda:InvokeFunction",
            "FunctionName": function,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": source,
        }
        for name, (function, source) in sources.items()
    }
