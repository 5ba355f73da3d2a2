"""The runtime of the function that streams, in AWS's emulator and beside awslambdaric, AWS's own client.

The emulator collects a response before it passes it on, and shows no trailers: when each piece is sent, and
what comes after the last, is tested in tests/integration/test_stream_runtime.py.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.fake_aws import OWNER, FakeAws
from tests.conftest import proxy_event
from tests.fakes.openai import RESPONSES, behaviours
from tests.fakes.runtime_api import RuntimeApi, Sent, by_name
from tests.support.emulator import Emulator, package, python, runtime_client, unavailable
from tests.support.stream_process import WRAPPER, task_root

pytestmark = pytest.mark.skipif(unavailable() is not None, reason=unavailable() or "")

KEY = "sk-proj-StreamRuntime5Canary9Key2Zx"
SECRET = "travel-gpt/openai-api-key"
# A module that is in both runtimes what AWS_LAMBDA_EXEC_WRAPPER or the handler's name leads to.
HANDLER = """
import logging

def stream(event, context):
    log = logging.getLogger("library")
    log.info("not written: the level is WARNING")
    log.warning("warned of %s", "it", extra={"more": 1})
    if event:
        try:
            raise KeyError("inner")
        except KeyError:
            log.exception("as an exception")
    raise ValueError("broke")
"""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def function(aws: FakeAws, shipped: list[Path]) -> Iterator[Emulator]:
    """The function that streams, with the package that ships and a good key in its secret."""
    aws.openai.accept(KEY)
    aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps({"api_key": KEY}))
    environment = {
        "OPENAI_SECRET_NAME": SECRET,
        "OPENAI_BASE_URL": aws.openai.base_url,
        "API_ACCESS": "api-key",
        "AWS_ENDPOINT_URL": aws.endpoint,
        **OWNER,
    }
    wrapper = shipped[0] / "travel_gpt" / "stream_wrapper"
    with Emulator.start(environment, "", shipped, wrapper=wrapper, name="travel-gpt-stream") as emulator:
        yield emulator


def event(**changes: Any) -> dict[str, Any]:
    """A query, as API Gateway takes it now."""
    now = int(time.time() * 1000)
    path = "/travel-gpt/stream"
    return proxy_event("post", resource=path, path=path, requestContext={"requestTimeEpoch": now}, **changes)


def streamed(function: Emulator, event: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The metadata of a response, and its body."""
    content = function.invoke_raw(event)
    metadata, delimiter, body = content.partition(bytes(8))
    assert delimiter, f"{content!r}\n{function.logs}"
    return json.loads(metadata), body


def test_the_package_streams_in_the_emulator(function: Emulator, aws: FakeAws) -> None:
    aws.openai.upstream.default(RESPONSES, behaviours.answer("Take tram 28 up to Graça."))

    for _ in range(2):
        metadata, body = streamed(function, event())

        assert metadata["statusCode"] == 200
        assert metadata["headers"]["Content-Type"] == "text/event-stream; charset=utf-8"
        names = re.findall(r"^event: (\w+)$", body.decode(), re.MULTILINE)
        assert (names[0], names[-1]) == ("start", "done")
        texts = re.findall(r'^data: (\{"text".*)$', body.decode(), re.MULTILINE)
        assert "".join(json.loads(text)["text"] for text in texts) == "Take tram 28 up to Graça."
    assert KEY not in function.logs
    assert "ERROR" not in function.logs


def test_a_refusal_in_the_emulator_is_an_ordinary_response(function: Emulator) -> None:
    metadata, body = streamed(function, event(body="{"))

    assert (metadata["statusCode"], json.loads(body)["code"]) == (400, "invalid_json")
    assert metadata["headers"]["Content-Type"] == "application/json"


def test_a_failure_is_reported_to_the_emulator(tmp_path: Path) -> None:
    root = task_root(tmp_path, HANDLER)
    with Emulator.start({}, "", [root], wrapper=WRAPPER) as emulator:
        answer = emulator.invoke({})

    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "broke")


def run(folder: Path, variables: dict[str, str], *, ours: bool, code: str) -> tuple[list[Sent], str]:
    """Run a handler in one of the runtimes: what it sends, and its log."""
    folder.mkdir()
    root = task_root(folder, code)
    command = [str(WRAPPER), python(), "/var/runtime/bootstrap.py"]
    if not ours:
        command = [python(), "-m", "awslambdaric", "travel_gpt.stream_handler.stream"]
    with RuntimeApi() as api:
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "LAMBDA_TASK_ROOT": str(root),
            "PYTHONPATH": str(runtime_client()) if ours else f"{root}:{runtime_client()}",
            **variables,
        }
        for number in (0, 1):
            api.invoke(number)
        with (folder / "log").open("wb") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=folder)
        try:
            if "def stream" in code:
                api.wait("/error", number=2)
            else:
                process.wait(10)
        finally:
            process.kill()
            process.wait()
        return [each for each in api.sent if each.complete], (folder / "log").read_bytes().decode()


# What belongs to an HTTP client.
NOT_COMPARED = {"user-agent", "host", "accept", "accept-encoding", "content-length"}
# Awslambdaric adds it to an error for X-Ray, which shows it where tracing is on. The template turns none on.
XRAY = "lambda-runtime-function-xray-error-cause"


def comparable(each: Sent, folder: Path) -> dict[str, Any]:
    """A request without what differs between two runs, the members of its body in their order."""
    headers = {name: values for name, values in by_name(each.headers).items() if name not in NOT_COMPARED}
    # The first frames of a failure at the start are of the runtime that imports.
    body = {**each.json, "stackTrace": each.json["stackTrace"][-1:]}
    found = {"method": each.method, "path": each.path, "headers": headers, "body": list(body.items())}
    masked_text: dict[str, Any] = json.loads(masked(json.dumps(found), folder))
    return masked_text


def masked(text: str, folder: Path) -> str:
    """A text without what differs between two runs."""
    text = text.replace(str(folder), "FOLDER")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", "TIME", text)


@pytest.mark.parametrize("variables", [{}, {"AWS_LAMBDA_LOG_FORMAT": "JSON"}], ids=["text", "json"])
def test_failures_are_reported_and_logged_as_by_awslambdaric(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    theirs, their_log = run(tmp_path / "theirs", variables, ours=False, code=HANDLER)
    ours, our_log = run(tmp_path / "ours", variables, ours=True, code=HANDLER)

    expected = [comparable(each, tmp_path / "theirs") for each in theirs if each.path.endswith("/error")][:2]
    found = [comparable(each, tmp_path / "ours") for each in ours if each.path.endswith("/error")][:2]
    for each, other in zip(expected, found, strict=True):
        assert each["headers"].pop(XRAY)
        # Documented, and sent by the runtimes for Node.js, Rust and Go.
        assert other["headers"].pop("lambda-runtime-function-error-type") == ["ValueError"]
    assert found == expected
    # Awslambdaric writes no line feed after the trace of a line in text.
    their_log = their_log.replace("KeyError: 'inner'[ERROR]", "KeyError: 'inner'\n[ERROR]")
    assert masked(our_log, tmp_path / "ours") == masked(their_log, tmp_path / "theirs")
    assert "TIME" in masked(our_log, tmp_path / "ours")


def test_a_failure_at_the_start_is_reported_as_by_awslambdaric(tmp_path: Path) -> None:
    code = "raise Exception('Runtime startup fails')\n"
    (theirs,), _ = run(tmp_path / "theirs", {}, ours=False, code=code)
    (ours,), _ = run(tmp_path / "ours", {}, ours=True, code=code)

    expected, found = comparable(theirs, tmp_path / "theirs"), comparable(ours, tmp_path / "ours")
    # Awslambdaric names no type of content here; Node.js does.
    assert found["headers"].pop("content-type") == ["application/json"]
    assert found == expected
