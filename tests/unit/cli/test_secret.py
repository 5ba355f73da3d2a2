"""put, show, rotate and rollback, against an account of moto."""

import hashlib
import json
import os
import stat
from dataclasses import replace

import pytest

from tests.fakes.openai import MODELS, behaviours
from tests.unit.cli.conftest import BAD_KEY, KEY, NEW_KEY, SECRET, Person
from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.cli.audit_log import audit_log_path
from travel_gpt.cli.errors import AWS_CLI, FAILED, USAGE
from travel_gpt.cli.key_input import fingerprint
from travel_gpt.credentials.secret import Key
from travel_gpt.errors import AccessDenied, CredentialsUnavailable, InvalidSecret

OWNER = "arn:aws:sts::123456789012:user/moto"


def test_put_creates_the_secret_and_says_what_to_do_next(person: Person) -> None:
    done = person.run("secret", "put", given=f"{KEY}\n", says=fingerprint(Key(KEY)))

    assert person.stored() == {"api_key": KEY}
    assert done.out.rstrip().endswith("travel-gpt doctor --verify")
    (event,) = person.audited()
    assert (event["event"], event["who"], event["outcome"]) == ("secret.put", OWNER, "success")
    assert event["version"] == person.stages()["AWSCURRENT"]


def test_put_replaces_the_key_and_keeps_what_else_there_is_but_its_end(person: Person) -> None:
    person.store({"api_key": KEY, "base_url": "https://llm.example/v1", "expires_at": "2027-01-31T00:00:00Z"})

    done = person.run("secret", "put", given=NEW_KEY)

    assert person.stored() == {"api_key": NEW_KEY, "base_url": "https://llm.example/v1"}
    assert "These other fields stay: base_url." in done.out


def test_where_a_key_goes_is_said_when_that_is_not_aws(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "and not at AWS" not in person.run("secret", "put", given=KEY).err

    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://secretsmanager.us-east-1.amazonaws.com")
    for command, key in (("put", NEW_KEY), ("rotate", KEY)):
        said = person.run("secret", command, given=key).err
        assert "at https://secretsmanager.us-east-1.amazonaws.com and not at AWS" in said


def test_put_takes_json_as_well(person: Person) -> None:
    person.store({"api_key": KEY, "model": "old"})

    person.run("secret", "put", given=json.dumps({"api_key": NEW_KEY, "expires_at": "2027-01-31T00:00:00Z"}))

    assert person.stored() == {"api_key": NEW_KEY, "model": "old", "expires_at": "2027-01-31T00:00:00Z"}


def test_put_of_the_same_key_changes_nothing(person: Person) -> None:
    person.store({"api_key": KEY})
    before = person.stages()

    done = person.run("secret", "put", given=KEY)

    assert person.stages() == before
    assert "nothing was changed" in done.out
    assert not person.audited()


def test_put_replaces_an_invalid_value(person: Person) -> None:
    person.store('{"apikey": "wrong name", "model": "m"}')

    person.run("secret", "put", given=KEY)
    assert person.stored() == {"apikey": "wrong name", "model": "m", "api_key": KEY}


def test_put_says_when_the_other_fields_are_invalid(person: Person) -> None:
    person.store({"api_key": KEY, "base_url": "http://far.example"})

    person.run("secret", "put", given=NEW_KEY, status=FAILED, says='"base_url" in the secret')

    assert person.stored()["api_key"] == KEY


@pytest.mark.parametrize("command", ["put", "rotate"])
def test_a_deleted_secret_is_not_written(person: Person, command: str) -> None:
    person.store({"api_key": KEY})
    person.secrets.delete_secret(SecretId=SECRET, RecoveryWindowInDays=30)

    person.run(
        "secret",
        command,
        given=NEW_KEY,
        status=FAILED,
        says=f"restore it {AWS_CLI}:\n  aws secretsmanager restore-secret --secret-id {SECRET}",
    )


def test_show_tells_everything_but_the_value(person: Person) -> None:
    person.store({"api_key": KEY, "base_url": "https://llm.example/v1", "note": "private"})
    person.run("secret", "put", given=NEW_KEY)

    done = person.run("secret", "show")

    for text in (SECRET, OWNER, *person.stages().values(), "base_url https://llm.example/v1", "note"):
        assert text in done.out
    assert done.out.index(fingerprint(Key(NEW_KEY))) < done.out.index(fingerprint(Key(KEY)))
    assert "private" not in done.out + done.err


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (AccessDenied("not authorized"), "unknown: you may not read the value"),
        (InvalidSecret("the secret is binary"), "none: the secret is binary"),
        (None, "none: it has no value"),
    ],
)
def test_show_of_what_cannot_be_read_tells_the_rest(
    person: Person, monkeypatch: pytest.MonkeyPatch, failure: Exception | None, says: str
) -> None:
    person.store({"api_key": KEY})

    def read(*_: object, **__: str) -> None:
        if failure is not None:
            raise failure

    monkeypatch.setattr(SecretVersions, "read", read)
    done = person.run("secret", "show", says=says)

    assert person.stages()["AWSCURRENT"] in done.out


def test_show_for_programs(person: Person) -> None:
    person.store({"api_key": KEY, "expires_at": "2027-01-31T00:00:00Z"})

    shown = json.loads(person.run("secret", "show", "--json").out)

    (version,) = shown["versions"]
    assert version["fingerprint"] == fingerprint(Key(KEY))
    assert (version["expires_at"], shown["name"]) == ("2027-01-31T00:00:00Z", SECRET)


def test_show_says_what_is_no_key(person: Person) -> None:
    person.store('{"api_key": ["x"]}')

    assert 'none: the secret is a JSON object without a text "api_key"' in person.run("secret", "show").out


def test_show_of_no_secret_says_how_to_make_it(person: Person) -> None:
    person.run("secret", "show", status=FAILED, says="travel-gpt secret put")


def test_show_follows_the_sources_of_this_machine(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIAL_SOURCE", "environment")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    done = person.run("secret", "show")

    assert "environment" in done.out
    assert fingerprint(Key(KEY)) in done.out
    assert json.loads(person.run("secret", "show", "--json").out)["source"] == "environment"


def test_a_fingerprint_tells_keys_apart_and_is_no_plain_hash() -> None:
    assert fingerprint(Key(KEY)) == fingerprint(Key(KEY)) != fingerprint(Key(NEW_KEY))
    assert hashlib.sha256(KEY.encode()).hexdigest()[:12] != fingerprint(Key(KEY))


def test_rotate_stages_verifies_and_promotes(person: Person) -> None:
    person.store({"api_key": KEY, "model": "m"})
    before = person.stages()["AWSCURRENT"]
    seen: list[object] = []

    def look(exchange: object) -> None:
        seen.append((person.stored(), person.stored("AWSPENDING")))
        behaviours.answer()(exchange)  # type: ignore[arg-type] # an Exchange

    person.upstream.script(MODELS, look)
    person.run("secret", "rotate", given=NEW_KEY)

    # Then: it was verified while the old one was current.
    assert seen == [({"api_key": KEY, "model": "m"}, {"api_key": NEW_KEY, "model": "m"})]
    assert [call.key for call in person.upstream.calls] == [NEW_KEY]
    assert person.stored() == {"api_key": NEW_KEY, "model": "m"}
    assert person.stages().keys() == {"AWSCURRENT", "AWSPREVIOUS"}
    assert person.stages()["AWSPREVIOUS"] == before
    (event,) = person.audited()
    assert (event["event"], event["outcome"], event["who"]) == ("secret.rotate", "success", OWNER)
    assert (event["version"], event["replaced"]) == (person.stages()["AWSCURRENT"], before)


def test_of_a_secret_that_rotates_by_itself_it_says_so(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.store({"api_key": KEY})
    before = SecretVersions.describe
    monkeypatch.setattr(SecretVersions, "describe", lambda self: replace(before(self), rotates=True))

    person.run("secret", "rotate", given=NEW_KEY, says="has a rotation schedule")

    assert "on, last never" in person.run("secret", "show").out


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (None, "credential_rejected"),
        (behaviours.missing_scope(), "credential_rejected"),
        (behaviours.server_error(), "upstream_error"),
    ],
    ids=["refused", "not-permitted", "away"],
)
def test_a_key_that_is_not_verified_is_discarded(person: Person, fault: object, cause: str) -> None:
    person.store({"api_key": KEY})
    before = person.stages()
    if fault is not None:
        person.upstream.default(MODELS, fault)  # type: ignore[arg-type] # a Behaviour

    person.run(
        "secret",
        "rotate",
        given=BAD_KEY if fault is None else NEW_KEY,
        status=FAILED,
        says="The current key stays current",
    )

    assert (person.stages(), person.stored()) == (before, {"api_key": KEY})
    (event,) = person.audited()
    assert (event["outcome"], event["cause"]) == ("failed", cause)


@pytest.mark.parametrize(
    ("failure", "status", "outcome"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (CredentialsUnavailable("scripted"), FAILED, "credentials_unavailable"),
    ],
)
def test_whatever_stops_it_half_way_leaves_the_current_key(
    person: Person, monkeypatch: pytest.MonkeyPatch, failure: BaseException, status: int, outcome: str
) -> None:
    person.store({"api_key": KEY})
    before = person.stages()

    def stopped(*_: object) -> None:
        raise failure

    monkeypatch.setattr(SecretVersions, "promote", stopped)

    person.run("secret", "rotate", given=NEW_KEY, status=status)
    assert (person.stages(), person.audited()[0]["outcome"]) == (before, outcome)


def test_what_cannot_be_discarded_is_said(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.store({"api_key": KEY})

    def away(*_: object) -> None:
        raise CredentialsUnavailable("Secrets Manager cannot be reached")

    monkeypatch.setattr(SecretVersions, "discard_pending", away)

    assert "could not be discarded" in person.run("secret", "rotate", given=BAD_KEY, status=FAILED).out
    # Then: it is not read, and the next rotation names the command that discards it.
    assert person.stored() == {"api_key": KEY}
    pending = person.stages()["AWSPENDING"]
    again = person.run("secret", "rotate", given=NEW_KEY, status=FAILED, says=pending)
    assert "travel-gpt secret discard-pending" in again.err


def test_a_version_that_is_pending_is_left_alone(person: Person) -> None:
    person.store({"api_key": KEY})
    token = "6f5c2a4e-0000-4000-8000-000000000000"
    SecretVersions(SECRET).stage(json.dumps({"api_key": BAD_KEY}), token)

    for command in ("rotate", "rollback"):
        person.secrets.put_secret_value(SecretId=SECRET, SecretString=json.dumps({"api_key": KEY}))
        done = person.run("secret", command, given=NEW_KEY, status=FAILED, says=token)

        assert "travel-gpt secret discard-pending" in done.err
    assert person.stages()["AWSPENDING"] == token


@pytest.mark.parametrize(
    ("stored", "given", "status", "says"),
    [
        (None, NEW_KEY, FAILED, "There is no secret"),
        ({"api_key": KEY}, KEY, FAILED, "already has this key"),
        ({"api_key": KEY}, "", USAGE, "No key was given"),
    ],
)
def test_there_may_be_nothing_to_rotate(
    person: Person, stored: object, given: str, status: int, says: str
) -> None:
    if stored is not None:
        person.store(stored)

    person.run("secret", "rotate", given=given, status=status, says=says)

    assert not person.upstream.calls
    assert not person.audited()


@pytest.mark.parametrize("command", [("rollback",), ("rotate", "--rollback")])
def test_rollback_verifies_the_previous_key_and_restores_it(person: Person, command: tuple[str, ...]) -> None:
    person.store({"api_key": KEY})
    person.run("secret", "rotate", given=NEW_KEY)
    before = person.stages()

    person.run("secret", *command)

    assert person.stages() == {
        "AWSCURRENT": before["AWSPREVIOUS"],
        "AWSPREVIOUS": before["AWSCURRENT"],
    }
    assert [call.key for call in person.upstream.calls] == [NEW_KEY, KEY]
    event = person.audited()[-1]
    assert (event["event"], event["outcome"], event["version"]) == (
        "secret.rollback",
        "success",
        before["AWSPREVIOUS"],
    )


def test_rollback_to_a_rejected_key_is_refused(person: Person) -> None:
    person.store({"api_key": BAD_KEY})
    person.store({"api_key": KEY})

    person.run("secret", "rollback", status=FAILED, says="The previous key is not verified")

    assert person.stored() == {"api_key": KEY}
    assert person.audited()[-1]["cause"] == "credential_rejected"


@pytest.mark.parametrize("value", [None, "two words"])
def test_rollback_needs_a_previous_key(person: Person, value: str | None) -> None:
    if value is not None:
        person.store(value)
    person.store({"api_key": KEY})

    person.run("secret", "rollback", status=FAILED, says="previous version")

    assert person.stored() == {"api_key": KEY}


def test_a_key_is_verified_where_the_deployed_function_sends_it(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.store({"api_key": KEY})
    url = person.upstream.base_url
    monkeypatch.delenv("OPENAI_BASE_URL")
    asked: list[str] = []

    def variables(stack: str) -> dict[str, str]:
        asked.append(stack)
        return {"OPENAI_BASE_URL": url}

    monkeypatch.setattr("travel_gpt.cli.target.function_variables", variables)

    person.run("secret", "rotate", given=NEW_KEY)
    assert asked == ["travel-gpt-backend"]


def test_the_trail_is_the_owners_alone_and_grows(person: Person) -> None:
    person.run("secret", "put", given=KEY)
    person.run("secret", "put", given=NEW_KEY)

    path = audit_log_path(os.environ)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert len(person.audited()) == 2


def test_verbose_shows_the_event_and_quiet_does_not(person: Person) -> None:
    assert '"event":"secret.put"' not in person.run("secret", "put", given=KEY).err
    assert '"event":"secret.put"' in person.run("--verbose", "secret", "put", given=NEW_KEY).err


def test_an_event_that_cannot_be_kept_is_shown(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    (person.here / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(person.here / "file"))

    assert '"event":"secret.put"' in person.run("secret", "put", given=KEY).err
