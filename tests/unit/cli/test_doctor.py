"""doctor on this machine, and how it shows what it found."""

import json
import subprocess
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from tests.fakes.openai import MODELS, behaviours
from tests.unit.cli.conftest import BAD_KEY, KEY, SECRET, Person
from travel_gpt.cli.doctor import local_checks
from travel_gpt.cli.doctor.check_result import DAY, CheckResult, State, age_and_end, ok, warning
from travel_gpt.cli.doctor.report import run
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.key_input import fingerprint
from travel_gpt.credentials.secret import Key
from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.errors import AccessDenied


def found(person: Person, *options: str, status: int) -> dict[str, list[tuple[str, str]]]:
    """What doctor finds, by check."""
    done = person.run("doctor", "--json", *options, status=status)
    by_check: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(done.out)["findings"]:
        by_check.setdefault(each["check"], []).append((each["state"], each["says"]))
        assert bool(each["fix"]) == (each["state"] != "ok")
        assert each["mend"] == each["fix"]
    return by_check


def test_all_is_well(person: Person) -> None:
    person.store({"api_key": KEY})

    done = person.run("doctor", "--verify", says=fingerprint(Key(KEY)))

    assert f"{person.upstream.base_url} accepts the key" in done.out
    assert "0 to know about, 0 to fix." in done.out
    assert "PROBLEM" not in done.out
    assert [call.path for call in person.upstream.calls] == [MODELS]


def test_without_verify_no_server_is_called_and_the_next_command_does(person: Person) -> None:
    person.store({"api_key": KEY})

    done = person.run("doctor")

    assert not person.upstream.calls
    assert done.out.rstrip().endswith("travel-gpt doctor --verify")


def test_every_wrong_setting_is_a_problem(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API", "smoke")
    monkeypatch.setenv("LOG_LEVEL", "loud")

    assert [says.split()[0] for _, says in found(person, status=1)["settings"]] == ["OPENAI_API", "LOG_LEVEL"]


@pytest.mark.parametrize(
    ("value", "check", "says"),
    [
        ("two words", "format", "the key is empty, or has spaces"),
        ('{"api_key": "' + KEY + '", "api": "smoke"}', "format", '"api" in the secret must be'),
    ],
)
def test_what_keeps_the_key_from_being_read(person: Person, value: str | None, check: str, says: str) -> None:
    if value is not None:
        person.store(value)

    ((state, text),) = found(person, "--verify", status=1)[check]

    assert state == "problem"
    assert says in text


EMPTY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "OPENAI_BASE_URL")


@pytest.fixture
def fresh(person: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A person with a fresh clone, an empty home and no variables."""
    for name in EMPTY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    # moto sets credentials of its own.
    monkeypatch.setattr(local_checks, "has_aws_credentials", lambda: False)
    return person


@pytest.mark.parametrize("options", [(), ("--verify",)])
def test_on_a_fresh_machine_nothing_is_wrong(fresh: Person, options: tuple[str, ...]) -> None:
    done = fresh.run("doctor", *options, says="demo model")

    assert "nothing is deployed from this machine" in done.out
    assert done.out.rstrip().endswith("make run")
    for wrong in ("PROBLEM", "AWS_REGION is not set", "Secrets Manager", "POST needs", "deploy again"):
        assert wrong not in done.out


def test_an_exported_key_is_what_make_run_uses(fresh: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", fresh.upstream.base_url)

    by_check = found(fresh, "--verify", status=0)

    host = fresh.upstream.base_url.split("/")[2]
    assert by_check["make run"] == [("ok", f"it calls {host} with the key in OPENAI_API_KEY")]
    assert by_check["live call"][0][0] == "ok"
    assert "security" not in by_check, "no source of the function's gave it"


def test_a_server_that_needs_no_key_is_asked_without_one(
    fresh: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.upstream.accepted_keys = None
    monkeypatch.setenv("OPENAI_BASE_URL", fresh.upstream.base_url)

    by_check = found(fresh, "--verify", status=0)

    assert by_check["make run"][0][1].endswith("without a key (OPENAI_BASE_URL)")
    assert by_check["live call"] == [("ok", f"{fresh.upstream.base_url} answers without a key")]


def advice_of(person: Person, *options: str) -> list[str]:
    """What doctor advises."""
    findings = json.loads(person.run("doctor", "--json", *options, status=1).out)["findings"]
    return [each["fix"] for each in findings if each["state"] == "problem"]


@pytest.mark.parametrize("key", ["", BAD_KEY])
@pytest.mark.parametrize("source", ["", "environment"])
def test_the_advice_fits_the_place_and_the_server(
    fresh: Person, monkeypatch: pytest.MonkeyPatch, key: str, source: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", fresh.upstream.base_url)
    if key:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    if source:
        monkeypatch.setenv("CREDENTIAL_SOURCE", source)

    (advice,) = advice_of(fresh, "--verify")

    assert "OPENAI_API_KEY" in advice
    assert "deploy.sh" not in advice
    assert "OpenAI knows" not in advice
    if key:
        assert fresh.upstream.base_url.split("/")[2] in advice
        assert "OPENAI_BASE_URL" in advice


def test_a_server_that_cannot_be_reached_is_named(fresh: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    (advice,) = advice_of(fresh, "--verify")

    assert advice == "Check that 127.0.0.1:9 can be reached from here, and OPENAI_BASE_URL; then repeat."


def test_not_deployed_yet_is_no_problem(person: Person) -> None:
    by_check = found(person, status=0)

    assert by_check["deployment"][0][1].startswith("not deployed yet in this account and region")
    assert "source" not in by_check


def test_a_stack_without_its_secret_is_a_problem(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_checks, "is_deployed", lambda: True)

    ((state, says),) = found(person, status=1)["source"]

    assert (state, "does not exist" in says) == ("problem", True)


@pytest.mark.parametrize(
    ("error", "deployed"),
    [
        ({"Code": "ValidationError", "Message": "Stack with id travel-gpt-backend does not exist"}, False),
        ({"Code": "AccessDenied"}, True),
        (None, True),
    ],
)
def test_a_stack_that_cannot_be_asked_for_may_be_there(
    monkeypatch: pytest.MonkeyPatch, error: Any, deployed: bool
) -> None:
    class Formation:
        def describe_stacks(self, **_: object) -> Any:
            if error is not None:
                raise ClientError({"Error": error}, "DescribeStacks")
            return {"Stacks": [{"StackName": "s", "StackId": "i", "StackStatus": "CREATE_COMPLETE"}]}

    monkeypatch.setattr("boto3.client", lambda _: Formation())
    assert local_checks.is_deployed() == deployed


def test_a_machine_without_a_region_is_not_asked_about_aws(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert "no AWS region is set" in found(person, status=0)["deployment"][0][1]


def test_a_denied_secret_is_a_problem_of_permissions(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: object) -> None:
        raise AccessDenied("the role may not read this secret: not authorized")

    monkeypatch.setattr(SecretsManagerSource, "fetch", denied)

    ((state, says),) = found(person, status=1)["permissions"]

    assert state == "problem"
    assert "may not read this secret" in says


def test_without_aws_credentials_it_says_how_to_get_some(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_: object) -> None:
        raise AccessDenied("there are no AWS credentials to read the secret with")

    monkeypatch.setattr(SecretsManagerSource, "fetch", unreachable)

    assert "aws configure sso" in person.run("doctor", status=1).out


def test_the_security_summary_is_shown(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.store({"api_key": KEY})
    monkeypatch.setenv("API_ACCESS", "open")

    on, off = found(person, status=0)["security"]

    assert "the key is in Secrets Manager" in on[1]
    assert "POST is open to everybody" in off[1]


def test_sources_are_asked_in_their_order(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIAL_SOURCE", "secrets-manager,environment")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    passed, gave = found(person, status=0)["source"]

    assert passed[0] == "warning"
    assert passed[1].startswith("secrets-manager is skipped")
    assert gave == ("ok", "environment gives the key, version OPENAI_API_KEY")


def test_a_source_that_refuses_hides_no_other(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIAL_SOURCE", "secrets-manager,environment")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    person.store("two words")

    assert found(person, status=1)["format"][0][0] == "problem"


def test_an_address_in_the_secret_is_pointed_out(person: Person) -> None:
    person.store({"api_key": KEY, "base_url": person.upstream.base_url})

    assert found(person, status=0)["address"] == [
        ("warning", f"the secret sends the key to {person.upstream.base_url}")
    ]


@pytest.mark.parametrize(
    ("fault", "says"),
    [(None, "refuses the key"), (behaviours.server_error(), "did not accept or refuse the key")],
    ids=["refused", "away"],
)
def test_a_live_call_that_fails_is_a_problem(person: Person, fault: object, says: str) -> None:
    person.store({"api_key": BAD_KEY if fault is None else KEY})
    if fault is not None:
        person.upstream.default(MODELS, fault)  # type: ignore[arg-type] # a Behaviour

    ((state, text),) = found(person, "--verify", status=1)["live call"]

    assert (state, says in text) == ("problem", True)


def test_a_refusal_that_is_not_of_the_key_advises_no_other_key(person: Person) -> None:
    person.store({"api_key": KEY})
    # Recorded: openai/POST /v1/chat/completions/403-country.
    code = "unsupported_country_region_territory"
    person.upstream.default(MODELS, behaviours.error(403, "Country not supported", code=code))

    (advice,) = advice_of(person, "--verify")

    assert advice == "Deploy it to another region, or use another server."


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("vault", "Correct the setting that is named here: docs/settings.md lists the valid values."),
        ("encrypted-file", "Make the file with travel-gpt secret encrypt."),
    ],
)
def test_the_advice_is_for_this_machine_and_for_one_who_has_the_command(
    fresh: Person, monkeypatch: pytest.MonkeyPatch, source: str, advice: str
) -> None:
    monkeypatch.setenv("CREDENTIAL_SOURCE", source)

    assert advice_of(fresh) == [advice]


@pytest.mark.parametrize(("mode", "state"), [(0o600, "warning"), (0o644, "problem")])
def test_a_key_in_a_file_is_pointed_out(person: Person, mode: int, state: str) -> None:
    person.store({"api_key": KEY})
    path = person.here / ".env"
    path.write_text(f"OPENAI_API_KEY={KEY}\n")
    path.chmod(mode)

    assert found(person, status=1 if state == "problem" else 0)[".env"][0][0] == state


def test_a_key_in_git_is_a_problem(person: Person) -> None:
    person.store({"api_key": KEY})
    path = person.here / ".env"
    path.write_text(f"OPENAI_API_KEY={KEY}\n")
    path.chmod(0o600)
    subprocess.run(["git", "init", "-q", str(person.here)], check=True)
    subprocess.run(["git", "-C", str(person.here), "add", ".env"], check=True)

    assert "is in git" in found(person, status=1)[".env"][0][1]


def test_a_file_without_a_key_is_fine(person: Person) -> None:
    person.store({"api_key": KEY})
    (person.here / ".env").write_text("OPENAI_MODEL=m\n")

    assert found(person, status=0)[".env"] == [("ok", "it holds no key")]


def _states(findings: list[CheckResult]) -> list[tuple[str, State]]:
    return [(each.check, each.state) for each in findings]


@pytest.mark.parametrize(
    ("age", "left", "states"),
    [
        (1 * DAY, None, [("key age", State.OK)]),
        (91 * DAY, None, [("key age", State.WARNING)]),
        (1 * DAY, 8 * DAY, [("key age", State.OK), ("key expiry", State.OK)]),
        (1 * DAY, 6 * DAY, [("key age", State.OK), ("key expiry", State.WARNING)]),
        (1 * DAY, -1, [("key age", State.OK), ("key expiry", State.PROBLEM)]),
        (None, None, []),
    ],
)
def test_age_and_expiry(age: float | None, left: float | None, states: list[tuple[str, State]]) -> None:
    now = time.time()
    made = None if age is None else now - age
    ends = None if left is None else now + left

    assert _states(list(age_and_end(made, ends, now, "renew"))) == states


@pytest.mark.parametrize(
    ("refused", "says"), [(True, "is refused (CREDENTIAL_EXPIRY=enforce)"), (False, "is still used")]
)
def test_what_becomes_of_an_expired_key_is_said(refused: bool, says: str) -> None:
    (finding,) = age_and_end(None, 1.0, time.time(), "renew", refused=refused)

    assert says in finding.says


def test_a_check_that_may_not_look_is_a_warning() -> None:
    def denied() -> list[CheckResult]:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "X")

    (finding,) = run("logs", denied)

    assert (finding.check, finding.state) == ("logs", State.WARNING)
    assert "you may not look (not authorized)" in finding.says


def test_without_credentials_there_is_nothing_to_find() -> None:
    def none() -> list[CheckResult]:
        raise NoCredentialsError

    with pytest.raises(CliError) as stopped:
        run("logs", none)
    assert stopped.value.status == USAGE


def test_a_stack_is_named_in_one_way(person: Person) -> None:
    assert not person.run("doctor", "--stack", "mine", "--env", "dev", status=USAGE, says="not both").out


def test_of_a_stack_each_check_is_run_and_the_next_command_named(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def checks(deployed: object, *, verify: bool) -> list[tuple[str, object]]:
        asked.append((deployed, verify))
        return [("one", lambda: [ok("one", "well")]), ("two", lambda: [warning("two", "old", "renew it")])]

    monkeypatch.setattr("travel_gpt.cli.doctor.stack.deployed.Deployed.look_up", lambda name: name)
    monkeypatch.setattr("travel_gpt.cli.doctor.stack.checks.checks_of", checks)

    done = person.run("doctor", "--env", "staging", "--region", "eu-west-1", says="ok       one  well")

    assert asked == [("travel-gpt-backend-staging", False)]
    assert "fix: renew it" in done.out
    assert "1 ok, 1 to know about, 0 to fix." in done.out
    assert done.out.rstrip().endswith("travel-gpt doctor --env staging --region eu-west-1 --verify")
    assert "--verify" not in person.run("doctor", "--stack", "mine", "--verify").out


def test_no_stack_is_no_finding(person: Person) -> None:
    says = "There is no stack travel-gpt-backend-dev"
    done = person.run("doctor", "--env", "dev", "--region", "eu-west-1", status=USAGE, says=says)

    assert not done.out
    assert SECRET not in done.err
