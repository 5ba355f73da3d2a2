"""The stack itself, its function, and the permissions of the function's role."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import boto3

from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed, variables_of
from travel_gpt.cli.errors import AWS_CLI
from travel_gpt.cli.program import looks_like_key
from travel_gpt.settings import Settings

REDEPLOY = "Run ./deploy.sh again."

WRAPPER: Final = "/var/task/travel_gpt/stream_wrapper"
"""The program that starts the function that streams: template.yaml, AWS_LAMBDA_EXEC_WRAPPER."""


def check_stack(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the outcome of the last deployment."""
    status = deployed.stack.status
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        yield ok("stack", f"{status}")
    elif status.endswith("_IN_PROGRESS"):
        yield warning("stack", f"{status}: a deployment is running", "Wait until it is done, then repeat.")
    elif status in {"UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}:
        yield warning("stack", f"{status}: the last deployment failed and was rolled back", REDEPLOY)
    else:
        yield problem("stack", f"{status}", REDEPLOY)


def check_settings(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the environment variables of the function, and of the one that streams."""
    yield from _check_variables("settings", deployed.variables)
    if deployed.stream_function:
        yield from _check_variables("stream settings", variables_of(deployed.stream_function))
        yield from _check_both_alike(deployed)


def _check_variables(check: str, variables: Mapping[str, str]) -> Iterator[CheckResult]:
    problems = Settings.load(variables).problems
    for wrong in problems:
        yield problem(check, wrong, "Correct it: ./deploy.sh --parameter Name=Value")
    # Settings.load names its own; a key may as well be in a variable that Travel GPT does not read.
    known = " ".join(problems)
    for name, value in sorted(variables.items()):
        if name not in known and (looks_like_key(value) or name == "OPENAI_API_KEY"):
            yield problem(
                check,
                f"the variable {name} looks like a key, and everyone who may see the function sees it",
                "Revoke that key, and remove the variable: ./deploy.sh",
            )
    if not problems:
        yield ok(check, "every variable of the function is valid")


_OF_STREAMS: Final = frozenset({"AWS_LAMBDA_EXEC_WRAPPER", "STREAMING", "STREAM_SECONDS"})
"""The variables that only the function that streams has."""


def _check_both_alike(deployed: Deployed) -> Iterator[CheckResult]:
    """Check that both functions ask the same model, with the same key, limits and budgets."""
    one, other = deployed.variables, variables_of(deployed.stream_function)
    differ = sorted(name for name in {*one, *other} - _OF_STREAMS if one.get(name) != other.get(name))
    if differ:
        yield problem(
            "stream settings",
            f"the function that streams has other values than the function: {', '.join(differ)}",
            f"They were changed manually: set both to the same value {AWS_CLI} (aws lambda "
            "update-function-configuration), or in the console.",
        )
    wrapper = other.get("AWS_LAMBDA_EXEC_WRAPPER", "")
    if wrapper != WRAPPER:
        yield problem(
            "stream settings",
            f"AWS_LAMBDA_EXEC_WRAPPER is {wrapper or 'not set'}, so the function cannot stream",
            f"Set it to {WRAPPER}, in the console or {AWS_CLI}: aws lambda update-function-configuration",
        )


def check_functions(deployed: Deployed) -> Iterator[CheckResult]:
    """Check that the function can run, and the one that streams."""
    yield from _check_function("function", deployed.function)
    if deployed.stream_function:
        yield from _check_function("stream function", deployed.stream_function)


def _check_function(check: str, function: Mapping[str, Any]) -> Iterator[CheckResult]:
    name = function["FunctionName"]
    state, last = function.get("State", "Active"), function.get("LastUpdateStatus", "Successful")
    if state not in {"Active", "Inactive"} or last == "Failed":
        why = function.get("StateReason") or function.get("LastUpdateStatusReason") or ""
        yield problem(check, f"it is {state}, its last update {last}. {why}".strip(), REDEPLOY)
    else:
        yield ok(check, f"{name}, {function.get('Runtime', '')}")
    answer = boto3.client("lambda").get_function_concurrency(FunctionName=name)
    if answer.get("ReservedConcurrentExecutions") == 0:
        yield problem(
            check,
            "its reserved concurrency is 0, so it is not run",
            f"Delete that {AWS_CLI}: aws lambda delete-function-concurrency --function-name {name}",
        )


RESTORE: Final = "Remove it in IAM: CloudFormation does not detect manual changes."
"""How to fix a role that may do too much."""

STREAM_ROLE: Final = "StreamFunctionRole"
"""The logical id of the role of the function that streams."""

_READS: Final = "secretsmanager:getsecretvalue"
_WEB_IDENTITY: Final = "sts:getwebidentitytoken"

# Actions that AWS offers for every resource only.
_WITHOUT_RESOURCE: Final = (
    "ec2:createnetworkinterface",
    "ec2:deletenetworkinterface",
    "ec2:describenetworkinterfaces",
    "ec2:describesubnets",
    "ec2:assignprivateipaddresses",
    "ec2:unassignprivateipaddresses",
    _WEB_IDENTITY,
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one resource that a policy allows."""

    action: str
    resource: str
    bounded: bool = False
    """Whether it holds under conditions only."""


def check_role(deployed: Deployed) -> Iterator[CheckResult]:
    """Check every policy of the role of the function, and of that of the function that streams."""
    yield from _check_role("role", str(deployed.function["Role"]).rpartition("/")[2], deployed)
    if STREAM_ROLE in deployed.resources:
        yield from _check_role("stream role", deployed.resources[STREAM_ROLE].physical, deployed)


def _check_role(check: str, role: str, deployed: Deployed) -> Iterator[CheckResult]:
    grants, attached = grants_of(role)
    wrong = [*attached_to(check, role, attached), *_too_much(grants, deployed, check)]
    yield from wrong
    yield from _enough(grants, deployed, check)
    if not wrong:
        yield ok(check, f"{role} may do {len({g.action for g in grants})} things, {_on_what(grants)}")


def _on_what(grants: list[Grant]) -> str:
    everywhere = sorted({grant.action for grant in grants if grant.resource == "*"})
    listed = ", ".join(everywhere)
    return f"all but {listed} on named resources" if everywhere else "each on named resources"


def grants_of(role: str) -> tuple[list[Grant], list[str]]:
    """Ask IAM what a role's own policies allow.

    Args:
        role: its name.

    Returns:
        What they allow, and the names of the managed policies attached to it.
    """
    iam = boto3.client("iam")
    attached = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
    names = iam.get_paginator("list_role_policies").paginate(RoleName=role)
    policies = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for page in names
        for name in page["PolicyNames"]
    ]
    grants = [grant for policy in policies for grant in allowed_by(policy)]
    return grants, [each["PolicyName"] for page in attached for each in page["AttachedPolicies"]]


def attached_to(check: str, role: str, attached: list[str]) -> Iterator[CheckResult]:
    """Say that a role has managed policies, if it has any.

    Args:
        check: the check that says so.
        role: the role's name.
        attached: the names of the policies.
    """
    if attached:
        names = ", ".join(attached)
        yield problem(check, f"{role} has managed policies, and should have none: {names}", RESTORE)


def secret_name_of(deployed: Deployed) -> str:
    """Return the name of the function's secret, without the ARN's beginning and AWS's six characters."""
    name = deployed.settings.secret_name
    return name.partition(":secret:")[2][:-7] if name.startswith("arn:") else name


def allowed_by(document: Any) -> list[Grant]:
    """Return what a policy allows, one action on one resource each.

    Args:
        document: the policy, as a document or as its JSON, which IAM's own API quotes for URLs.
    """
    policy = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    return [
        # IAM does not tell capitals in actions apart.
        Grant(action.lower(), resource, bounded=bool(each.get("Condition")))
        for each in (statements if isinstance(statements, list) else [statements])
        if each.get("Effect") == "Allow"
        for action in _listed(each.get("Action", "* (NotAction)"))
        for resource in _listed(each.get("Resource", "NotResource *"))
    ]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _too_much(grants: list[Grant], deployed: Deployed, check: str = "role") -> Iterator[CheckResult]:
    own = f":secret:{secret_name_of(deployed)}-??????"
    for grant in grants:
        if "*" in grant.action:
            yield problem(check, f"it may do {grant.action} on {grant.resource}", RESTORE)
        elif grant.action.startswith("secretsmanager:") and not grant.resource.endswith(own):
            yield problem(
                check,
                f"it may do {grant.action} on {grant.resource}, which is more than its own secret",
                f"The resource must end in {own}. {RESTORE}",
            )
        elif grant.action == _WEB_IDENTITY and not grant.bounded:
            yield problem(
                check,
                "it may get tokens for any audience from STS: no condition limits it",
                f"Put the conditions of template.yaml back. {RESTORE}",
            )
        elif grant.resource.endswith("*") and not _may_end_so(grant):
            yield problem(check, f"it may do {grant.action} on {grant.resource}", RESTORE)


def _may_end_so(grant: Grant) -> bool:
    within_a_log_group = ":log-group:" in grant.resource and not grant.resource.endswith("log-group:*")
    return grant.action in _WITHOUT_RESOURCE or within_a_log_group


def _enough(grants: list[Grant], deployed: Deployed, check: str = "role") -> Iterator[CheckResult]:
    sources = deployed.settings.credential_source
    reads = any(grant.action == _READS for grant in grants)
    if "secrets-manager" in sources and not reads:
        yield problem(
            check,
            "it has no policy for reading secrets, and the function's source is secrets-manager",
            "Put the policy of template.yaml back: ./deploy.sh does so once the role differs from the stack.",
        )
    if "secrets-manager" not in sources and reads:
        yield warning(
            check,
            f"it may still read a secret, and the function's sources are {', '.join(sources)}",
            "Once ?verify=true succeeds without the secret, remove the policy with the second deployment.",
        )
