"""benchmarks/stream_process.py with the built package: what it measures, and what it refuses to measure."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measure import WrongAnswer, loopback
from benchmarks.model import PacedModel
from benchmarks.packages import OURS, Design, environment
from benchmarks.stream_process import StreamProcess, bare_python
from scripts.build_package import lambda_python
from tests.fakes.openai import RESPONSES, behaviours

pytestmark = pytest.mark.skipif(lambda_python() is None, reason="there is no Python 3.13 here")


@pytest.fixture
def model() -> Iterator[PacedModel]:
    with PacedModel() as server:
        yield server


@pytest.fixture
def process(host_package: Path, tmp_path: Path, model: PacedModel) -> Iterator[StreamProcess]:
    """The function that streams, just started."""
    python = bare_python(lambda_python() or sys.executable, tmp_path / "python")
    design = Design(OURS, host_package, "travel_gpt.handler")
    with loopback() as secrets:
        known = environment(tmp_path, server=model.url, secrets=secrets, api="responses")
        with StreamProcess(python, host_package, {**known, **design.variables}) as started:
            yield started


def test_each_stream_is_timed_from_its_own_beginning(process: StreamProcess, model: PacedModel) -> None:
    cold = process.answer()
    asked = model.began
    warm = process.ask()

    for streamed in (cold, warm):
        assert 0 < streamed.first_byte <= streamed.first_text < streamed.last_byte
    # The process starts and imports before it asks the model.
    assert cold.began < asked < cold.began + cold.first_byte < warm.began < model.began
    assert warm.first_byte < cold.first_byte
    assert cold.cpu < warm.cpu, "that of the whole process"


def test_another_answer_is_not_timed(process: StreamProcess, model: PacedModel) -> None:
    process.answer()
    model.default(RESPONSES, behaviours.answer("Another one."))

    with pytest.raises(WrongAnswer, match="Another"):
        process.ask()
