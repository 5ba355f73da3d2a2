"""The migration from the key to the function's own identity, after the first deployment."""

from dataclasses import replace
from typing import Final

from travel_gpt.cli.aws_session import AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import health, release
from travel_gpt.cli.deploy.keyless import SHOW, has_ids
from travel_gpt.cli.deploy.openai_trust import WHERE
from travel_gpt.cli.deploy.plan import Plan
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack

AUDIENCE: Final = "https://api.openai.com/v1"


def finish(aws: AwsSession, console: Console, plan: Plan, stack: Stack) -> bool:
    """Go the rest of the way, as far as it is clear.

    Args:
        aws: the AWS session.
        console: where to say it.
        plan: the plan; its parameters are those of the first deployment.
        stack: the stack after it.

    Returns:
        Whether the function has gone without a key; False when OpenAI does not know its role yet.

    Raises:
        ClientError: AWS failed.
        CliError: OpenAI does not accept the function, which can still read the secret.
    """
    values = {parameter.name: parameter.new for parameter in plan.parameters}
    if values["Keyless"] == "on":
        return True
    if not has_ids(values):
        _say_what_to_set_up(console, plan, stack)
        console.say("\nOpenAI shows an id of the provider and one of the service account.")
        console.heading("Next, once that is set up, with these two ids")
        ids = ("--identity-provider", "ID", "--service-account", "ID")
        console.say(f"  {plan.options.command('--keyless', *ids)}")
        return False
    console.step("Verifying the function's identity at OpenAI")
    logs = health.logs_command(stack.name, plan.flags)
    try:
        health.call(console, stack, logs, verify="workload-identity")
    except CliError as refused:
        _say_what_to_set_up(console, plan, stack)
        console.say()
        raise CliError(
            f"{refused}\nNothing was taken away: if the function had a key, it still has. Compare what is "
            "set up at OpenAI with the list above. A minute later (results are shared that long), repeat:\n"
            f"    {plan.options.command('--keyless')}",
            refused.status,
        ) from None
    # CloudFormation changes the role before the function: with one step fewer, the function would ask for a
    # secret that its role may not read any more.
    console.step("Switching the function to its identity")
    _deploy(aws, console, plan, "switch")
    console.step(f"Taking the secret {values['SecretName']} away from the function")
    _deploy(aws, console, plan, "on")
    if plan.key.secret.exists and not plan.key.secret.deleted:
        console.say(
            "The function has no key any more. The secret is still there, and nothing of this stack reads "
            "it: revoke its key at OpenAI, and delete it when you like (it can be restored for 30 days):\n"
            "  aws secretsmanager delete-secret --recovery-window-in-days 30 --secret-id "
            f"{values['SecretName']}{plan.flags}"
        )
    return True


def restore_key(aws: AwsSession, console: Console, plan: Plan) -> None:
    """Let a function without a key read the secret again, before anything is taken from its role.

    Args:
        aws: the AWS session.
        console: where to say it.
        plan: the plan, which ends ``Keyless``.

    Raises:
        ClientError: AWS failed.
        CliError: the deployment failed.
    """
    console.step("Giving the function its key back")
    _deploy(aws, console, plan, "prepare")


def _deploy(aws: AwsSession, console: Console, plan: Plan, keyless: str) -> None:
    parameters = [replace(one, new=keyless) if one.name == "Keyless" else one for one in plan.parameters]
    release.deploy(aws, console, plan.environment, plan.account.region, parameters, plan.flags)


def _say_what_to_set_up(console: Console, plan: Plan, stack: Stack) -> None:
    console.heading("What to set up at OpenAI")
    console.say(f"  {WHERE}")
    console.say()
    console.rows(
        [
            ("Issuer", plan.keyless.issuer or f"the IssuerIdentifier of: {SHOW}"),
            ("Audience", AUDIENCE),
            ("Mapping", "to a service account of the project that is to pay"),
            ("  where sub is", stack.outputs["FunctionRoleArn"]),
            ("  permissions", "Models: Read, Responses: Write (chat wire: Chat completions: Write)"),
        ]
    )
