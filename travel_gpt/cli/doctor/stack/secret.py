"""The secret (versions, rotation, encryption, readers) and the rotation function with its admin key.

No value is read.
"""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import boto3

from travel_gpt.aws.failures import AWS_ERRORS
from travel_gpt.aws.secret_versions import SecretMetadata, SecretVersions
from travel_gpt.cli.doctor.check_result import DAY, OLD, CheckResult, age_and_end, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.doctor.stack.function import (
    REDEPLOY,
    RESTORE,
    Grant,
    attached_to,
    grants_of,
    secret_name_of,
)
from travel_gpt.cli.errors import AWS_CLI, advice_for
from travel_gpt.cli.target import SECRETS
from travel_gpt.errors import CredentialError, SecretNotFound
from travel_gpt.rotation.config import MOST_DAYS, UNRESTRICTED, scopes_of

GRACE: Final = 2 * DAY
"""Seconds that a rotation may be late: Secrets Manager rotates at any time of the day that is due."""

LONGEST_ROTATION: Final = 3600
"""Seconds after which a rotation that has not ended counts as stopped. Its four steps have 2 minutes each."""

_ANYONE: Final = "*"


_RESTORE: Final = f"Restore it {AWS_CLI}: aws secretsmanager restore-secret --secret-id "


def check_secret(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the secret that the function reads."""
    settings = deployed.settings
    if "secrets-manager" not in settings.credential_source:
        yield ok("secret", f"the function reads none: its source is {', '.join(settings.credential_source)}")
        return
    options = next((f" --env {env}" for env, name in SECRETS.items() if name == settings.secret_name), "")
    options = options or f" --secret {settings.secret_name}"
    try:
        described = SecretVersions(settings.secret_name).describe()
    except SecretNotFound:
        yield problem("secret", f"there is no {settings.secret_name}", f"travel-gpt secret put{options}")
        return
    except CredentialError as failure:
        yield warning("secret", f"not checked: {failure.detail}", advice_for(failure))
        return
    if described.deleted_at is not None:
        yield problem("secret", f"{described.name} is scheduled for deletion", f"{_RESTORE}{described.name}")
        return
    yield from _versions(described, options)
    yield from _rotation(described, wanted=bool(deployed.of_type("AWS::SecretsManager::RotationSchedule")))
    yield from _age(described, options, settings.credential_rotation_days)
    yield from _encryption(described, deployed)
    yield from _readers(described)


def _versions(described: SecretMetadata, options: str) -> Iterator[CheckResult]:
    if described.current is None:
        yield problem("secret", f"{described.name} has no value", f"travel-gpt secret put{options}")
        return
    before = "with a previous one" if described.previous else "without a previous one"
    yield ok("secret", f"{described.name}, version {described.current}, {before}")
    if described.unfinished is not None:
        yield _unfinished(described, described.unfinished, options)


def _unfinished(described: SecretMetadata, version: str, options: str) -> CheckResult:
    discard = f"travel-gpt secret discard-pending{options}"
    made = stored_at(described.arn, version)
    if made is None or time.time() - made < LONGEST_ROTATION:
        says = f"version {version} is pending: a rotation is running, or one did not finish"
        return warning("rotation", says, f"If that does not change within the hour: {discard}")
    days = int((time.time() - made) // DAY)
    since = f"for {days} days" if days else f"for {(time.time() - made) / 3600:.0f} hours"
    return problem(
        "rotation",
        f"version {version} is pending {since}: a rotation did not finish. Until it is discarded, no other "
        "rotation starts and the rotation settings cannot be changed",
        f"The rotation function's log has the cause. Then: {discard}",
    )


def _rotation(described: SecretMetadata, *, wanted: bool) -> Iterator[CheckResult]:
    if wanted and not described.rotates:
        yield problem(
            "rotation",
            "the stack has a rotation schedule, but rotation is disabled",
            f"Enable it {AWS_CLI}: aws secretsmanager rotate-secret --secret-id {described.name} "
            "--no-rotate-immediately",
        )
    elif not described.rotates:
        yield ok("rotation", "manual: no rotation schedule")
    elif (late := time.time() - (described.next_rotation_at or time.time())) > GRACE:
        yield problem(
            "rotation",
            f"it was due {late / DAY:.0f} days ago and did not run",
            "See the rotation function's log and its alarm.",
        )
    else:
        period = f", every {described.rotation_days} days" if described.rotation_days else ""
        due = described.next_rotation_at
        then = f", next {datetime.fromtimestamp(due, UTC):%Y-%m-%d}" if due else ""
        yield ok("rotation", f"on{period}{then}")


def _age(described: SecretMetadata, options: str, expected_days: int) -> Iterator[CheckResult]:
    current = described.current
    stored = (current and stored_at(described.arn, current)) or described.changed_at
    scheduled = described.rotation_days * DAY + GRACE if described.rotates and described.rotation_days else 0
    oldest = scheduled or expected_days * DAY or OLD
    # The expiry is in the value, which is not read here: the function's health reports it.
    yield from age_and_end(stored, None, time.time(), f"travel-gpt secret rotate{options}", oldest=oldest)


def stored_at(arn: str, version: str) -> float | None:
    """Return when a version of a secret was written, in seconds since the epoch.

    Args:
        arn: the secret's ARN.
        version: the version's id.

    Returns:
        The time; None where AWS does not say.
    """
    try:
        answer = boto3.client("secretsmanager").list_secret_version_ids(SecretId=arn)
    except AWS_ERRORS:
        return None
    made = [
        each["CreatedDate"].timestamp()
        for each in answer["Versions"]
        if each["VersionId"] == version and "CreatedDate" in each
    ]
    return made[0] if made else None


def _encryption(described: SecretMetadata, deployed: Deployed) -> Iterator[CheckResult]:
    if not described.kms_key or described.kms_key.endswith("alias/aws/secretsmanager"):
        yield ok("encryption", "the AWS managed key of Secrets Manager")
        return
    grants, _ = grants_of(str(deployed.function["Role"]).rpartition("/")[2])
    if any(grant.action == "kms:decrypt" for grant in grants):
        yield ok("encryption", f"your key {described.kms_key}, which the role may use to decrypt")
    else:
        yield problem(
            "encryption",
            f"the secret is encrypted with {described.kms_key}, and the role has no kms:Decrypt",
            "Name the key's ARN in the stack's parameters, or encrypt the secret with aws/secretsmanager.",
        )


def _readers(described: SecretMetadata) -> Iterator[CheckResult]:
    found = boto3.client("secretsmanager").get_resource_policy(SecretId=described.arn).get("ResourcePolicy")
    if not found:
        yield ok("readers", "the secret has no resource policy: IAM policies alone decide who reads it")
        return
    let_in = _let_in(json.loads(found))
    check = f"Check it {AWS_CLI}: aws secretsmanager get-resource-policy --secret-id {described.name}"
    if _ANYONE in let_in:
        yield problem("readers", "the secret's resource policy lets anyone read it", check)
    elif let_in:
        yield warning("readers", f"the secret's resource policy also allows {', '.join(let_in)}", check)
    else:
        yield ok("readers", "the secret's resource policy only denies")


def _let_in(policy: dict[str, Any]) -> list[str]:
    """Return who a resource policy lets in."""
    statements = policy.get("Statement", [])
    found: list[str] = []
    for each in statements if isinstance(statements, list) else [statements]:
        if each.get("Effect") != "Allow":
            continue
        principal = each.get("Principal", _ANYONE)
        for value in principal.values() if isinstance(principal, dict) else [principal]:
            found += [value] if isinstance(value, str) else value
    return found


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
    by_hand = f"{AWS_CLI}, as in docs/operations/rotation.md: aws secretsmanager"
    try:
        described = SecretVersions(name).describe()
    except SecretNotFound:
        yield problem(
            "admin key",
            f"there is no {name}: every rotation fails",
            f"Create it {by_hand} create-secret --name {name} --secret-string file:///dev/stdin",
        )
        return
    except CredentialError as failure:
        yield warning("admin key", f"not checked: {failure.detail}", advice_for(failure))
        return
    if described.deleted_at is not None:
        yield problem(
            "admin key", f"{name} is scheduled for deletion: every rotation fails", f"{_RESTORE}{name}"
        )
    elif described.current is None:
        yield problem(
            "admin key",
            f"{name} is empty: every rotation fails",
            f"Fill it {by_hand} put-secret-value --secret-id {name} --secret-string file:///dev/stdin",
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
