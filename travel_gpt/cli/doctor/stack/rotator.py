"""The rotation function: what its role and its keys may do, and the secret with OpenAI's admin key.

The admin key itself is not read.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Final

import boto3

from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.cli.doctor.check_result import DAY, OLD, CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.doctor.stack.function import REDEPLOY
from travel_gpt.cli.doctor.stack.role import RESTORE, Grant, attached_to, grants_of, secret_name_of
from travel_gpt.cli.doctor.stack.secret import stored_at
from travel_gpt.cli.errors import advice_for
from travel_gpt.errors import CredentialError, SecretNotFound
from travel_gpt.rotation.config import MOST_DAYS
from travel_gpt.rotation.scopes import UNRESTRICTED, scopes_of

ROTATOR: Final = "RotatorFunction"
_READS: Final = "secretsmanager:getsecretvalue"
_OF_ITS_SECRET: Final = (
    "secretsmanager:describesecret",
    _READS,
    "secretsmanager:putsecretvalue",
    "secretsmanager:updatesecretversionstage",
)
_LOGS: Final = ("logs:createlogstream", "logs:putlogevents")
_KMS: Final = ("kms:decrypt", "kms:generatedatakey")


def check_rotator(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the rotation function, where the stack has one."""
    if ROTATOR not in deployed.resources:
        return
    function = boto3.client("lambda").get_function_configuration(
        FunctionName=deployed.resources[ROTATOR].physical
    )
    variables: Mapping[str, str] = function.get("Environment", {}).get("Variables", {})
    admin = variables.get("ROTATION_ADMIN_SECRET_NAME", "")
    yield from _role(str(function["Role"]).rpartition("/")[2], deployed, admin, variables)
    yield _key_scopes(variables)
    yield from _period(variables)
    if admin:
        yield from _admin_secret(admin)
    else:
        says = "ROTATION_ADMIN_SECRET_NAME of the rotation function is not set: every rotation fails"
        yield problem("admin key", says, REDEPLOY)


def _role(role: str, deployed: Deployed, admin: str, variables: Mapping[str, str]) -> Iterator[CheckResult]:
    grants, attached = grants_of(role)
    wrong = list(attached_to("rotation role", role, attached))
    wrong += [
        problem(
            "rotation role",
            f"it may do {grant.action} on {grant.resource}, which is more than it needs",
            RESTORE,
        )
        for grant in grants
        if not _is_needed(grant, secret_name_of(deployed), admin, variables)
    ]
    yield from wrong
    if not wrong:
        yield ok(
            "rotation role",
            f"{role} may change {secret_name_of(deployed)}, read {admin}, and no other secret",
        )


def _key_scopes(variables: Mapping[str, str]) -> CheckResult:
    chosen = variables.get("ROTATION_KEY_SCOPES")
    broad = "new keys may do at OpenAI whatever the service account may"
    if chosen is None:
        # Deployed before keys had scopes.
        return warning("key scopes", broad, REDEPLOY)
    if chosen == UNRESTRICTED:
        return warning("key scopes", broad, "./deploy.sh --parameter RotationKeyScopes=")
    scopes = scopes_of(chosen, variables.get("OPENAI_API") or "responses")
    return ok("key scopes", f"new keys may do this at OpenAI and nothing else: {', '.join(scopes)}")


def _period(variables: Mapping[str, str]) -> Iterator[CheckResult]:
    days = variables.get("CREDENTIAL_ROTATION_DAYS", "")
    if days.isdecimal() and int(days) > MOST_DAYS:
        # Deployed when the template accepted it.
        yield problem(
            "rotation",
            f"it is to happen every {days} days, for which OpenAI makes no key: every rotation fails",
            f"./deploy.sh --parameter RotationDays={MOST_DAYS}",
        )


def _is_needed(grant: Grant, own: str, admin: str, variables: Mapping[str, str]) -> bool:
    group = variables.get("ROTATION_SCHEDULE_GROUP", "")
    if grant.resource.endswith(f":secret:{own}-??????"):
        return grant.action in _OF_ITS_SECRET
    if grant.resource.endswith(f":secret:{admin}-??????"):
        return grant.action == _READS
    if grant.action == "scheduler:createschedule":
        return bool(group) and grant.resource.endswith(f":schedule/{group}/*")
    if grant.action == "iam:passrole":
        return grant.bounded and grant.resource == variables.get("ROTATION_SCHEDULE_ROLE_ARN")
    if grant.action in _LOGS:
        return ":log-group:" in grant.resource and not grant.resource.endswith("log-group:*")
    return grant.action in _KMS and grant.bounded and "*" not in grant.resource


def _admin_secret(name: str) -> Iterator[CheckResult]:
    create = f"aws secretsmanager create-secret --name {name} --secret-string file:///dev/stdin"
    try:
        described = SecretVersions(name).describe()
    except SecretNotFound:
        yield problem(
            "admin key",
            f"there is no {name}: every rotation fails",
            f"{create} (see docs/operations/rotation.md)",
        )
        return
    except CredentialError as failure:
        yield warning("admin key", f"not checked: {failure.detail}", advice_for(failure))
        return
    if described.deleted_at is not None:
        command = f"aws secretsmanager restore-secret --secret-id {name}"
        yield problem("admin key", f"{name} is scheduled for deletion: every rotation fails", command)
    elif described.current is None:
        command = f"aws secretsmanager put-secret-value --secret-id {name} --secret-string file:///dev/stdin"
        yield problem(
            "admin key",
            f"{name} is empty: every rotation fails",
            f"{command} (see docs/operations/rotation.md)",
        )
    else:
        yield _admin_key_age(name, stored_at(described.arn, described.current))
        yield ok(
            "admin key",
            "an admin key is no key of a project: it administers the whole organization at OpenAI. "
            "docs/operations/rotation.md lists its permissions; OpenAI shows when it expires",
        )


def _admin_key_age(name: str, stored: float | None) -> CheckResult:
    if stored is None:
        return ok("admin key", f"{name} is there; its value is not read here")
    days = max(0, int((time.time() - stored) // DAY))
    if days * DAY > OLD:
        says = f"{name} was stored {days} days ago, and is not rotated automatically"
        return warning(
            "admin key",
            says,
            "Create a new admin key and store it in that secret (see docs/operations/rotation.md).",
        )
    return ok("admin key", f"{name} is there, stored {days} days ago; its value is not read here")
