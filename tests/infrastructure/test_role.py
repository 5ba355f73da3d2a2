"""The function's role can do what it must, and nothing else."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tests.support.compiled_template import compile_stack

if TYPE_CHECKING:
    from tests.support.compiled_template import CompiledStack

ACCOUNT = "eu-central-1:123456789012"
ITS_SECRET = f"arn:aws:secretsmanager:{ACCOUNT}:secret:travel-gpt/openai-api-key-??????"


def test_the_role_has_one_inline_policy_with_exact_actions_on_exact_resources(
    any_stack: CompiledStack,
) -> None:
    (policy,) = any_stack.one("AWS::IAM::Role")["Policies"]

    assert [
        (statement["Effect"], statement["Action"], statement["Resource"])
        for statement in policy["PolicyDocument"]["Statement"]
    ] == [
        ("Allow", ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], ITS_SECRET),
        (
            "Allow",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/travel-gpt-backend-TravelGPTFunction:*",
        ),
    ]


def test_nothing_else_gives_permissions(any_stack: CompiledStack) -> None:
    role = any_stack.one("AWS::IAM::Role")

    assert "ManagedPolicyArns" not in role
    assert any_stack.one("AWS::Lambda::Function")["Role"] == "<TravelGPTFunctionRole.Arn>"
    assert not any_stack.all("AWS::IAM::Policy")
    assert not any_stack.all("AWS::IAM::ManagedPolicy")
    assert not any_stack.all("AWS::IAM::RolePolicy")


def test_lambda_alone_may_assume_the_role(any_stack: CompiledStack) -> None:
    (statement,) = any_stack.one("AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]

    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }


def test_the_policy_fits_the_secret_and_not_its_neighbour() -> None:
    # Given the ARNs that Secrets Manager makes: a dash and six characters after the name.
    arn = f"arn:aws:secretsmanager:{ACCOUNT}:secret:"
    pattern = compile_stack(SecretName="me/key").one("AWS::IAM::Role")["Policies"][0]
    resource = pattern["PolicyDocument"]["Statement"][0]["Resource"]

    # IAM's "?" is any one character, as in a shell's pattern.
    assert fnmatchcase(f"{arn}me/key-AbC123", resource)
    assert not fnmatchcase(f"{arn}me/key-of-somebody-AbC123", resource)
    assert not fnmatchcase(f"{arn}me/key2-AbC123", resource)
    assert not fnmatchcase(f"{arn}you/key-AbC123", resource)


def test_in_another_partition_the_policy_names_that_partition() -> None:
    # Then no ARN of the template has the partition written out.
    for kind in ("AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::ApiGateway::Stage"):
        assert "arn:aws-cn:" in str(compile_stack(partition="aws-cn").one(kind))
        assert "arn:aws:" not in str(compile_stack(partition="aws-cn").one(kind))


def test_api_gateway_may_invoke_the_function_for_this_api_stage_and_path_only(
    any_stack: CompiledStack,
) -> None:
    permission = any_stack.one("AWS::Lambda::Permission")

    assert permission == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "<TravelGPTFunction>",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": f"arn:aws:execute-api:{ACCOUNT}:<TravelGPTApi>/Prod/*/travel-gpt",
    }
