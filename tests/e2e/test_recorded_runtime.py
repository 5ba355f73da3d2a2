"""AWS's Lambda emulator, as the tests run it, reports what Lambda was recorded to report."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import Emulator, unavailable
from tests.support.recorded import recording

pytestmark = pytest.mark.skipif(unavailable() is not None, reason=unavailable() or "")

HANDLERS = {
    "handler-exception": 'raise Exception("Handler fails")',
    "timeout": "import time; time.sleep(5)",
    "start-end-report-lines": "print({}); return {}",
    "init-environment": 'import os; return {"environment": dict(os.environ)}',
}
# What the emulator is configured with, and what it adds by itself.
OF_THE_EMULATOR = {"AWS_LAMBDA_FUNCTION_TIMEOUT", "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN"}


def run(folder: Path, code: str, *, timeout: int = 3) -> tuple[dict[str, Any], str]:
    """Invoke a handler once: what it answers, and what was logged."""
    (folder / "handler.py").write_text(code)
    with Emulator.start({}, "handler.handler", [folder], timeout=timeout) as emulator:
        answer = emulator.invoke({})
        deadline = time.monotonic() + 5
        while "REPORT RequestId" not in emulator.logs and time.monotonic() < deadline:
            time.sleep(0.02)
        return answer, emulator.logs


def handler(case: str) -> str:
    return f"def handler(event, context):\n    {HANDLERS[case]}\n"


def test_an_exception_is_reported_with_the_recorded_members(tmp_path: Path) -> None:
    recorded = recording("lambda/Invoke/handler-exception").body["Payload"]

    answer, _ = run(tmp_path, handler("handler-exception"))

    assert answer.keys() == recorded.keys()
    assert (answer["errorType"], answer["errorMessage"]) == (recorded["errorType"], recorded["errorMessage"])
    assert answer["requestId"]


def test_a_failure_at_import_is_reported_with_the_recorded_members(tmp_path: Path) -> None:
    recorded = recording("lambda/Invoke/init-error-exception-at-import").body["Payload"]

    answer, _ = run(tmp_path, 'raise Exception("Runtime startup fails")\n')

    assert answer.keys() == recorded.keys()
    assert {**answer, "stackTrace": []} == {**recorded, "stackTrace": []}


def test_a_timeout_is_reported_in_the_recorded_words(tmp_path: Path) -> None:
    recorded = recording("lambda/Invoke/timeout").body["Payload"]

    answer, _ = run(tmp_path, handler("timeout"), timeout=1)

    assert answer["errorType"] == recorded["errorType"]
    sentence = "Task timed out after 1.00 seconds"
    assert recorded["errorMessage"].endswith(sentence)
    assert answer["errorMessage"].endswith(sentence)


def test_the_platforms_lines_stand_around_the_functions(tmp_path: Path) -> None:
    recorded = "".join(recording("lambda/Invoke logs/start-end-report-lines").body["logs"])

    _, logs = run(tmp_path, handler("start-end-report-lines"))

    kinds = re.compile(r"^(START|END|REPORT|\{\})", re.MULTILINE)
    assert kinds.findall(logs) == kinds.findall(recorded) == ["START", "{}", "END", "REPORT"]


def test_the_function_finds_no_variable_that_lambda_does_not_set(tmp_path: Path) -> None:
    recorded = recording("lambda/environment/init-environment").body["Payload"]["environment"]

    answer, _ = run(tmp_path, handler("init-environment"))

    assert answer["environment"].keys() - recorded.keys() <= OF_THE_EMULATOR
