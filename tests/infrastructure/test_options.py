"""What an organisation may ask for: a KMS key of its own, a VPC, AWS Config. Off unless asked for."""

import json
from typing import Any

import pytest

from testbed.stacks.document import InvalidTemplate
from tests.support.compiled_template import STACK, CompiledStack, compile_stack
from travel_gpt.cli.deploy.protection import TAG

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VPC = {"VpcSubnetIds": "subnet-0a1b2c3d,subnet-1a1b2c3d", "VpcSecurityGroupIds": "sg-0a1b2c3d"}
ACCOUNT = "eu-central-1:123456789012"
ITS_SECRET = f"arn:aws:secretsmanager:{ACCOUNT}:secret:travel-gpt/openai-api-key-??????"
INTERFACES = f"arn:aws:ec2:{ACCOUNT}:network-interface/*"
FUNCTION = f"{STACK}-TravelGPTFunction"


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(stack: CompiledStack) -> dict[str, dict[str, Any]]:
    """What the role may do, by the statements' names."""
    (policy,) = stack.of("TravelGPTFunctionRole")["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def added(stack: CompiledStack) -> dict[str, dict[str, Any]]:
    """The role's statements beyond those of a stack without options."""
    usual = statements(compile_stack())
    assert usual.items() <= statements(stack).items(), "an option adds, and changes nothing"
    return {name: each for name, each in statements(stack).items() if name not in usual}


def test_none_of_it_is_there_unless_asked_for(any_stack: CompiledStack) -> None:
    of_the_table = {"ReadClients", "CountUsage", "StopStreams", "KeepSessions", "RedeemInvitations"}
    usual = {"ReadItsSecret", "WriteItsLog", *of_the_table}
    assert set(statements(any_stack)) == usual
    assert not any_stack.all("AWS::Config::ConfigRule")
    assert "VpcConfig" not in any_stack.of("TravelGPTFunction")
    assert not any("KmsKeyId" in group for group in any_stack.all("AWS::Logs::LogGroup").values())


class TestAKmsKey:
    def test_encrypts_every_log_group(self) -> None:
        groups = compile_stack(KmsKeyArn=KEY).all("AWS::Logs::LogGroup")

        assert {name: group["KmsKeyId"] for name, group in groups.items()} == {
            "TravelGPTFunctionLogGroup": KEY,
            "StreamFunctionLogGroup": KEY,
            "ApiAccessLogGroup": KEY,
        }

    def test_encrypts_the_table(self) -> None:
        encryption = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}

        assert compile_stack(KmsKeyArn=KEY).one("AWS::DynamoDB::Table")["SSESpecification"] == encryption
        assert "SSESpecification" not in compile_stack().one("AWS::DynamoDB::Table")

    def test_may_be_used_by_the_role_for_its_secret_and_its_table_through_their_services_only(self) -> None:
        assert added(compile_stack(KmsKeyArn=KEY)) == {
            "DecryptItsSecret": {
                "Sid": "DecryptItsSecret",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": KEY,
                "Condition": {
                    "StringEquals": {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com"},
                    "StringLike": {"kms:EncryptionContext:SecretARN": ITS_SECRET},
                },
            },
            "UseTheTablesKey": {
                "Sid": "UseTheTablesKey",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": KEY,
                "Condition": {
                    "StringEquals": {
                        "kms:ViaService": "dynamodb.eu-central-1.amazonaws.com",
                        "kms:EncryptionContext:aws:dynamodb:tableName": "<ClientTable>",
                    }
                },
            },
        }

    def test_is_no_variable_of_the_function(self) -> None:
        function = compile_stack(KmsKeyArn=KEY).of("TravelGPTFunction")

        assert function == compile_stack().of("TravelGPTFunction")


class TestAVpc:
    def test_is_where_the_function_runs_and_changes_nothing_else_of_it(self) -> None:
        network = {
            "SubnetIds": ["subnet-0a1b2c3d", "subnet-1a1b2c3d"],
            "SecurityGroupIds": ["sg-0a1b2c3d"],
        }
        usual = compile_stack().of("TravelGPTFunction")

        assert compile_stack(**VPC).of("TravelGPTFunction") == {**usual, "VpcConfig": network}

    def test_takes_what_lambda_needs_to_make_network_interfaces_and_denies_it_to_the_code(self) -> None:
        allowed = added(compile_stack(**VPC))
        denied = allowed.pop("KeepTheCodeFromNetworkInterfaces")

        assert {
            (action, resource)
            for each in allowed.values()
            for action in listed(each["Action"])
            for resource in listed(each["Resource"])
        } == {
            ("ec2:CreateNetworkInterface", INTERFACES),
            ("ec2:CreateNetworkInterface", "arn:aws:ec2:eu-central-1:*:subnet/*"),
            ("ec2:CreateNetworkInterface", "arn:aws:ec2:eu-central-1:*:security-group/*"),
            # As AWS's managed policy AWSLambdaVPCAccessExecutionRole has them: Lambda checks the role before
            # there is an interface, and refuses it where only ARNs are allowed.
            ("ec2:DeleteNetworkInterface", "*"),
            ("ec2:AssignPrivateIpAddresses", "*"),
            ("ec2:UnassignPrivateIpAddresses", "*"),
            ("ec2:DescribeNetworkInterfaces", "*"),
            ("ec2:DescribeSubnets", "*"),
        }
        assert {each["Effect"] for each in allowed.values()} == {"Allow"}
        assert (denied["Effect"], denied["Resource"]) == ("Deny", "*")
        assert set(denied["Action"]) == {
            "ec2:DetachNetworkInterface",
            *(action for each in allowed.values() for action in listed(each["Action"])),
        }
        assert denied["Condition"] == {
            "ArnEquals": {"lambda:SourceFunctionArn": f"arn:aws:lambda:{ACCOUNT}:function:{FUNCTION}"}
        }

    def test_that_the_function_leaves_keeps_the_roles_statements_while_the_owner_says_so(self) -> None:
        left = compile_stack(KeepVpcPermissions="enabled")

        assert "VpcConfig" not in left.of("TravelGPTFunction")
        assert statements(left) == statements(compile_stack(**VPC))

    def test_has_them_whatever_is_said_of_leaving_it(self) -> None:
        inside = compile_stack(KeepVpcPermissions="disabled", **VPC)

        assert statements(inside) == statements(compile_stack(KeepVpcPermissions="enabled", **VPC))
        assert "LetLambdaKeepNetworkInterfaces" in statements(inside)

    @pytest.mark.parametrize("alone", VPC)
    def test_is_refused_when_half_of_it_is_given(self, alone: str) -> None:
        with pytest.raises(InvalidTemplate, match="VpcSubnetIds and VpcSecurityGroupIds go together"):
            compile_stack(**{alone: VPC[alone]})


class TestConfigRules:
    def test_watch_the_rotation_of_this_secret_and_who_may_call_these_functions(self) -> None:
        rules = compile_stack(ConfigRules="enabled").all("AWS::Config::ConfigRule").values()

        # deploy.sh puts the tag on the secret.
        its_secret = {"TagKey": TAG, "TagValue": STACK}
        its_function, its_streams = (
            {"ComplianceResourceTypes": ["AWS::Lambda::Function"], "ComplianceResourceId": f"<{function}>"}
            for function in ("TravelGPTFunction", "TravelGPTStreamFunction")
        )
        assert {
            each["ConfigRuleName"]: (each["Source"]["SourceIdentifier"], each["Scope"]) for each in rules
        } == {
            f"{STACK}-secret-rotation-enabled": ("SECRETSMANAGER_ROTATION_ENABLED_CHECK", its_secret),
            f"{STACK}-secret-rotated-on-schedule": (
                "SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK",
                its_secret,
            ),
            f"{STACK}-function-not-public": ("LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED", its_function),
            f"{STACK}-stream-function-not-public": ("LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED", its_streams),
        }
        assert {each["Source"]["Owner"] for each in rules} == {"AWS"}

    def test_look_at_no_resource_of_another_stack(self) -> None:
        scopes = [
            json.dumps([each["Scope"] for each in stack.all("AWS::Config::ConfigRule").values()])
            for stack in (
                compile_stack(ConfigRules="enabled"),
                compile_stack(ConfigRules="enabled", stack_name=f"{STACK}-dev"),
            )
        ]

        assert scopes[0].count(f'"{STACK}"') == scopes[1].count(f'"{STACK}-dev"') == 2


def test_in_another_partition_the_options_name_that_partition() -> None:
    key = KEY.replace("arn:aws:", "arn:aws-cn:")
    role = json.dumps(compile_stack(partition="aws-cn", KmsKeyArn=key, **VPC).of("TravelGPTFunctionRole"))

    assert "arn:aws-cn:ec2:" in role
    assert "arn:aws:" not in role
