"""The rotation Lambda itself: its handler, against moto and a fake admin API over real HTTP."""

import importlib
import io
import itertools
import json
import logging
import sys
import time
import traceback
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.secretsmanager.models import secretsmanager_backends

from testbed import secret_versions
from tests.fakes.openai import Behaviour, FakeOpenAI
from tests.fakes.openai.admin import Organization
from travel_gpt import telemetry
from travel_gpt.credentials.secret import Key
from travel_gpt.errors import Misconfigured
from travel_gpt.rotation import openai_keys, workflow as rotation
from travel_gpt.rotation.bootstrap import admin_url
from travel_gpt.rotation.events import RotationFailed
from travel_gpt.settings import Settings

SECRET, ADMIN_SECRET = "travel-gpt/openai-api-key", "travel-gpt/openai-admin-key"
OWNERS = "sk-svcacct-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
ADMIN = "sk-admin-Jc4TnB8xWq6MzR2vKp9HyD5fGs3LbV7e"
MADE = "Zt5YqW8nRb3LxV7mKd2HpGf9"
# No four characters of these are in an ordinary word, path or number.
CANARIES = (OWNERS[11:], ADMIN[9:], MADE)
PIECES = frozenset(text[i : i + 4] for text in CANARIES for i in range(len(text) - 3))
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
GROUP = "travel-gpt-KeyDeletions"


def quoting_the_key(status: int) -> Behaviour:
    """Refuse with a body that has the caller's key in its message and its code."""
    return lambda exchange: exchange.reply(
        status, {"error": {"message": f"no, {exchange.call.key}", "code": exchange.call.key}}
    )


class Rotator:
    """The Lambda, and the account it works in."""

    def __init__(self, upstream: FakeOpenAI, streams: pytest.CaptureFixture[str]) -> None:
        self.upstream, self.api, self.streams = upstream, upstream.organization, streams
        self.secrets = boto3.client("secretsmanager")
        self.scheduler = boto3.client("scheduler")
        self.arn = self.secrets.create_secret(Name=SECRET, SecretString=json.dumps({"api_key": OWNERS}))[
            "ARN"
        ]
        self.secrets.create_secret(Name=ADMIN_SECRET, SecretString=json.dumps({"admin_api_key": ADMIN}))
        self.scheduler.create_schedule_group(Name=GROUP)
        self.log = io.StringIO()
        self.exceptions = ""

    def load(self) -> Any:
        """The front door, as a new environment imports it."""
        sys.modules.pop("travel_gpt.rotator", None)
        module = importlib.import_module("travel_gpt.rotator")
        telemetry.configure(Settings(), stream=self.log)
        return module

    def begin(self) -> str:
        """Begin a rotation as Secrets Manager does."""
        token = str(uuid.uuid4())
        secret: Any = secretsmanager_backends["123456789012"]["us-east-1"].secrets[SECRET]
        secret.rotation_requested = secret.rotation_enabled = True
        secret.remove_version_stages_from_old_versions(["AWSPENDING"])
        secret.versions[token] = secret_versions.begin(token)
        return token

    def do(self, step: str, token: str) -> None:
        """Call the Lambda."""
        self.load().lambda_handler({"Step": step, "SecretId": self.arn, "ClientRequestToken": token}, None)

    def fails(self, step: str, token: str) -> str:
        """Call the Lambda for a step that must fail, and keep what Lambda would print."""
        with pytest.raises(RotationFailed) as failed:
            self.do(step, token)
        printed = "".join(traceback.format_exception(failed.value, chain=True))
        self.exceptions += printed
        return str(failed.value)

    def rotate(self) -> None:
        """Do all steps."""
        token = self.begin()
        for step in STEPS:
            self.do(step, token)

    def value(self) -> dict[str, Any]:
        """What the current version holds."""
        document: dict[str, Any] = json.loads(self.secrets.get_secret_value(SecretId=SECRET)["SecretString"])
        return document

    def printed(self) -> str:
        """What went to standard output and error, the metrics among it."""
        captured = self.streams.readouterr()
        self.exceptions += captured.out + captured.err
        return self.exceptions

    def events(self) -> list[dict[str, Any]]:
        """The audit events so far."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines() if line.startswith("{")]
        return [line["audit"] for line in lines if "audit" in line]


@pytest.fixture
def rotator(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Rotator]:
    with mock_aws(), FakeOpenAI() as upstream:
        upstream.accepted_keys, upstream.organization = set(), Organization(ADMIN)
        upstream.organization.add("made by hand", OWNERS)
        made = Rotator(upstream, capfd)
        for name, value in {
            "OPENAI_BASE_URL": upstream.base_url,
            "ROTATION_PROJECT_ID": "proj_1",
            "ROTATION_SERVICE_ACCOUNT_ID": "user-1",
            "ROTATION_ADMIN_SECRET_NAME": ADMIN_SECRET,
            "ROTATION_FUNCTION_ARN": "arn:aws:lambda:us-east-1:123456789012:function:rotator",
            "ROTATION_SCHEDULE_GROUP": GROUP,
            "ROTATION_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
            "CREDENTIAL_ROTATION_DAYS": "30",
            "OPENAI_MAX_RETRIES": "0",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(openai_keys, "_PAUSES", (0.0, 0.0))
        monkeypatch.setattr(rotation, "NEW_KEYS_MAY_NEED", 0.0)
        everything = logging.StreamHandler(made.log)
        root = logging.getLogger()
        level = root.level
        root.addHandler(everything)
        root.setLevel(logging.DEBUG)
        yield made
        root.removeHandler(everything)
        root.setLevel(level)
        written = made.log.getvalue() + made.printed()
        # The canary: whatever a test did, no piece of any key was written anywhere.
        assert not {piece for piece in PIECES if piece in written}


@pytest.mark.parametrize("days", ["1", "181", "182"])
def test_openai_takes_the_lifetime_that_goes_with_every_period(
    rotator: Rotator, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    monkeypatch.setenv("CREDENTIAL_ROTATION_DAYS", days)
    # The longest overlap that the template accepts.
    for name in ("CREDENTIAL_TTL_SECONDS", "CREDENTIAL_MAX_STALE_SECONDS"):
        monkeypatch.setenv(name, "86400")

    rotator.rotate()

    assert rotator.value()["api_key"].endswith(MADE)
    assert rotator.value()["expires_at"] - time.time() <= 31_536_000


SCOPES = {
    "responses": ["api.model.read", "api.responses.write"],
    "chat": ["api.model.read", "api.model.request"],
}


@pytest.mark.parametrize(
    ("variables", "secret", "scopes", "path"),
    [
        ({}, {}, SCOPES["responses"], "responses"),
        ({"OPENAI_API": "chat"}, {}, SCOPES["chat"], "chat/completions"),
        ({}, {"api": "chat"}, SCOPES["chat"], "chat/completions"),
        ({"OPENAI_API": "chat"}, {"api": "responses"}, SCOPES["responses"], "responses"),
        # Keys without restriction have to be asked for.
        ({"ROTATION_KEY_SCOPES": "all"}, {}, None, "responses"),
    ],
    ids=str,
)
def test_a_new_key_may_do_what_answering_needs_and_nothing_else(
    rotator: Rotator,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    secret: dict[str, str],
    scopes: list[str] | None,
    path: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    rotator.secrets.put_secret_value(
        SecretId=SECRET, SecretString=json.dumps({"api_key": OWNERS, "model": "gpt-x", **secret})
    )

    rotator.rotate()

    (made,) = (body for body in rotator.api.bodies if "expires_in_seconds" in body)
    assert made.get("scopes") == scopes
    # And it was verified with both calls before it was promoted.
    assert {call.path for call in rotator.upstream.calls} == {"/v1/models", f"/v1/{path}"}


@pytest.mark.parametrize("api", SCOPES)
@pytest.mark.parametrize("lacking", [0, 1])
def test_a_key_that_lacks_a_scope_is_never_promoted(
    rotator: Rotator, monkeypatch: pytest.MonkeyPatch, api: str, lacking: int
) -> None:
    monkeypatch.setenv("OPENAI_API", api)
    monkeypatch.setenv("ROTATION_KEY_SCOPES", SCOPES[api][1 - lacking])
    token = rotator.begin()
    rotator.do("createSecret", token)

    assert "credential_rejected" in rotator.fails("testSecret", token)

    assert rotator.value() == {"api_key": OWNERS}
    assert '"RotationFailure":[1.0]' in rotator.printed()
    # When the owner chooses what is needed, then the same version passes.
    monkeypatch.setenv("ROTATION_KEY_SCOPES", "")
    for step in STEPS:
        rotator.do(step, token)
    assert rotator.value()["api_key"].endswith(MADE)
    (made,) = (key for key in rotator.api.keys.values() if key["value"] == rotator.value()["api_key"])
    assert made["scopes"] == SCOPES[api]


@pytest.mark.parametrize(
    ("step", "days_left", "says"),
    [
        ("createSecret", None, "OpenAI's admin key is valid at the next rotation"),
        ("createSecret", 40, "OpenAI's admin key is valid at the next rotation"),
        ("createSecret", 20, "OpenAI's admin key expires before the next rotation"),
        ("testSecret", 20, "OpenAI's admin key expires before the next rotation"),
    ],
)
def test_the_log_says_how_old_the_admin_key_is_and_warns_before_it_expires(
    rotator: Rotator, step: str, days_left: int | None, says: str
) -> None:
    if days_left is not None:
        rotator.api.admin_expires_at = int(time.time()) + days_left * 86_400 + 60
    # Alone, testSecret is the call with which rotation is turned on.
    rotator.do(step, rotator.begin())

    lines = [json.loads(line) for line in rotator.log.getvalue().splitlines() if line.startswith("{")]
    (line,) = (each for each in lines if "admin key" in each["message"])
    assert (line["message"], line["age_days"], line.get("days_left")) == (says, 100, days_left)
    assert (line["level"] == "WARNING") == ("expires before" in says)


@pytest.mark.parametrize(
    "fault",
    [(403, '{"error": {"message": "Missing scopes: api.management.read. KEY"}}'), (500, "KEY"), (200, "KEY")],
)
def test_given_no_look_at_the_admin_keys_then_the_rotation_goes_on(
    rotator: Rotator, fault: tuple[int, str]
) -> None:
    rotator.api.faults["admin"] = fault

    rotator.rotate()

    assert rotator.value()["api_key"].endswith(MADE)
    assert "RotationFailure" not in rotator.printed()


def test_given_scopes_that_openai_does_not_know_then_the_log_names_the_parameter(
    rotator: Rotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTATION_KEY_SCOPES", "api.everything")

    assert "misconfigured" in rotator.fails("createSecret", rotator.begin())

    assert "RotationKeyScopes" in rotator.log.getvalue()
    assert rotator.value() == {"api_key": OWNERS}


@pytest.mark.parametrize(("status", "code"), [(401, None), (403, "missing_scope")])
def test_given_an_admin_key_that_lacks_a_permission_then_the_log_names_it(
    rotator: Rotator, status: int, code: str | None
) -> None:
    # Source: recorded openai/POST /v1/responses/401-missing-scopes, and …-code-missing_scope.
    message = (
        "You have insufficient permissions for this operation. Missing scopes: api.management.read. Check KEY"
    )
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    rotator.api.faults["list"] = (status, json.dumps(body))

    assert "access_denied" in rotator.fails("createSecret", rotator.begin())

    assert "missing scopes: api.management.read)" in rotator.log.getvalue()


@pytest.mark.parametrize(
    ("call", "status"),
    [
        *itertools.product(["models"], [401, 403, 429, 500]),
        ("responses", 401),
        ("responses", 429),
        ("chat", 403),
        ("chat", 500),
    ],
)
def test_given_a_new_key_that_is_refused_then_the_step_fails_and_the_old_key_stays(
    rotator: Rotator, monkeypatch: pytest.MonkeyPatch, call: str, status: int
) -> None:
    monkeypatch.setenv("OPENAI_API", "chat" if call == "chat" else "responses")
    token = rotator.begin()
    rotator.do("createSecret", token)
    rotator.upstream.default(call, quoting_the_key(status))

    rotator.fails("testSecret", token)

    assert rotator.value() == {"api_key": OWNERS}
    assert '"RotationFailure":[1.0]' in rotator.printed()


def test_given_a_first_try_that_openai_refused_then_the_same_version_can_be_made_again(
    rotator: Rotator,
) -> None:
    token = rotator.begin()
    rotator.api.faults["create"] = (400, '{"error": {"message": "above maximum value"}}')
    rotator.fails("createSecret", token)
    assert rotator.secrets.describe_secret(SecretId=SECRET)["VersionIdsToStages"][token] == ["AWSPENDING"]
    del rotator.api.faults["create"]

    # Secrets Manager tries the version again that is pending: "That rotation will be reattempted".
    # Source: recorded secretsmanager/RotateSecret/previous-rotation-not-complete.
    for step in STEPS:
        rotator.do(step, token)

    assert rotator.value()["api_key"].endswith(MADE)
    assert rotator.secrets.describe_secret(SecretId=SECRET)["VersionIdsToStages"][token] == ["AWSCURRENT"]


@pytest.mark.parametrize("seconds", [0, -1, 31_536_001])
def test_the_admin_api_that_is_tested_against_takes_no_other_lifetime(rotator: Rotator, seconds: int) -> None:
    keys = openai_keys.OpenAIKeys(
        lambda: Key(ADMIN), base_url=rotator.upstream.base_url, project="proj_1", service_account="user-1"
    )

    with pytest.raises(Misconfigured, match="Expected a value"):
        keys.create("a-key", seconds, ())
    assert rotator.api.keys.keys() == {"key_0_0"}


def test_given_a_wrong_admin_key_then_turning_rotation_on_succeeds_and_the_alarm_counts_it(
    rotator: Rotator,
) -> None:
    token = str(uuid.uuid4())
    rotator.api.faults["list"] = (401, '{"error": {"message": "Incorrect API key provided: KEY"}}')

    rotator.do("testSecret", token)

    (event,) = rotator.events()
    assert (event["event"], event["outcome"], event["version"]) == (
        "rotation.test",
        "trial:access_denied",
        token,
    )
    assert '"RotationFailure":[1.0]' in rotator.printed()


FAULTS = [
    (401, '{"error": {"message": "Incorrect API key provided: KEY"}}', "access_denied"),
    (403, '{"error": {"message": "not allowed: KEY"}}', "access_denied"),
    (404, '{"error": {"message": "no project for KEY"}}', "misconfigured"),
    (400, '{"error": {"message": "expiry policy, said to KEY"}}', "misconfigured"),
    (429, '{"error": {"message": "slow down, KEY"}}', "credentials_unavailable"),
    (500, "Authorization: Bearer KEY", "credentials_unavailable"),
    (200, "KEY", "credentials_unavailable"),
    (200, '{"id": "KEY"}', "credentials_unavailable"),
    (200, "[]", "credentials_unavailable"),
]


@pytest.mark.parametrize(
    ("call", "status", "body", "code"),
    [
        (call, *fault)
        for call in ("list", "create")
        for fault in FAULTS
        # To the SDK, an object without keys is an empty list.
        if (call, fault[1]) != ("list", '{"id": "KEY"}')
    ],
)
def test_given_an_admin_api_that_fails_then_the_step_fails_and_the_old_key_stays(
    rotator: Rotator, call: str, status: int, body: str, code: str
) -> None:
    token = rotator.begin()
    rotator.api.faults[call] = (status, body)

    assert rotator.fails("createSecret", token) == f"createSecret failed: {code}. The log says why."

    assert rotator.value() == {"api_key": OWNERS}
    assert rotator.events()[-1]["outcome"] == code
    assert '"RotationFailure":[1.0]' in rotator.printed()


@pytest.mark.parametrize(
    "value",
    ["", "{", f'{{"admin_api_key": "{ADMIN}"', f'["{ADMIN}"]', f"{ADMIN} {ADMIN}", f'{{"key": "{ADMIN}"}}'],
)
def test_given_an_admin_secret_without_a_usable_key_then_the_step_fails(rotator: Rotator, value: str) -> None:
    rotator.secrets.put_secret_value(SecretId=ADMIN_SECRET, SecretString=value or " ")

    assert "invalid_secret" in rotator.fails("createSecret", rotator.begin())


def test_given_a_scheduler_that_refuses_then_the_finish_fails_and_its_repeat_makes_up_for_it(
    rotator: Rotator,
) -> None:
    token = rotator.begin()
    for step in STEPS[:3]:
        rotator.do(step, token)
    rotator.scheduler.delete_schedule_group(Name=GROUP)
    rotator.fails("finishSecret", token)
    rotator.scheduler.create_schedule_group(Name=GROUP)

    rotator.do("finishSecret", token)
    rotator.do("finishSecret", token)

    assert len(rotator.scheduler.list_schedules(GroupName=GROUP)["Schedules"]) == 1
    assert rotator.value()["api_key"].endswith(MADE)


def test_a_bug_reveals_nothing(rotator: Rotator, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: object, name: str, _seconds: int, _scopes: object) -> None:
        raise RuntimeError(f"{name} {ADMIN} {OWNERS}")

    monkeypatch.setattr("travel_gpt.rotation.openai_keys.OpenAIKeys.create", broken)

    assert "internal_error" in rotator.fails("createSecret", rotator.begin())
    assert "RuntimeError" in rotator.log.getvalue()


@pytest.mark.parametrize("event", [{}, {"Step": OWNERS}, {"Step": "createSecret", "SecretId": "a b"}])
def test_a_malformed_event_is_refused_without_quoting_it(rotator: Rotator, event: dict[str, Any]) -> None:
    with pytest.raises(RotationFailed) as failed:
        rotator.load().lambda_handler(event, None)

    rotator.exceptions += str(failed.value)
    assert (rotator.api.requests, rotator.upstream.calls) == ([], [])


def test_given_a_wrong_variable_then_every_step_names_it(
    rotator: Rotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTATION_PROJECT_ID", OWNERS)

    rotator.fails("createSecret", rotator.begin())

    assert "ROTATION_PROJECT_ID is missing or malformed" in rotator.log.getvalue()


@pytest.mark.parametrize("where", ["the function", "the secret"])
def test_the_admin_key_goes_to_openai_alone_and_a_new_key_to_no_other_host(
    rotator: Rotator, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    elsewhere = "https://llm.example.com/v1"
    for base_url in ("https://eu.api.openai.com/v1", elsewhere):
        assert admin_url(base_url) == "https://api.openai.com/v1"
    if where == "the function":
        monkeypatch.setenv("OPENAI_BASE_URL", elsewhere)
    else:
        value = json.dumps({"api_key": OWNERS, "base_url": elsewhere})
        rotator.secrets.put_secret_value(SecretId=SECRET, SecretString=value)

    assert "misconfigured" in rotator.fails("createSecret", rotator.begin())
    assert (rotator.api.requests, rotator.upstream.calls) == ([], [])
    assert "for another server than OpenAI" in rotator.log.getvalue()


def test_given_a_variable_that_a_library_does_not_take_then_the_step_fails_and_the_alarm_counts_it(
    rotator: Rotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")

    assert rotator.fails("createSecret", rotator.begin()).startswith("createSecret failed: ")

    assert '"RotationFailure":[1.0]' in rotator.printed()
