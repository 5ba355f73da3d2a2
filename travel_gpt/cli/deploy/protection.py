"""A KMS key of the owner's and AWS Config: what must be there before, and what becomes of the secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.preflight import Account
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.deploy.shell import AwsError, Commands

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
    commands: Commands,
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
        commands: the command lines.
        options: what the person asked for.
        account: where.
        stack: the stack's name.
        values: the parameters.
        secret: the secret as it is.
        without_key: whether nothing is stored in it, since the function does without.

    Returns:
        What is to be done.

    Raises:
        AwsError: AWS failed to answer.
        Stop: something that the parameters need is not there.
    """
    key, rules = values["KmsKeyArn"], values["ConfigRules"] == "enabled"
    notes = [_check_key(commands, account, key) if key else "", _check_recorder(commands) if rules else ""]
    if values["Keyless"] == "on" or (without_key and (secret.deleted or not secret.exists)):
        return Protection(notes=tuple(note for note in notes if note))
    described = _describe(commands, secret)
    move_to = ""
    if described is None:
        if key:
            notes.append(
                "Whether the secret is encrypted with KmsKeyArn is hidden from you; it stays as it is."
            )
    elif secret.exists:
        move_to, note = _choose_key(commands, options, key, secret.name, str(described.get("KmsKeyId", "")))
        notes.append(note)
    tags = {tag["Key"]: tag["Value"] for tag in (described or {}).get("Tags", [])}
    tag = stack if rules and tags.get(TAG) != stack else ""
    return Protection(key, move_to, tag, tuple(note for note in notes if note))


def _check_key(commands: Commands, account: Account, key: str) -> str:
    region = key.split(":")[3] if key.count(":") > 3 else ""
    if region != account.region:
        raise CliError(
            f"KmsKeyArn must be the ARN of a key in {account.region}, as the secret and the logs are: {key}",
            2,
        )
    try:
        described: dict[str, Any] = commands.aws("kms", "describe-key", "--key-id", key)["KeyMetadata"]
    except AwsError as failed:
        if failed.denied:
            return (
                "Whether KmsKeyArn can be used is hidden from you (kms:DescribeKey); if not, deploying fails."
            )
        if failed.code == "NotFoundException":
            raise CliError(
                f"There is no KMS key {key}. The ones that there are: aws kms list-keys", 2
            ) from None
        raise
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
            f"The KMS key {key} is {described['KeyState']}, not Enabled. Enable it, then repeat:\n"
            f"    aws kms enable-key --key-id {key}"
        )
    return ""


def _check_recorder(commands: Commands) -> str:
    try:
        status = commands.aws("configservice", "describe-configuration-recorder-status")
    except AwsError as failed:
        if failed.denied:
            return "Whether AWS Config records here is hidden from you; if not, deploying will say so."
        raise
    recorders = status["ConfigurationRecordersStatus"]
    if not recorders:
        raise CliError(
            "ConfigRules=enabled needs AWS Config's configuration recorder, which this region does not have. "
            "Set AWS Config up first, or leave it: --parameter ConfigRules=disabled"
        )
    if not any(recorder["recording"] for recorder in recorders):
        return "AWS Config's recorder is switched off in this region: its rules will say nothing."
    return ""


def _describe(commands: Commands, secret: Secret) -> dict[str, Any] | None:
    if not secret.exists:
        return {}
    try:
        described: dict[str, Any] = commands.aws(
            "secretsmanager", "describe-secret", "--secret-id", secret.name
        )
    except AwsError as failed:
        if failed.denied:
            return None
        raise
    return described


def _choose_key(
    commands: Commands, options: Options, wanted: str, name: str, current: str
) -> tuple[str, str]:
    own = "" if current.endswith(AWS_KEY) else current
    if wanted:
        return ("" if _is_key(commands, own, wanted) else wanted), ""
    if not own:
        return "", ""
    if "KmsKeyArn" in options.parameters:
        return AWS_KEY, ""
    return "", (
        f"The secret {name} is encrypted with the KMS key {own}, which the function's role may not use. If "
        "GET says access_denied, repeat with --parameter KmsKeyArn= and that key's ARN, or with nothing "
        "behind the equals sign to have AWS's own key again."
    )


def _is_key(commands: Commands, name: str, arn: str) -> bool:
    """Whether a name is one of the key's: Secrets Manager keeps whichever it was given."""
    if name in ("", arn) or arn.endswith(f"/{name}"):
        return bool(name)
    if "alias/" not in name:
        return False
    try:
        return bool(commands.aws("kms", "describe-key", "--key-id", name)["KeyMetadata"]["Arn"] == arn)
    except AwsError:
        # Then it is moved, which changes nothing if it is there already.
        return False


def apply(commands: Commands, console: Console, protection: Protection, name: str) -> None:
    """Do with the secret what was decided.

    Args:
        commands: the command lines.
        console: where it is said.
        protection: what was decided.
        name: the secret's name.

    Raises:
        AwsError: AWS refused.
    """
    if protection.move_to:
        console.step(f"Encrypting the secret {name} with {protection.move_to}")
        # Without a value: AWS encrypts the versions anew, and each can be read with the old key as well.
        commands.aws(
            "secretsmanager", "update-secret", "--secret-id", name, "--kms-key-id", protection.move_to
        )
        console.good("Encrypted.")
    if protection.tag:
        commands.aws(
            "secretsmanager",
            "tag-resource",
            "--secret-id",
            name,
            "--tags",
            f"Key={TAG},Value={protection.tag}",
        )
