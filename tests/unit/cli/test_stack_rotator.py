"""doctor's checks of a stack's rotation function."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.cli.conftest import KEY, SECRET, Person
from tests.unit.cli.test_stack_account import results, stack, use
from travel_gpt.cli.doctor.stack import secret
from travel_gpt.cli.doctor.stack.deployed import Deployed, Resource

ADMIN = "travel-gpt/openai-admin-key"
SECRETS = "arn:aws:secretsmanager:us-east-1:1:secret:"
SCHEDULES = "arn:aws:scheduler:us-east-1:1:schedule/deletions/*"
SCHEDULE_ROLE = "arn:aws:iam::1:role/scheduler"
LOG = "arn:aws:logs:us-east-1:1:log-group:/aws/lambda/s-RotatorFunction:*"
KMS = "arn:aws:kms:us-east-1:1:key/k"
VARIABLES = {
    "ROTATION_ADMIN_SECRET_NAME": ADMIN,
    "ROTATION_SCHEDULE_GROUP": "deletions",
    "ROTATION_SCHEDULE_ROLE_ARN": SCHEDULE_ROLE,
    "ROTATION_KEY_SCOPES": "",
    "OPENAI_API": "responses",
}
BOUND = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
SCOPED = ("ok", "new keys may do this at OpenAI and nothing else: api.model.read, api.responses.write")
WELL = ("ok", f"r may change {SECRET}, read {ADMIN}, and no other secret")


def rotating() -> Deployed:
    found = stack()
    found.resources["RotatorFunction"] = Resource("RotatorFunction", "rotator", "AWS::Lambda::Function")
    return found


def allow(action: str | list[str], resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


OF_THE_TEMPLATE = [
    allow(
        [
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
        ],
        f"{SECRETS}{SECRET}-??????",
    ),
    allow("secretsmanager:GetSecretValue", f"{SECRETS}{ADMIN}-??????"),
    allow(["kms:Decrypt", "kms:GenerateDataKey"], KMS, Condition={"StringLike": {"kms:ViaService": "x"}}),
    allow("scheduler:CreateSchedule", SCHEDULES),
    allow("iam:PassRole", SCHEDULE_ROLE, Condition=BOUND),
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], LOG),
]


def look(
    monkeypatch: pytest.MonkeyPatch,
    *more: dict[str, Any],
    variables: dict[str, str] | None = None,
    attached: tuple[str, ...] = (),
) -> list[tuple[str, str]]:
    answers: dict[str, Any] = {
        "get_function_configuration": {
            "Role": "arn:aws:iam::1:role/r",
            "Environment": {"Variables": VARIABLES if variables is None else variables},
        },
        "list_attached_role_policies": {"AttachedPolicies": [{"PolicyName": name} for name in attached]},
        "list_role_policies": {"PolicyNames": ["p"]},
        "get_role_policy": {"PolicyDocument": {"Statement": [*OF_THE_TEMPLATE, *more]}},
    }
    use(monkeypatch, **answers)
    return results(secret.check_rotator(rotating()))


def test_without_rotation_there_is_nothing_to_say() -> None:
    assert results(secret.check_rotator(stack())) == []


def test_what_is_as_in_the_template_is_well(monkeypatch: pytest.MonkeyPatch, person: Person) -> None:
    person.secrets.create_secret(Name=ADMIN, SecretString=KEY)

    *found, kind = look(monkeypatch)

    stored = ("ok", f"{ADMIN} is there, stored 0 days ago; its value is not read here")
    assert (found, kind[0]) == ([WELL, SCOPED, stored], "ok")
    assert "no key of a project: it administers the whole organization" in kind[1]


@pytest.mark.parametrize(
    ("changes", "state", "says"),
    [
        ({"OPENAI_API": "chat"}, "ok", "nothing else: api.model.read, api.model.request"),
        ({"ROTATION_KEY_SCOPES": "api.new,api.model.read"}, "ok", "nothing else: api.new, api.model.read"),
        ({"ROTATION_KEY_SCOPES": "all"}, "warning", "whatever the service account may"),
        ({"ROTATION_KEY_SCOPES": None}, "warning", "whatever the service account may"),
    ],
    ids=["chat", "chosen", "all", "deployed-before"],
)
def test_what_new_keys_may_do_is_said(
    monkeypatch: pytest.MonkeyPatch, person: Person, changes: dict[str, str | None], state: str, says: str
) -> None:
    person.secrets.create_secret(Name=ADMIN, SecretString=KEY)
    variables = {name: value for name, value in {**VARIABLES, **changes}.items() if value is not None}

    _, scopes, *_ = look(monkeypatch, variables=variables)

    assert scopes[0] == state
    assert says in scopes[1]


@pytest.mark.parametrize(("days", "found"), [("182", []), ("183", ["problem"]), ("365", ["problem"])])
def test_a_period_for_which_openai_makes_no_key_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, person: Person, days: str, found: list[str]
) -> None:
    person.secrets.create_secret(Name=ADMIN, SecretString=KEY)

    said = look(monkeypatch, variables={**VARIABLES, "CREDENTIAL_ROTATION_DAYS": days})

    assert [state for state, text in said if f"every {days} days" in text] == found


@pytest.mark.parametrize(("days", "state"), [(90, "ok"), (92, "warning")])
def test_an_admin_key_that_is_old_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, person: Person, days: int, state: str
) -> None:
    person.secrets.create_secret(Name=ADMIN, SecretString=KEY)
    later = time.time() + days * 86_400
    monkeypatch.setattr(secret, "time", SimpleNamespace(time=lambda: later))

    _, _, age, _ = look(monkeypatch)

    assert age[0] == state
    assert f"stored {days} days ago" in age[1]


@pytest.mark.parametrize(
    "statement",
    [
        allow("*", "*"),
        allow("secretsmanager:GetSecretValue", f"{SECRETS}{SECRET}-*"),
        allow("secretsmanager:GetSecretValue", f"{SECRETS}somebody-else-??????"),
        allow("secretsmanager:*", f"{SECRETS}{SECRET}-??????"),
        allow("secretsmanager:DeleteSecret", f"{SECRETS}{SECRET}-??????"),
        allow("secretsmanager:PutSecretValue", f"{SECRETS}{ADMIN}-??????"),
        allow("scheduler:CreateSchedule", SCHEDULES.replace("deletions", "*")),
        allow("scheduler:DeleteSchedule", SCHEDULES),
        allow("iam:PassRole", SCHEDULE_ROLE),
        allow("iam:PassRole", "arn:aws:iam::1:role/*", Condition=BOUND),
        allow("kms:Decrypt", KMS),
        allow("kms:Decrypt", KMS.replace("/k", "/*"), Condition=BOUND),
        allow("logs:PutLogEvents", "arn:aws:logs:us-east-1:1:log-group:*"),
        allow("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:1:table/t"),
    ],
    ids=lambda each: f"{each['Action']} on {each['Resource'].rpartition(':')[2]}",
)
def test_whatever_else_its_role_may_do_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, person: Person, statement: dict[str, Any]
) -> None:
    person.secrets.create_secret(Name=ADMIN, SecretString=KEY)

    (state, says), *_ = look(monkeypatch, statement)

    action, resource = statement["Action"].lower(), statement["Resource"]
    assert (state, says) == ("problem", f"it may do {action} on {resource}, which is more than it needs")


def test_a_managed_policy_is_a_problem(monkeypatch: pytest.MonkeyPatch, person: Person) -> None:
    person.secrets.create_secret(Name=ADMIN, SecretString=KEY)

    found = look(monkeypatch, attached=("Admin",))

    assert found[0] == ("problem", "r has managed policies, and should have none: Admin")
    assert WELL not in found


def test_an_admin_secret_that_is_unusable_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, person: Person
) -> None:
    assert look(monkeypatch)[-1] == ("problem", f"there is no {ADMIN}: every rotation fails")
    person.secrets.create_secret(Name=ADMIN)
    assert look(monkeypatch)[-1] == ("problem", f"{ADMIN} is empty: every rotation fails")
    person.secrets.delete_secret(SecretId=ADMIN, RecoveryWindowInDays=7)
    gone = f"{ADMIN} is scheduled for deletion: every rotation fails"
    assert look(monkeypatch)[-1] == ("problem", gone)
    unset = "ROTATION_ADMIN_SECRET_NAME of the rotation function is not set: every rotation fails"
    assert look(monkeypatch, variables={})[-1] == ("problem", unset)


@pytest.mark.usefixtures("person")
def test_an_admin_secret_that_cannot_be_looked_at_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://")

    assert look(monkeypatch)[-1][0] == "warning"
