"""How a step's failure is reported: to Secrets Manager, to the log, to the alarm."""

import json
from typing import Any

import pytest

from tests.unit.rotation.harness import Harness
from travel_gpt.errors import CredentialsUnavailable
from travel_gpt.rotation.config import DELETE_KEY
from travel_gpt.rotation.events import RotationEvents, RotationFailed

QUOTED = "sk-proj-quoted0000000000000000"
SECRET = "travel-gpt/openai-api-key"
VERSION = "01234567-89ab-cdef-0123-456789abcdef"


def event(step: object, version: object = VERSION, secret: object = SECRET) -> dict[str, Any]:
    return {"Step": step, "SecretId": secret, "ClientRequestToken": version}


def test_an_event_is_a_step_of_the_secret_that_it_names(harness: Harness) -> None:
    steps = RotationEvents({SECRET: harness.rotation()}.__getitem__, ())
    given = event(DELETE_KEY, harness.begin())

    assert steps.run(given) == "kept"


@pytest.mark.parametrize(
    ("given", "failure", "problems", "step", "code"),
    [
        (
            event("createSecret"),
            CredentialsUnavailable(QUOTED),
            (),
            "createSecret",
            "credentials_unavailable",
        ),
        # A bug, whose text may hold anything.
        (event("testSecret"), RuntimeError(QUOTED), (), "testSecret", "internal_error"),
        (event("createSecret"), None, ("ROTATION_PROJECT_ID is missing",), "createSecret", "misconfigured"),
        (event("deleteEverything"), None, (), "unknown", "misconfigured"),
        (event(None), None, (), "unknown", "misconfigured"),
        (event(["createSecret"]), None, (), "unknown", "misconfigured"),
        (event("createSecret", version=""), None, (), "createSecret", "misconfigured"),
        (event("createSecret", version="../../etc"), None, (), "createSecret", "misconfigured"),
        (event("createSecret", version=7), None, (), "createSecret", "misconfigured"),
        (event("createSecret", secret=""), None, (), "createSecret", "misconfigured"),
        (event("createSecret", secret="a secret\nwith a line"), None, (), "createSecret", "misconfigured"),
        (event("createSecret", secret=None), None, (), "createSecret", "misconfigured"),
        ({}, None, (), "unknown", "misconfigured"),
    ],
)
def test_a_failure_names_the_step_and_a_code_and_counts_once(
    capsys: pytest.CaptureFixture[str],
    given: dict[str, Any],
    failure: Exception | None,
    problems: tuple[str, ...],
    step: str,
    code: str,
) -> None:
    def workflow_of(_: str) -> Any:
        assert failure is not None, "no step is begun"
        raise failure

    with pytest.raises(RotationFailed) as failed:
        RotationEvents(workflow_of, problems).run(given)

    # Lambda prints this past every filter.
    assert str(failed.value) == f"{step} failed: {code}. The log says why."
    assert failed.value.__context__ is None or failed.value.__suppress_context__
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "RotationFailure" in line]
    assert sum(sum(line["RotationFailure"]) for line in lines) == 1
