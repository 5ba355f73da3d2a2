"""What will happen, put together and shown before it happens. Nothing here changes anything."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from travel_gpt.cli.aws_session import Account
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import keyless as keylesses, logging_role
from travel_gpt.cli.deploy.keyless import Keyless
from travel_gpt.cli.deploy.logging_role import RoleState
from travel_gpt.cli.deploy.openai_trust import Trust
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import Environment, Parameter
from travel_gpt.cli.deploy.protection import Protection
from travel_gpt.cli.deploy.rotation import Rotation
from travel_gpt.cli.deploy.secret import Action, Secret
from travel_gpt.cli.deploy.stack import is_failed
from travel_gpt.cli.deploy.vpc import Vpc
from travel_gpt.cli.key_input import KeyInput
from travel_gpt.cli.stack import Stack
from travel_gpt.cli.verification import Verification


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """What becomes of the key."""

    secret: Secret
    action: Action
    key: KeyInput | None
    """The key at hand, where it is needed now or may be once the secret is restored."""
    verification: Verification | None = None
    note: str = ""
    """A sentence about a key that is not used."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before anything is changed."""

    options: Options
    account: Account
    environment: Environment
    stack: Stack
    parameters: Sequence[Parameter]
    key: KeyPlan
    keyless: Keyless
    trust: Trust | None
    """The mapping at OpenAI that is no longer needed afterwards."""
    protection: Protection
    rotation: Rotation
    vpc: Vpc
    logging_role: RoleState | None
    """What there is of API Gateway's logging role, where it is to be set up."""
    notes: Sequence[str]
    """What else the person should know."""
    flags: str
    """The region's and profile's flags for printed commands, with a space before each."""

    @property
    def without_key(self) -> bool:
        """Whether the function is to do without a key, or does already."""
        return self.keyless.wanted or any(
            one.name == "Keyless" and one.new in keylesses.USES_IDENTITY for one in self.parameters
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
    there = "scheduled for deletion" if secret.deleted else "exists" if secret.exists else "new"
    console.say()
    console.rows(
        [
            ("Stack", f"{plan.stack.name} ({_state(plan.stack)})"),
            ("Secret", f"{secret.name} ({there})"),
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


def _state(stack: Stack) -> str:
    return f"exists, {stack.status}" if stack.exists else "new"


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
    return [*steps, *([plan.trust.step] if plan.trust else []), *plan.vpc.steps]


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
        Action.CREATE: f"Create the secret {secret.name} with {source}{under}.",
        Action.FILL: f"Put {source} into the secret {secret.name}, which is empty.",
        Action.KEEP: f"Leave the secret {secret.name} as it is.",
        Action.REPLACE: f"Replace the key in {secret.name} with {source}; what else it holds stays.",
    }[key.action]
