"""deploy.sh: the order of the steps, and what is said when one of them fails."""

import io
import shlex
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path

from travel_gpt.cli.deploy import (
    access_logs,
    health,
    interfaces,
    keyless_migration as handover,
    openai_key,
    openai_trust,
    pending,
    preflight as readiness,
    protection,
    release,
    removal,
    secret as secrets,
    tls,
)
from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.cli.deploy.options import Options, read_options
from travel_gpt.cli.deploy.plan import KeyPlan, Plan, show, show_account
from travel_gpt.cli.deploy.preparation import prepare, resolve_key
from travel_gpt.cli.deploy.secret import Action
from travel_gpt.cli.deploy.shell import AwsError, Commands, explain
from travel_gpt.cli.deploy.stack import Stack, delete_stack
from travel_gpt.credentials.credential import Key


def main(arguments: list[str]) -> int:
    """Run deploy.sh.

    Args:
        arguments: its options.

    Returns:
        The exit status: 0, 1 when it stopped, 2 when the options are wrong, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show an arrow is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, _terminated)
    console = Console(assume_yes=False)
    profile = ""
    try:
        # Taken first, so that whatever follows cannot inherit it.
        key = openai_key.take_exported_key()
        options = read_options(arguments)
        if options is None:
            return 0
        console.assume_yes = options.yes
        commands = Commands.for_account(region=options.region, profile=options.profile)
        profile = commands.profile
        _run(commands, console, options, key)
    except CliError as stop:
        return _stopped(console, str(stop), stop.status)
    except AwsError as failed:
        return _stopped(console, str(explain(failed, profile)), 1)
    except KeyboardInterrupt:
        said = "It was interrupted. What AWS has begun goes on there; run the same command again to go on."
        return _stopped(console, said, 130)
    except Exception as unexpected:  # noqa: BLE001 - the last line must be a sentence
        where = traceback.extract_tb(unexpected.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        said = f"That is a mistake in deploy.sh ({type(unexpected).__name__}: {unexpected}, at {place})."
        return _stopped(console, f"{said} Please report this line; running it again is safe.", 1)
    return 0


def _terminated(*_: object) -> None:
    raise KeyboardInterrupt


def _stopped(console: Console, sentence: str, status: int) -> int:
    # Options are wrong before there is a step.
    where = "" if status == 2 else f"Stopped while {console.doing}.\n"
    console.error(where + sentence)
    return status


def _run(commands: Commands, console: Console, options: Options, key: Key | None) -> None:
    console.step("Checking the tools and your AWS credentials")
    account = readiness.check(commands, region=options.region, to_deploy=not options.delete)
    commands = Commands.for_account(region=account.region, profile=options.profile)
    show_account(console, account, options.environment, commands.profile)
    console.step("Looking at what is there")
    if options.delete:
        removal.remove(commands, console, options, account)
        return
    plan = prepare(commands, console, options, account, key)
    show(plan, console)
    if options.dry_run:
        console.say()
        console.text("This was a dry run: nothing was changed. To do it:")
        rest = [argument for argument in sys.argv[1:] if argument != "--dry-run"]
        console.say(f"  {shlex.join(['./deploy.sh', *rest])}")
        return
    console.doing = "asking whether to go on"
    if not console.ask("Go on?"):
        raise CliError("Nothing was changed. Options that change the plan are in: ./deploy.sh --help")
    _carry_out(commands, console, plan)


def _carry_out(commands: Commands, console: Console, plan: Plan) -> None:
    if not plan.options.no_build:
        console.step("Building the package")
        release.build(commands, console, plan.environment)
    # Before anything that cannot be taken back: it may be refused, and then the owner has a choice to make.
    if plan.logging_role:
        console.step("Setting up API Gateway's logging role")
        if access_logs.provide_role(commands, console, plan.options, plan.account):
            console.good("Done.")
        else:
            plan = replace(plan, parameters=access_logs.switch_off(plan.parameters))
    if plan.stack.dead:
        console.step(f"Deleting what is left of the stack {plan.stack.name}")
        delete_stack(commands, plan.stack, plan.flags)
    stored = _settle_secret(commands, console, plan)
    # Afterwards: a new value is then still readable with the old key, until the role may use the new one.
    protection.apply(commands, console, plan.protection, plan.key.secret.name)
    if plan.rotation.discard:
        pending.discard(commands, console, plan.key.secret.name, plan.rotation.discard)
    if plan.keyless.ends:
        handover.hand_back(commands, console, plan)
    doing = "Creating" if plan.stack.dead or not plan.stack.exists else "Updating"
    console.step(f"{doing} the stack {plan.stack.name}", ", which may take some minutes")
    stack, changed = release.deploy(
        commands, console, plan.environment, plan.account.region, plan.parameters, plan.flags
    )
    if not changed:
        console.good(
            f"Nothing to change: the stack {stack.name} is up to date"
            + ("." if stored else ", and the secret stays as it is.")
        )
    tls.show(console, plan.stack, stack, plan.flags)
    with openai_trust.shown_at_the_end(console, plan.trust):
        _finish(commands, console, plan, stack)


def _finish(commands: Commands, console: Console, plan: Plan, stack: Stack) -> None:
    if not plan.keyless.wanted or handover.finish(commands, console, plan, stack):
        console.step("Calling GET")
        verify = "true" if plan.keyless.wanted or plan.keyless.ends else ""
        health.call(commands, console, stack, health.logs_command(stack.name, plan.flags), verify=verify)
        health.show_commands(console, stack, plan.flags)
    if plan.vpc.ends:
        interfaces.finish(commands, console, plan)


def _settle_secret(commands: Commands, console: Console, plan: Plan) -> bool:
    key: KeyPlan = plan.key
    name = key.secret.name
    restored = key.secret.deleted and not plan.without_key
    if restored:
        console.step(f"Restoring the secret {name}")
        secrets.restore(commands, name)
        values = {parameter.name: parameter.new for parameter in plan.parameters}
        key = resolve_key(commands, console, plan.options, secrets.read(commands, name), key.key, values)
        console.good("Restored.")
        if key.note:
            console.note(key.note)
    if key.action is Action.KEEP or key.key is None:
        return restored
    console.step(f"Putting the key into the secret {name}")
    value = secrets.new_value(key.secret, key.key)
    secrets.store(commands, name, value, key.action, kms_key=plan.protection.kms_key)
    seconds = next(item.new for item in plan.parameters if item.name == "CredentialTtlSeconds")
    if key.action is Action.REPLACE:
        console.good(
            f"Replaced. Running functions use it within {seconds} s, and at once when the old one is refused."
        )
    else:
        console.good("Stored.")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
