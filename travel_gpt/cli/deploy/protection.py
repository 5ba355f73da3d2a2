"""A KMS key of the owner's and AWS Config: what must be there before, and what becomes of the secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from travel_gpt.aws.failures import AWS_ERRORS, AwsFailure
from travel_gpt.cli.aws_session import Account, AwsSession, if_permitted
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.errors import CliError

AWS_KEY: Final = "alias/aws/secretsmanager"
TAG: Final = "travel-gpt:stack"
"""The tag by which the rules of AWS Config find the secret: see SecretRotationRule in template.yaml."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What is to be done with the secret beside its value."""

    kms_key: str = ""
    """The KMS key to create it with; empty for AWS's own."""
    move_to: str = ""
    """The KMS key that it is to be encrypted with from now on, if that is another one."""
    tag: str = ""
    """The stack to tag it with, if it has no such tag."""
    notes: tuple[str, ...] = ()

    def steps(self, name: str) -> list[str]:
        """Say what will happen.

        Args:
            name: the secret's name.

        Returns:
            One sentence a step.
        """
        steps = []
        if self.move_to:
            steps.append(
                f"Encrypt the secret {name} with the KMS key {self.move_to} from now on. What it holds "
                "stays, and the function can read it all the while."
            )
        if self.tag:
            steps.append(
                f"Tag the secret {name} with {TAG}={self.tag}, by which the AWS Config rules find it."
            )
        return steps


def resolve(
    aws: AwsSession,
    options: Options,
    account: Account,
    stack: str,
    values: Mapping[str, str],
    secret: Secret,
    *,
    without_key: bool,
) -> Protection:
    """Check what the parameters need, and decide what is to be done with the secret.

    Args:
        aws: the AWS session.
        options: what the person asked for.
        account: where.
        stack: the stack's name.
        values: the parameters.
        secret: the secret as it is.
        without_key: whether nothing is stored in it, since the function does without.

    Returns:
        What is to be done.

    Raises:
        ClientError: AWS failed to answer.
        CliError: something that the parameters need is not there.
    """
    key, rules = values["KmsKeyArn"], values["ConfigRules"] == "enabled"
    notes = [_check_key(aws, account, key) if key else "", _check_recorder(aws) if rules else ""]
    if values["Keyless"] == "on" or (without_key and (secret.deleted or not secret.exists)):
        return Protection(notes=tuple(note for note in notes if note))
    move_to, tagged_with = "", None
    if secret.metadata is not None:
        tagged_with = secret.metadata.tags.get(TAG)
        move_to, note = _choose_key(aws, options, key, secret.name, secret.metadata.kms_key)
        notes.append(note)
    elif secret.exists and key:
        notes.append("Whether the secret is encrypted with KmsKeyArn is hidden from you; it stays as it is.")
    tag = stack if rules and tagged_with != stack else ""
    return Protection(key, move_to, tag, tuple(note for note in notes if note))


def _check_key(aws: AwsSession, account: Account, key: str) -> str:
    region = key.split(":")[3] if key.count(":") > 3 else ""
    if region != account.region:
        raise CliError(
            f"KmsKeyArn must be the ARN of a key in {account.region}, as the secret and the logs are: {key}",
            2,
        )
    try:
        answer = if_permitted(lambda: aws.client("kms").describe_key(KeyId=key))
    except AWS_ERRORS as failed:
        if AwsFailure.of(failed).code != "NotFoundException":
            raise
        raise CliError(f"There is no KMS key {key} in this account and region.", 2) from None
    if answer is None:
        return "Whether KmsKeyArn can be used is hidden from you (kms:DescribeKey); if not, deploying fails."
    described = answer["KeyMetadata"]
    if described["KeyManager"] == "AWS":
        raise CliError(f"The KMS key {key} is one of AWS's own. Leave KmsKeyArn empty to have that.", 2)
    if (described["KeySpec"], described["KeyUsage"]) != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"):
        raise CliError(
            f"The KMS key {key} is {described['KeySpec']}, for {described['KeyUsage']}. Secrets Manager and "
            "CloudWatch Logs take symmetric keys that encrypt and decrypt alone.",
            2,
        )
    if described["KeyState"] != "Enabled":
        raise CliError(
            f"The KMS key {key} is {described['KeyState']}, not Enabled. Enable it (KMS, Customer managed "
            "keys), then repeat."
        )
    return ""


def _check_recorder(aws: AwsSession) -> str:
    status = if_permitted(aws.client("config").describe_configuration_recorder_status)
    if status is None:
        return "Whether AWS Config records here is hidden from you; if not, deploying will say so."
    recorders = status["ConfigurationRecordersStatus"]
    if not recorders:
        raise CliError(
            "ConfigRules=enabled needs AWS Config's configuration recorder, which this region does not have. "
            "Set AWS Config up first, or leave it: --parameter ConfigRules=disabled"
        )
    if not any(recorder["recording"] for recorder in recorders):
        return "AWS Config's recorder is switched off in this region: its rules will say nothing."
    return ""


def _choose_key(aws: AwsSession, options: Options, wanted: str, name: str, current: str) -> tuple[str, str]:
    own = "" if current.endswith(AWS_KEY) else current
    if wanted:
        return ("" if _is_key(aws, own, wanted) else wanted), ""
    if not own:
        return "", ""
    if "KmsKeyArn" in options.parameters:
        return AWS_KEY, ""
    return "", (
        f"The secret {name} is encrypted with the KMS key {own}, which the function's role may not use. If "
        "GET says access_denied, repeat with --parameter KmsKeyArn= and that key's ARN, or with nothing "
        "behind the equals sign to have AWS's own key again."
    )


def _is_key(aws: AwsSession, name: str, arn: str) -> bool:
    """Whether a name is one of the key's: Secrets Manager keeps whichever it was given."""
    if name in ("", arn) or arn.endswith(f"/{name}"):
        return bool(name)
    if "alias/" not in name:
        return False
    try:
        return bool(aws.client("kms").describe_key(KeyId=name)["KeyMetadata"]["Arn"] == arn)
    except AWS_ERRORS:
        # Then it is moved, which changes nothing if it is there already.
        return False


def apply(aws: AwsSession, console: Console, protection: Protection, name: str) -> None:
    """Do with the secret what was decided.

    Args:
        aws: the AWS session.
        console: where it is said.
        protection: what was decided.
        name: the secret's name.

    Raises:
        ClientError: AWS refused.
    """
    if protection.move_to:
        console.step(f"Encrypting the secret {name} with {protection.move_to}")
        # Without a value: AWS encrypts the versions anew, and each can be read with the old key as well.
        aws.client("secretsmanager").update_secret(SecretId=name, KmsKeyId=protection.move_to)
        console.good("Encrypted.")
    if protection.tag:
        aws.client("secretsmanager").tag_resource(SecretId=name, Tags=[{"Key": TAG, "Value": protection.tag}])
