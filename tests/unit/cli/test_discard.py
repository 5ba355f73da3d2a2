"""``travel-gpt secret discard-pending``: what a rotation left behind is taken away, and nothing else."""

import json

import pytest

from tests.unit.cli.conftest import BAD_KEY, KEY, NEW_KEY, SECRET, Person
from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.cli.errors import DONE, FAILED, USAGE
from travel_gpt.errors import AccessDenied
from travel_gpt.rotation.cleanup import KeyNames

TOKEN = "6f5c2a4e-0000-4000-8000-000000000000"


@pytest.fixture
def left_behind(person: Person) -> None:
    """A secret with a version that a rotation left as AWSPENDING."""
    person.store({"api_key": KEY})
    SecretVersions(SECRET).stage(json.dumps({"api_key": BAD_KEY}), TOKEN)


@pytest.mark.usefixtures("left_behind")
def test_it_takes_the_label_off_and_names_the_key_that_is_left_at_openai(person: Person) -> None:
    current = person.stages()["AWSCURRENT"]

    done = person.run("secret", "discard-pending", "--yes")

    assert person.stages() == {"AWSCURRENT": current}
    assert person.stored() == {"api_key": KEY}
    assert KeyNames(person.secrets.describe_secret(SecretId=SECRET)["ARN"]).of(TOKEN) in done.out
    (event,) = person.audited()
    assert (event["event"], event["outcome"], event["version"]) == (
        "secret.discard_pending",
        "success",
        TOKEN,
    )
    # Then a rotation by hand is possible again.
    person.run("secret", "rotate", given=NEW_KEY)


@pytest.mark.usefixtures("left_behind")
def test_without_a_terminal_and_without_yes_nothing_is_changed(person: Person) -> None:
    person.run("secret", "discard-pending", status=USAGE, says="--yes")

    assert (person.stages()["AWSPENDING"], person.audited()) == (TOKEN, [])


@pytest.mark.usefixtures("left_behind")
@pytest.mark.parametrize(("answer", "status"), [("y\n", DONE), ("n\n", FAILED), ("\n", FAILED)])
def test_at_a_terminal_it_asks(person: Person, answer: str, status: int) -> None:
    done = person.run("secret", "discard-pending", given=answer, at_terminal=True, status=status)

    assert "Discard it? [y/N]" in done.err
    assert ("AWSPENDING" in person.stages()) == (status == FAILED)


def test_a_version_that_is_pending_and_current_at_once_is_left_alone(person: Person) -> None:
    # Source: recorded secretsmanager/ListSecretVersionIds/AWSCURRENT-and-AWSPENDING-same-version.
    person.store({"api_key": KEY})
    person.secrets.update_secret_version_stage(
        SecretId=SECRET, VersionStage="AWSPENDING", MoveToVersionId=person.stages()["AWSCURRENT"]
    )
    before = person.stages()
    assert before["AWSPENDING"] == before["AWSCURRENT"]

    person.run("secret", "discard-pending", "--yes", says="nothing to discard")

    assert person.stages() == before
    assert person.audited() == []


@pytest.mark.usefixtures("left_behind")
def test_what_secrets_manager_refuses_is_said_without_any_key(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> None:
        raise AccessDenied("the caller may not relabel the versions of the secret")

    monkeypatch.setattr(SecretVersions, "discard_pending", refused)

    person.run("secret", "discard-pending", "--yes", status=FAILED, says="may not relabel")

    assert person.audited()[0]["outcome"] == "access_denied"


def test_there_may_be_no_such_secret(person: Person) -> None:
    person.run("secret", "discard-pending", "--yes", status=FAILED, says="travel-gpt secret put")
