"""Removing the stack, and the secret only when told to."""

from travel_gpt.cli.deploy import openai_trust, secret as secrets
from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Environment, read_environment, read_template
from travel_gpt.cli.deploy.plan import flags_for
from travel_gpt.cli.deploy.preflight import Account
from travel_gpt.cli.deploy.secret import RECOVERY_DAYS, Secret
from travel_gpt.cli.deploy.shell import Commands
from travel_gpt.cli.deploy.stack import Stack, delete_stack, read_stack


def remove(commands: Commands, console: Console, options: Options, account: Account) -> None:
    """Delete the stack of an environment, and its secret if that was asked for.

    Args:
        commands: the command lines.
        console: where to show what will be deleted and to ask.
        options: what the person asked for.
        account: where.

    Raises:
        AwsError: AWS refused.
        Stop: it cannot be deleted now, or the person changed their mind.
    """
    environment = read_environment(options.environment)
    flags = flags_for(account, commands.profile)
    stack = read_stack(commands, environment.stack)
    # A stack that was never finished is a shell, and goes as well.
    stack.refuse_if_busy(flags)
    secret = secrets.read(commands, _secret_name(commands, stack, environment))
    delete_secret = options.delete_secret and secret.exists and not secret.deleted
    there = "scheduled for deletion" if secret.deleted else "exists" if secret.exists else "not there"
    console.say()
    console.rows(
        [("Stack", f"{stack.name} ({stack.status or 'not there'})"), ("Secret", f"{secret.name} ({there})")]
    )
    steps = []
    trust = openai_trust.find(stack)
    if stack.status:
        steps.append(
            f"Delete the stack {stack.name}: the API and its URL, the API key, the function, its logs."
        )
    if delete_secret:
        steps.append(f"Schedule the secret {secret.name} for deletion in {RECOVERY_DAYS} days.")
    if not steps:
        console.say()
        console.good("There is nothing to delete.")
        _say_what_stays(console, options, secret, flags)
        return
    console.heading("What will happen")
    console.numbered([*steps, trust.step] if trust else steps)
    if options.dry_run:
        console.say()
        console.text("This was a dry run: nothing was changed.")
        return
    _ask(console, stack, secret)
    if stack.status:
        console.step(f"Deleting the stack {stack.name}")
        delete_stack(commands, stack, flags)
        console.good("Deleted.")
        console.text(
            "The packages that were uploaded stay in SAM's S3 bucket (aws-sam-cli-managed-default-...), in "
            f"the folder {stack.name}: some cents a month, yours to delete."
        )
    if delete_secret:
        console.step(f"Scheduling the secret {secret.name} for deletion")
        secrets.delete(commands, secret.name)
        secret = secrets.read(commands, secret.name)
        console.good("Scheduled.")
    _say_what_stays(console, options, secret, flags)
    if trust:
        trust.show(console)


def _secret_name(commands: Commands, stack: Stack, environment: Environment) -> str:
    name = stack.parameters.get("SecretName") or environment.overrides.get("SecretName")
    if name:
        return name
    template = {item["ParameterKey"]: item.get("DefaultValue", "") for item in read_template(commands)}
    return str(template["SecretName"])


def _ask(console: Console, stack: Stack, secret: Secret) -> None:
    if console.assume_yes:
        return
    name = stack.name if stack.status else secret.name
    if console.answer(f"This cannot be undone. To go on, type {name}: ") != name:
        raise CliError("That is not the name, so nothing was deleted.")


def _say_what_stays(console: Console, options: Options, secret: Secret, flags: str) -> None:
    console.say()
    if secret.deleted:
        console.text(
            f"The secret {secret.name} is scheduled for deletion. Until then deploying again restores it, or:"
        )
        console.say(f"  aws secretsmanager restore-secret --secret-id {secret.name}{flags}")
        return
    if secret.exists:
        console.text(
            f"The secret {secret.name} stays ($0.40 a month). Deploying again uses it. To delete it too:"
        )
        console.say(f"  {options.command('--delete', '--delete-secret')}")
        return
    console.text("To deploy again:")
    console.say(f"  {options.command()}")
