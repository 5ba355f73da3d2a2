"""deploy.sh with a KMS key of the owner's, in a VPC, and with AWS Config's rules."""

import json
from typing import Any

from tests.support.deployer import GOOD_KEY, NEW_KEY, Deployer
from tests.support.doctor import Doctor
from tests.support.markdown import Page
from tests.support.permissions import client_as, refused

PAGE = Page.read("docs/operations/compliance.md")
SECRET = "travel-gpt/openai-api-key"
NEIGHBOUR = "travel-gpt/openai-api-key-backup"
FUNCTION = "travel-gpt-backend-TravelGPTFunction"


def make_key(deployer: Deployer, *, for_logs: bool = True) -> str:
    """A KMS key with the usual policy and the statement of docs/operations/compliance.md, or without that."""
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ]
    if for_logs:
        written = Page(PAGE.path, PAGE.section("A KMS key of your own")).blocks
        (statement,) = (block for block in written if block.startswith("{"))
        statements.append(json.loads(statement.replace("eu-west-1", deployer.aws.region)))
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return str(
        deployer.aws.client("kms").create_key(Policy=policy, KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    )


def key_of_the_secret(deployer: Deployer) -> Any:
    return deployer.aws.client("secretsmanager").describe_secret(SecretId=SECRET).get("KmsKeyId")


def keys_of_the_logs(deployer: Deployer) -> set[str | None]:
    groups = deployer.aws.client("logs").describe_log_groups()["logGroups"]
    return {group.get("kmsKeyId") for group in groups}


def as_the_role(deployer: Deployer, service: str, session: str = "test") -> Any:
    """A client with the credentials of the function's role."""
    return client_as(deployer.aws, deployer.output("FunctionRoleArn"), service, session=session)


class TestAKmsKeyOfTheOwners:
    def test_encrypts_a_new_secret_and_the_logs_and_serves_the_function_alone_for_it(
        self, deployer: Deployer
    ) -> None:
        # Given a key, and another secret that is encrypted with it too
        key = make_key(deployer)
        secrets = deployer.aws.client("secretsmanager")
        secrets.create_secret(Name=NEIGHBOUR, SecretString="{}", KmsKeyId=key)

        # When the stack is deployed with the key
        done = deployer.deploy(
            "--yes", "--create-logging-role", "--parameter", f"KmsKeyArn={key}", key=GOOD_KEY
        )

        # Then the secret and both log groups are encrypted with it, and the function has its key
        assert done.returncode == 0, done.stderr
        assert f"Create the secret {SECRET}" in done.stdout
        assert "encrypted with KmsKeyArn" in " ".join(done.stdout.split())
        assert key_of_the_secret(deployer) == key
        assert keys_of_the_logs(deployer) == {key}
        assert "UpdateSecret" not in " ".join(deployer.changes()), "it was created with the key"

        # And then: the role can use the key for nothing else
        assert as_the_role(deployer, "secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]
        sealed = deployer.aws.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        assert refused(as_the_role(deployer, "kms").decrypt, CiphertextBlob=sealed)

        # When the policy forgets about the key, then the function may not read its secret any more
        self._forget_the_key(deployer, deployer.output("FunctionRoleArn").rsplit("/", 1)[-1])
        said = refused(as_the_role(deployer, "secretsmanager").get_secret_value, SecretId=SECRET)
        assert said == "Access to KMS is not allowed"

    def _forget_the_key(self, deployer: Deployer, role: str) -> None:
        iam = deployer.aws.client("iam")
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        left = [each for each in policy["Statement"] if each["Sid"] != "DecryptItsSecret"]
        changed = json.dumps({**policy, "Statement": left})
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=changed)

    def test_takes_over_an_existing_secret_and_gives_it_back(self, deployer: Deployer) -> None:
        # Given a stack without one
        assert deployer.deploy("--yes", key=GOOD_KEY).returncode == 0
        key, before = make_key(deployer), deployer.secret()
        deployer.aws.forget_calls()

        # When the key is given, together with a new OpenAI key
        done = deployer.deploy("--yes", "--replace-key", "--parameter", f"KmsKeyArn={key}", key=NEW_KEY)

        # Then the plan said so, the secret was moved after it got its value, and the function can read it
        assert done.returncode == 0, done.stderr
        assert "Encrypt the secret" in done.stdout
        assert (key_of_the_secret(deployer), keys_of_the_logs(deployer)) == (key, {key})
        assert deployer.secret() == {**before, "api_key": NEW_KEY}
        changes = [name for name in deployer.changes() if name.startswith("secretsmanager:")]
        assert changes == ["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret"]

        # When nothing is asked for, then nothing changes
        deployer.aws.forget_calls()
        again = deployer.deploy("--yes")
        assert again.returncode == 0, again.stderr
        assert "Encrypt the secret" not in again.stdout
        assert not [name for name in deployer.changes() if name.startswith("secretsmanager:")]

        # When the key is taken away, then the secret and the logs are under AWS's own again
        back = deployer.deploy("--yes", "--parameter", "KmsKeyArn=")
        assert back.returncode == 0, back.stderr
        assert (key_of_the_secret(deployer), keys_of_the_logs(deployer)) == (None, {None})
        assert deployer.secret()["api_key"] == NEW_KEY

    def test_that_somebody_gave_the_secret_by_hand_is_reported(self, deployer: Deployer) -> None:
        key = make_key(deployer)
        deployer.aws.client("secretsmanager").create_secret(
            Name=SECRET, SecretString=json.dumps({"api_key": GOOD_KEY}), KmsKeyId=key.rsplit("/", 1)[-1]
        )

        shown = deployer.deploy("--dry-run")
        done = deployer.deploy("--yes", "--parameter", f"KmsKeyArn={key}")

        assert "which the function's role may not use" in " ".join(shown.stdout.split())
        # By its id or by its ARN, it is the same key: there is nothing to move.
        assert done.returncode == 0, done.stderr
        assert "Encrypt the secret" not in done.stdout

    def test_that_the_logs_may_not_use_says_what_its_policy_needs(self, deployer: Deployer) -> None:
        key = make_key(deployer, for_logs=False)

        done = deployer.deploy("--yes", "--parameter", f"KmsKeyArn={key}", key=GOOD_KEY)

        assert done.returncode == 1
        assert "is not allowed to be used with Arn" in done.stderr
        assert "the statement in docs/operations/compliance.md" in " ".join(done.stderr.split())

    def test_that_the_caller_may_not_look_at_is_tried(self, deployer: Deployer) -> None:
        key = make_key(deployer)
        deployer.aws.deny("kms:DescribeKey")

        done = deployer.deploy("--yes", "--parameter", f"KmsKeyArn={key}", key=GOOD_KEY)

        assert done.returncode == 0, done.stderr
        assert "hidden from you (kms:DescribeKey)" in " ".join(done.stdout.split())


def test_in_a_vpc_lambda_may_make_network_interfaces_and_the_code_may_not(deployer: Deployer) -> None:
    # When the stack is deployed into a VPC
    ec2 = deployer.aws.client("ec2")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    network = {"VpcSubnetIds": ",".join(subnets), "VpcSecurityGroupIds": group}
    given = [word for name, value in network.items() for word in ("--parameter", f"{name}={value}")]
    done = deployer.deploy("--yes", *given, key=GOOD_KEY)

    # Then the function is there, and Lambda has found what it needs
    assert done.returncode == 0, done.stderr
    functions = deployer.aws.client("lambda")
    where = functions.get_function_configuration(FunctionName=FUNCTION)["VpcConfig"]
    assert (where["SubnetIds"], where["SecurityGroupIds"]) == (subnets, [group])
    # One in each subnet for each function; the fake AWS shares none between functions, as Lambda may.
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == 2 * len(subnets)
    # And then: what the role allows to Lambda is denied to the code, which has the same role
    as_the_role(deployer, "ec2").describe_network_interfaces()
    from_the_code = as_the_role(deployer, "ec2", session=FUNCTION)
    assert "not authorized" in refused(from_the_code.describe_network_interfaces)

    # And then: doctor says that nothing leads from there to the table of limits, until the endpoint does
    doctor = Doctor(deployer.aws)
    tables = [each["RouteTableId"] for each in ec2.describe_route_tables()["RouteTables"]]
    (missing,) = (each for each in doctor.findings() if each["check"] == "vpc")
    assert (missing["state"], missing["fix"].endswith(f"--route-table-ids {tables[0]}")) == ("problem", True)
    vpc, service = ec2.describe_vpcs()["Vpcs"][0]["VpcId"], "com.amazonaws.us-east-1.dynamodb"
    endpoint = {"VpcEndpointType": "Gateway", "VpcId": vpc, "ServiceName": service, "RouteTableIds": tables}
    ec2.create_vpc_endpoint(**endpoint)
    assert "vpc" not in {each["check"] for each in doctor.findings()}

    # When the VPC is taken away, then the function is out of it, and with it Lambda's interfaces
    back = deployer.deploy("--yes", "--parameter", "VpcSubnetIds=", "--parameter", "VpcSecurityGroupIds=")
    assert back.returncode == 0, back.stderr
    left = functions.get_function_configuration(FunctionName=FUNCTION).get("VpcConfig", {})
    assert not left.get("SubnetIds")
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    # And then: the role has lost what was for them
    assert deployer.parameters()["KeepVpcPermissions"] == "disabled"
    assert "not authorized" in refused(as_the_role(deployer, "ec2").describe_network_interfaces)


def test_a_secret_that_a_stack_without_a_key_does_not_have_is_left_alone(deployer: Deployer) -> None:
    deployer.aws.client("config").put_configuration_recorder(
        ConfigurationRecorder={"name": "default", "roleARN": "arn:aws:iam::123456789012:role/config"}
    )
    without = [f"OpenAI{name}Id=some-id" for name in ("IdentityProvider", "ServiceAccount")]
    asked = ["Keyless=on", "ConfigRules=enabled", f"KmsKeyArn={make_key(deployer)}", *without]

    done = deployer.deploy("--dry-run", *(word for each in asked for word in ("--parameter", each)))

    assert done.returncode == 0, done.stderr
    assert "Store no key" in done.stdout
    assert "Tag the secret" not in done.stdout
    assert "Encrypt the secret" not in done.stdout


class TestConfigRules:
    def test_come_with_the_tag_that_they_know_the_secret_by(self, deployer: Deployer) -> None:
        # Given a recorder that is switched off
        config = deployer.aws.client("config")
        config.put_configuration_recorder(
            ConfigurationRecorder={"name": "default", "roleARN": "arn:aws:iam::123456789012:role/config"}
        )

        # When the rules are asked for
        done = deployer.deploy("--yes", "--parameter", "ConfigRules=enabled", key=GOOD_KEY)

        # Then they are there, and the secret has the tag of their scope
        assert done.returncode == 0, done.stderr
        assert "recorder is switched off" in " ".join(done.stdout.split())
        assert len(config.describe_config_rules()["ConfigRules"]) == 4
        tags = deployer.aws.client("secretsmanager").describe_secret(SecretId=SECRET)["Tags"]
        assert tags == [{"Key": "travel-gpt:stack", "Value": "travel-gpt-backend"}]

        # When it is run again, then the secret is left alone
        deployer.aws.forget_calls()
        again = deployer.deploy("--yes")
        assert again.returncode == 0, again.stderr
        assert "secretsmanager:TagResource" not in deployer.changes()

        # When they are switched off, then they are gone
        assert deployer.deploy("--yes", "--parameter", "ConfigRules=disabled").returncode == 0
        assert config.describe_config_rules()["ConfigRules"] == []
