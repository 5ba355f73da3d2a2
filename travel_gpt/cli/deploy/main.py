"""deploy.sh: the order of the steps, and what is said when one of them fails."""

import io
import os
import shlex
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Final

from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.cli.aws_session import Account, AwsSession, choose_account, cli_error_of
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import (
    access_logs,
    clients as client_keys,
    keyless,
    openai_key,
    openai_trust,
    preflight,
    protection,
    release,
    secret as secrets,
    vpc,
)
from travel_gpt.cli.deploy.options import Options, read_options
from travel_gpt.cli.deploy.parameters import Environment, read_environment, read_template
from travel_gpt.cli.deploy.plan import Plan, flags_for, prepare, show, show_account
from travel_gpt.cli.deploy.stack import delete_stack, is_failed, refuse_if_busy, show_tls_change
from travel_gpt.cli.errors import AWS_CLI, CliError, cli_error_for
from travel_gpt.cli.key_input import KeyInput, forget_sdk_variables
from travel_gpt.cli.stack import Stack, read_stack
from travel_gpt.errors import TravelGPTError

_PIPE: Final = 3
"""The file descriptor on which deploy.sh passes what was in OPENAI_API_KEY."""
_CLONE: Final = Path(__file__).resolve().parents[3]


def main(arguments: list[str], exported: str = "") -> int:
    """Run deploy.sh.

    Args:
        arguments: its options.
        exported: the key that was exported in OPENAI_API_KEY, which is in the environment no more.

    Returns:
        The exit status: 0, 1 when it stopped, 2 when the options are wrong, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show an arrow is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, _terminated)
    console = Console(assume_yes=False)
    try:
        options = read_options(arguments)
        if options is None:
            return 0
        os.chdir(_CLONE)
        forget_sdk_variables(os.environ)
        console.assume_yes = options.yes
        _run(console, options, openai_key.read_exported(exported))
    except CliError as error:
        return _stopped(console, error)
    except TravelGPTError as failure:
        return _stopped(console, cli_error_for(failure))
    except AWS_ERRORS as failed:
        return _stopped(console, cli_error_of(failed))
    except KeyboardInterrupt:
        said = "It was interrupted. What AWS has begun goes on there; run the same command again to go on."
        return _stopped(console, CliError(said, 130))
    except Exception as bug:  # noqa: BLE001 - the last line must be a sentence
        where = traceback.extract_tb(bug.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        said = f"That is a bug in deploy.sh ({type(bug).__name__}: {bug}, at {place})."
        return _stopped(console, CliError(f"{said} Please report this line; running it again is safe."))
    return 0


def _terminated(*_: object) -> None:
    raise KeyboardInterrupt


def _stopped(console: Console, error: CliError) -> int:
    where = "" if console.doing == "starting" else f"Stopped while {console.doing}.\n"
    console.error(where + error.sentence)
    return error.status


def _run(console: Console, options: Options, key: KeyInput | None) -> None:
    console.step("Checking the programs and your AWS credentials")
    choose_account(options.region, options.profile)
    aws = AwsSession()
    account = preflight.check(aws, to_deploy=not options.delete)
    show_account(console, account, options.environment, aws.profile)
    console.step("Looking at what is there")
    if options.delete:
        remove(aws, console, options, account)
        return
    plan = prepare(aws, console, options, account, key)
    show(plan, console)
    if options.dry_run:
        rest = [argument for argument in options.typed if argument != "--dry-run"]
        command = shlex.join(["./deploy.sh", *rest])
        console.say(f"\nThis was a dry run: nothing was changed. To do it:\n  {command}")
        return
    console.doing = "asking whether to go on"
    if not console.ask("Go on?"):
        raise CliError("Nothing was changed. Options that change the plan are in: ./deploy.sh --help")
    _carry_out(aws, console, plan)


def _carry_out(aws: AwsSession, console: Console, plan: Plan) -> None:
    if not plan.options.no_build:
        console.step("Building the package")
        release.build(aws, console, plan.environment)
    # Before anything that cannot be taken back: it may be refused, and then the owner has a choice to make.
    if plan.logging_role:
        console.step("Setting up API Gateway's logging role")
        if access_logs.provide_role(aws, console, plan.options, plan.account):
            console.good("Done.")
        else:
            plan = replace(plan, parameters=access_logs.switch_off(plan.parameters))
    if is_failed(plan.stack):
        console.step(f"Deleting what is left of the stack {plan.stack.name}")
        delete_stack(aws, plan.stack, plan.flags)
    stored = _store_secret(aws, console, plan)
    # Afterwards: a new value is then still readable with the old key, until the role may use the new one.
    protection.apply(aws, console, plan.protection, plan.key.secret.name)
    if plan.rotation.discard:
        secrets.discard_pending(aws, console, plan.key.secret.name, plan.rotation.discard)
    if plan.keyless.ends:
        keyless.restore_key(aws, console, plan)
    doing = "Creating" if is_failed(plan.stack) or not plan.stack.exists else "Updating"
    console.step(f"{doing} the stack {plan.stack.name}", ", which may take some minutes")
    stack, changed = release.deploy(
        aws, console, plan.environment, plan.account.region, plan.parameters, plan.flags
    )
    if not changed:
        console.good(
            f"Nothing to change: the stack {stack.name} is up to date"
            + ("." if stored else ", and the secret stays as it is.")
        )
    show_tls_change(console, plan.stack, stack, plan.flags)
    with openai_trust.trust_shown_at_the_end(console, plan.trust):
        _finish(aws, console, plan, stack)


def _finish(aws: AwsSession, console: Console, plan: Plan, stack: Stack) -> None:
    try:
        usable = not plan.keyless.wanted or keyless.finish(aws, console, plan, stack)
        if usable:
            console.step("Calling GET")
            verify = "true" if plan.keyless.wanted or plan.keyless.ends else ""
            release.check_health(console, stack, release.logs_command(stack.name, plan.flags), verify=verify)
            keyless.check_streams(aws, console, plan, stack)
    except CliError:
        # The next deployment is not the first one that streams, so it will not measure either.
        _measure_stream(aws, console, plan, stack, "The API is not healthy yet.")
        raise
    _measure_stream(aws, console, plan, stack, "" if usable else "The function has no key yet.")
    if usable:
        release.show_commands(console, stack, plan.options, plan.flags)
    if plan.vpc.ends:
        vpc.finish(aws, console, plan)


def _measure_stream(aws: AwsSession, console: Console, plan: Plan, stack: Stack, obstacle: str) -> None:
    if not plan.streaming_begins:
        return
    from travel_gpt.cli.deploy import streaming

    if obstacle:
        streaming.not_measured(console, plan, obstacle)
    else:
        streaming.finish(aws, console, plan, stack)


def _store_secret(aws: AwsSession, console: Console, plan: Plan) -> bool:
    key: openai_key.KeyPlan = plan.key
    name = key.secret.name
    restored = key.secret.deleted and not plan.without_key
    if restored:
        console.step(f"Restoring the secret {name}")
        secrets.restore(aws, name)
        values = {parameter.name: parameter.new for parameter in plan.parameters}
        key = openai_key.resolve_key(console, plan.options, secrets.read(aws, name), key.key, values)
        console.good("Restored.")
        if key.note:
            console.note(key.note)
    if key.action is secrets.Action.KEEP or key.key is None:
        return restored
    console.step(f"Putting the key into the secret {name}")
    secrets.store(aws, name, key.key.value(key.secret.fields), key.action, kms_key=plan.protection.kms_key)
    seconds = next(item.new for item in plan.parameters if item.name == "CredentialTtlSeconds")
    if key.action is secrets.Action.REPLACE:
        console.good(
            f"Replaced. Running functions use it within {seconds} s, and at once when the old one is refused."
        )
    else:
        console.good("Stored.")
    return True


def _piped() -> str:
    """Return what deploy.sh found in OPENAI_API_KEY, from the pipe that it opened for it."""
    try:
        with os.fdopen(_PIPE, encoding="utf-8", errors="replace") as pipe:
            return pipe.read()
    except OSError:
        return ""


def remove(aws: AwsSession, console: Console, options: Options, account: Account) -> None:
    """Delete the stack of an environment and its clients' API keys, and its secret if that was asked for.

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
    clients = client_keys.find(aws, stack)
    steps = clients.steps
    trust = openai_trust.find_trust(stack)
    if stack.status:
        steps.append(
            f"Delete the stack {stack.name}: the API and its URL, its API key, the function, its logs."
            + (f" The table {clients.table} stays." if clients.table else "")
        )
    if delete_secret:
        steps.append(f"Schedule the secret {secret.name} for deletion in {secrets.RECOVERY_DAYS} days.")
    if not steps:
        console.good("\nThere is nothing to delete.")
        _say_what_stays(console, options, secret, flags)
        return
    console.heading("What will happen")
    console.numbered([*steps, trust.step] if trust else steps)
    if options.dry_run:
        console.say("\nThis was a dry run: nothing was changed.")
        return
    _ask(console, stack.name if stack.status or clients.keys else secret.name)
    client_keys.delete_keys(aws, console, clients)
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
    client_keys.show_table(console, clients, flags)
    _say_what_stays(console, options, secret, flags)
    if trust:
        trust.show(console)


def _secret_name(aws: AwsSession, stack: Stack, environment: Environment) -> str:
    name = stack.parameters.get("SecretName") or environment.overrides.get("SecretName")
    if name:
        return name
    template = {item["ParameterKey"]: item.get("DefaultValue", "") for item in read_template(aws)}
    return str(template["SecretName"])


def _ask(console: Console, name: str) -> None:
    if console.assume_yes:
        return
    question = f"This cannot be undone. To go on, type {name}: "
    if console.answer(question, "To delete it without a question, add --yes.") != name:
        raise CliError("That is not the name, so nothing was deleted.")


def _say_what_stays(console: Console, options: Options, secret: secrets.Secret, flags: str) -> None:
    what, command = "To deploy again:", options.command()
    if secret.deleted:
        what = (
            f"The secret {secret.name} is scheduled for deletion. Until then deploying again restores it, or "
            f"this {AWS_CLI}:"
        )
        command = f"aws secretsmanager restore-secret --secret-id {secret.name}{flags}"
    elif secret.exists:
        what = f"The secret {secret.name} stays ($0.40 a month). Deploying again uses it. To delete it too:"
        command = options.command("--delete", "--delete-secret")
    console.say(f"\n{what}\n  {command}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _piped()))
