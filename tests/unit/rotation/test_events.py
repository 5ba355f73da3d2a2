"""From the event to the step, and how a failure is reported: to Secrets Manager, to the log, to the alarm."""

import json
from typing import Any

import pytest

from tests.unit.rotation.harness import Harness
from travel_gpt.errors import CredentialsUnavailable
from travel_gpt.rotation.config import DELETE_KEY
from travel_gpt.rotation.events import RotationEvents, RotationFailed
from travel_gpt.rotation.workflow import RotationWorkflow

STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
SECRET = "travel-gpt/openai-api-key"
VERSION = "01234567-89ab-cdef-0123-456789abcdef"


def event(step: object, version: object = VERSION, secret: object = SECRET) -> dict[str, Any]:
    return {"Step": step, "SecretId": secret, "ClientRequestToken": version}


def failures_counted(capsys: pytest.CaptureFixture[str]) -> int:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "RotationFailure" in line]
    return int(sum(sum(line["RotationFailure"]) for line in lines))


def test_the_four_steps_and_the_deletion_are_those_of_a_rotation(harness: Harness) -> None:
    steps = RotationEvents(lambda _: harness.rotation(), ())
    version = harness.begin()
    before = harness.versions.describe().current

    assert [steps.run(event(step, version)) for step in STEPS] == ["success"] * 4
    assert harness.versions.describe().current == version
    # The first key was made by hand.
    assert steps.run(event(DELETE_KEY, before)) == "not_ours"


def test_the_rotation_is_of_the_secret_that_is_named(harness: Harness) -> None:
    asked: list[str] = []

    def workflow_of(secret: str) -> RotationWorkflow:
        asked.append(secret)
        return harness.rotation()

    RotationEvents(workflow_of, ()).run(event("createSecret", harness.begin()))

    assert asked == [SECRET]


def test_a_failure_names_the_step_and_the_code_and_counts_once(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_: str) -> Any:
        raise CredentialsUnavailable("the store said sk-proj-quoted0000000000000000")

    with pytest.raises(RotationFailed) as failed:
        RotationEvents(away, ()).run(event("createSecret", harness.begin()))

    # Lambda prints this past every filter.
    assert str(failed.value) == "createSecret failed: credentials_unavailable. The log says why."
    assert failed.value.__context__ is None or failed.value.__suppress_context__
    assert failures_counted(capsys) == 1


def test_a_bug_reveals_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: str) -> Any:
        raise RuntimeError("it held sk-proj-quoted0000000000000000")

    with pytest.raises(RotationFailed) as failed:
        RotationEvents(broken, ()).run(event("testSecret"))

    assert str(failed.value) == "testSecret failed: internal_error. The log says why."
    assert failures_counted(capsys) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        event("deleteEverything"),
        event(None),
        event(["createSecret"]),
        event("createSecret", version=""),
        event("createSecret", version="../../etc"),
        event("createSecret", version=7),
        event("createSecret", secret=""),
        event("createSecret", secret="a secret\nwith a line"),
        event("createSecret", secret=None),
        {},
    ],
    ids=str,
)
def test_an_event_of_somebody_else_does_nothing(harness: Harness, wrong: dict[str, Any]) -> None:
    with pytest.raises(RotationFailed, match="misconfigured"):
        RotationEvents(lambda _: harness.rotation(), ()).run(wrong)

    assert harness.keys.made == 0


def test_with_wrong_settings_no_step_is_done(harness: Harness) -> None:
    steps = RotationEvents(lambda _: harness.rotation(), ("ROTATION_PROJECT_ID is missing or malformed",))

    with pytest.raises(RotationFailed, match="misconfigured"):
        steps.run(event("createSecret", harness.begin()))

    assert harness.keys.made == 0
