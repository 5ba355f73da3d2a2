"""Removing the stack, and the secret where that is asked for."""

from travel_gpt.cli.aws_session import Account, AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import keyless, secret as secrets
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Environment, read_environment, read_template
from travel_gpt.cli.deploy.plan import flags_for
from travel_gpt.cli.deploy.secret import RECOVERY_DAYS, Secret
from travel_gpt.cli.deploy.stack import delete_stack, refuse_if_busy
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack, read_stack


def remove(aws: AwsSession, console: Console, options: Options, account: Account) -> None:
    """Delete the stack of an environment, and its secret if that was asked for.

    Args:
        aws: the AWS session.
        console: where to show what will be deleted and to ask.
        options: what the person asked for.
        account: where.

    Raises:
        ClientError: AWS refused.
        CliError: it cannot be deleted now, or the person changed their mind.
    """
    environment = read_environment(options.environment)
    flags = flags_for(account, aws.profile)
    stack = read_stack(aws.client("cloudformation"), environment.stack)
    # A stack that was never finished is a shell, and goes as well.
    refuse_if_busy(stack, flags)
    secret = secrets.read(aws, _secret_name(aws, stack, environment))
    delete_secret = options.delete_secret and secret.exists and not secret.deleted
    there = "scheduled for deletion" if secret.deleted else "exists" if secret.exists else "not there"
    console.say()
    console.rows(
        [("Stack", f"{stack.name} ({stack.status or 'not there'})"), ("Secret", f"{secret.name} ({there})")]
    )
    steps = []
    trust = keyless.find_trust(stack)
    if stack.status:
        steps.append(
            f"Delete the stack {stack.name}: the API and its URL, the API key, the function, its logs."
        )
    if delete_secret:
        steps.append(f"Schedule the secret {secret.name} for deletion in {RECOVERY_DAYS} days.")
    if not steps:
        console.good("\nThere is nothing to delete.")
        _say_what_stays(console, options, secret, flags)
        return
    console.heading("What will happen")
    console.numbered([*steps, trust.step] if trust else steps)
    if options.dry_run:
        console.say("\nThis was a dry run: nothing was changed.")
        return
    _ask(console, stack, secret)
    if stack.status:
        console.step(f"Deleting the stack {stack.name}")
        delete_stack(aws, stack, flags)
        console.good("Deleted.")
        console.say(
            "The packages that were uploaded stay in SAM's S3 bucket (aws-sam-cli-managed-default-...), in "
            f"the folder {stack.name}: some cents a month, yours to delete."
        )
    if delete_secret:
        console.step(f"Scheduling the secret {secret.name} for deletion")
        secrets.delete(aws, secret.name)
        secret = secrets.read(aws, secret.name)
        console.good("Scheduled.")
    _say_what_stays(console, options, secret, flags)
    if trust:
        trust.show(console)


def _secret_name(aws: AwsSession, stack: Stack, environment: Environment) -> str:
    name = stack.parameters.get("SecretName") or environment.overrides.get("SecretName")
    if name:
        return name
    template = {item["ParameterKey"]: item.get("DefaultValue", "") for item in read_template(aws)}
    return str(template["SecretName"])


def _ask(console: Console, stack: Stack, secret: Secret) -> None:
    if console.assume_yes:
        return
    name = stack.name if stack.status else secret.name
    question = f"This cannot be undone. To go on, type {name}: "
    if console.answer(question, "To delete it without a question, add --yes.") != name:
        raise CliError("That is not the name, so nothing was deleted.")


def _say_what_stays(console: Console, options: Options, secret: Secret, flags: str) -> None:
    what, command = "To deploy again:", options.command()
    if secret.deleted:
        what = (
            f"The secret {secret.name} is scheduled for deletion. Until then deploying again restores it, or:"
        )
        command = f"aws secretsmanager restore-secret --secret-id {secret.name}{flags}"
    elif secret.exists:
        what = f"The secret {secret.name} stays ($0.40 a month). Deploying again uses it. To delete it too:"
        command = options.command("--delete", "--delete-secret")
    console.say(f"\n{what}\n  {command}")
