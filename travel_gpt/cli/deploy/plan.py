"""What will happen: decided from what is there, shown before it happens. Nothing here changes anything."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from travel_gpt.cli.aws_session import Account, AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import (
    access_logs,
    concurrency,
    costs,
    keyless as keylesses,
    logging_role,
    openai_key,
    openai_trust,
    protection as protections,
    rotation as rotations,
    secret as secrets,
    vpc as vpcs,
)
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Environment, Parameter, merge, read_environment, read_template
from travel_gpt.cli.deploy.stack import UPDATABLE, is_failed, refuse_if_busy, tls_note
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.key_input import KeyInput
from travel_gpt.cli.stack import Stack, read_stack


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before anything is changed."""

    options: Options
    account: Account
    environment: Environment
    stack: Stack
    parameters: Sequence[Parameter]
    key: openai_key.KeyPlan
    keyless: keylesses.Keyless
    trust: openai_trust.Trust | None
    """The mapping at OpenAI that is no longer needed afterwards."""
    protection: protections.Protection
    rotation: rotations.Rotation
    vpc: vpcs.Vpc
    streaming_begins: bool
    """Whether the API streams afterwards and did not before."""
    logging_role: logging_role.RoleState | None
    """What there is of API Gateway's logging role, where it is to be set up."""
    notes: Sequence[str]
    """What else the person should know."""
    flags: str
    """The region's and profile's flags for printed commands, with a space before each."""

    @property
    def without_key(self) -> bool:
        """Whether the function is to do without a key, or does already."""
        return self.keyless.wanted or any(
            one.name == "Keyless" and one.new in openai_trust.USES_IDENTITY for one in self.parameters
        )


def flags_for(account: Account, profile: str) -> str:
    """Write the flags that make a printed command reach this account and region.

    Args:
        account: the account.
        profile: the AWS profile, or nothing.

    Returns:
        The flags, with a space before each.
    """
    return f" --region {account.region}" + (f" --profile {shlex.quote(profile)}" if profile else "")


def show_account(console: Console, account: Account, environment: str, profile: str) -> None:
    """Print where things are about to happen: before anybody is asked for a key.

    Args:
        console: where to print it.
        account: the account.
        environment: the environment.
        profile: the AWS profile, or nothing.
    """
    console.say()
    rows = [("Account", f"{account.number} ({account.caller})"), ("Region", account.region)]
    rows += [("Profile", profile)] if profile else []
    console.rows([*rows, ("Environment", environment)])


def show(plan: Plan, console: Console) -> None:
    """Print the plan: the stack and the secret, the parameters, and what will happen.

    Args:
        plan: the plan.
        console: where to print it.
    """
    secret = plan.key.secret
    state = f"exists, {plan.stack.status}" if plan.stack.exists else "new"
    there = "scheduled for deletion" if secret.deleted else "exists" if secret.exists else "new"
    console.say()
    console.rows(
        [
            ("Stack", f"{plan.stack.name} ({state})"),
            ("Secret", f"{secret.name} ({there})"),
            ("Cost", costs.standing_cost({item.name: item.new for item in plan.parameters})),
        ]
    )
    old = plan.stack.exists and not is_failed(plan.stack)
    console.heading("Parameters (old → new)" if old else "Parameters")
    console.rows([(parameter.name, _change(parameter, old=old)) for parameter in plan.parameters])
    console.heading("What will happen")
    console.numbered(_steps(plan))
    notes = [note for note in (*plan.notes, plan.key.note) if note]
    if notes:
        console.say()
    for note in notes:
        console.note(note)


def _change(parameter: Parameter, *, old: bool) -> str:
    def shown(value: str) -> str:
        return value or "(empty)"

    if not old or parameter.old == parameter.new:
        kept = old and parameter.new != parameter.start
        return shown(parameter.new) + (f"   (kept; a new stack has {shown(parameter.start)})" if kept else "")
    if parameter.old is None:
        differs = parameter.new != parameter.start
        return f"(not there) → {shown(parameter.new)}" + (
            f"   (a new stack has {shown(parameter.start)})" if differs else ""
        )
    return f"{shown(parameter.old)} → {shown(parameter.new)}"


def _steps(plan: Plan) -> list[str]:
    steps = [
        "Take the package that was built before (.aws-sam/build)."
        if plan.options.no_build
        else "Build the package on this machine (sam build)."
    ]
    if plan.logging_role:
        steps.append(logging_role.step(plan.logging_role, plan.account.region))
    if is_failed(plan.stack):
        steps.append(f"Delete what is left of the stack {plan.stack.name} ({plan.stack.status}).")
    steps.append(_secret_step(plan))
    steps += plan.protection.steps(plan.key.secret.name)
    if plan.rotation.discard:
        steps.append(
            f"Discard version {plan.rotation.discard} of the secret {plan.key.secret.name}, which a rotation "
            "left pending. The current version stays."
        )
    if plan.stack.exists and not is_failed(plan.stack):
        steps.append(f"Update the stack {plan.stack.name}, if anything about it changed (sam deploy).")
    else:
        steps.append(
            f"Create the stack {plan.stack.name} (sam deploy). The package goes into SAM's own S3 bucket, "
            "which is created if this region has none."
        )
    steps += [plan.rotation.step] if plan.rotation.step else []
    values = {item.name: item.new for item in plan.parameters}
    steps += keylesses.steps(plan.keyless, values)
    if not plan.keyless.wanted or keylesses.has_ids(values):
        steps.append("Call GET and say what it answers.")
        if plan.streaming_begins:
            # Imported here: an HTTP library and a price list that most deployments do not need.
            from travel_gpt.cli.deploy import streaming as streams

            steps.append(streams.step(values))
    yours = [openai_trust.upgrade_step(plan.stack, values), plan.trust.step if plan.trust else ""]
    return [*steps, *(step for step in yours if step), *plan.vpc.steps]


def _secret_step(plan: Plan) -> str:
    key, secret = plan.key, plan.key.secret
    if plan.without_key:
        if not secret.exists:
            return f"Store no key: the function does without, and there is no secret {secret.name}."
        return f"Leave the secret {secret.name} as it is."
    verified = ""
    if key.verification:
        accepted = f" ({key.verification.server} accepted it)"
        verified = " (not verified)" if key.verification.failure else accepted
    under = ", encrypted with KmsKeyArn" if plan.protection.kms_key else ""
    source = f"the key given{verified}" if key.key else "the key that you will be asked for"
    if secret.deleted:
        then = (
            f"then put {source} in the place of its key" if plan.options.replace_key else "with the key in it"
        )
        return f"Restore the secret {secret.name}, which is scheduled for deletion, {then}."
    return {
        secrets.Action.CREATE: f"Create the secret {secret.name} with {source}{under}.",
        secrets.Action.FILL: f"Put {source} into the secret {secret.name}, which is empty.",
        secrets.Action.KEEP: f"Leave the secret {secret.name} as it is.",
        secrets.Action.REPLACE: f"Replace the key in {secret.name} with {source}; what else it holds stays.",
    }[key.action]


def prepare(
    aws: AwsSession, console: Console, options: Options, account: Account, key: KeyInput | None
) -> Plan:
    """Look at what is there and decide what to do.

    Args:
        aws: the AWS session.
        console: where to ask for a key and for the logging role.
        options: what the person asked for.
        account: where.
        key: the key that was exported, if one was.

    Returns:
        The plan.

    Raises:
        ClientError: AWS refused to say what is there.
        CliError: something is in the way.
    """
    environment = read_environment(options.environment)
    if options.no_build and not Path(".aws-sam/build/template.yaml").exists():
        raise CliError("--no-build, and nothing has been built yet. Leave it out, or build first: sam build")
    flags = flags_for(account, aws.profile)
    stack = read_stack(aws.client("cloudformation"), environment.stack)
    refuse_if_busy(stack, flags)
    if stack.exists and not is_failed(stack) and stack.status not in UPDATABLE:
        raise CliError(
            f"The stack {stack.name} is {stack.status}, which deploy.sh does not know what to do about."
        )
    current = stack.parameters if stack.exists and not is_failed(stack) else {}
    parameters = merge(read_template(aws), given=options.parameters, current=current, environment=environment)
    parameters, limited = rotations.limit(parameters)
    notes = [limited] if limited else []
    if is_failed(stack):
        notes.append(
            f"The stack {stack.name} is {stack.status}: it cannot be updated, only deleted and made anew. "
            "Parameters that were given to it have to be given again."
        )
    wanted = next(parameter.new for parameter in parameters if parameter.name == "AccessLogs")
    logs = access_logs.resolve(aws, console, options, account, wanted=wanted == "enabled")
    notes.append(logs.note)
    notes.append(tls_note(stack))
    if not logs.on:
        parameters = access_logs.switch_off(parameters)
    values = {parameter.name: parameter.new for parameter in parameters}
    costs.require_budget(values)
    notes.append(costs.budget_note(values, current))
    vpc = vpcs.resolve(options, values, current)
    parameters = vpcs.prepare(vpc, parameters)
    secret = secrets.read(aws, values["SecretName"])
    keyless = keylesses.resolve(aws, options, values, secret, before=current.get("Keyless", "off"))
    notes += keyless.notes
    if keyless.wanted:
        parameters = keylesses.prepare(parameters)
    without_key = keyless.wanted or values["Keyless"] in openai_trust.USES_IDENTITY
    protection = protections.resolve(
        aws, options, account, environment.stack, values, secret, without_key=without_key
    )
    notes += protection.notes
    rotation = rotations.resolve(aws, console, options, values, current, secret, flags)
    notes += rotation.notes
    if without_key:
        unused = "The key in OPENAI_API_KEY is not used: the function does without." if key else ""
        plan = openai_key.KeyPlan(secret, secrets.Action.KEEP, None, note=unused)
    else:
        plan = openai_key.resolve_key(console, options, secret, key, values)
        if keyless.ends and plan.action is secrets.Action.KEEP:
            openai_key.verify_stored(options, secret, values)
    notes.append(concurrency.check(aws, options, values, current, flags))
    if values["ApiAccess"] == "open" and current.get("ApiAccess") != "open":
        notes.append(
            "With ApiAccess=open anybody on the internet can spend your OpenAI money, up to "
            f"{values['BudgetPerDay']} USD a day and {values['BudgetPerMonth']} USD a month."
        )
    if values["AlarmEmail"] and values["AlarmEmail"] != current.get("AlarmEmail"):
        notes.append(
            f"AWS will send a mail to {values['AlarmEmail']}; alarms come once it is confirmed there."
        )
    return Plan(
        options=options,
        account=account,
        environment=environment,
        stack=stack,
        parameters=parameters,
        key=plan,
        keyless=keyless,
        trust=openai_trust.trust_ended_by(stack, values),
        protection=protection,
        rotation=rotation,
        vpc=vpc,
        streaming_begins=values["Streaming"] == "on" and current.get("Streaming") != "on",
        logging_role=logs.role,
        notes=notes,
        flags=flags,
    )
