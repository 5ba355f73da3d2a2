"""The runtime of the function that streams, as a process, and a Runtime API that keeps what it is sent."""

import base64
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.runtime_api import API, ARN, TRACE, Fault, RuntimeApi, Sent
from tests.support.stream_process import WRAPPER, started

KEY = "sk-proj-Runt1meC4naryK3y00000000000000000000000001"
REQUIRED = {"Lambda-Runtime-Deadline-Ms": "0", "Lambda-Runtime-Invoked-Function-Arn": ARN}
# What a handler is made of: pieces that wait for the test, and a note when the body was closed.
HEAD = """
import os, sys, time, logging
from pathlib import Path
from types import SimpleNamespace

def file(name):
    while not Path(name).exists():
        time.sleep(0.002)

def streamed(chunks, status=200):
    return SimpleNamespace(status=status, headers={"Content-Type": "text/event-stream"}, chunks=chunks)

def ordinary(status, body, **more):
    headers = {"Content-Type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False, **more}
"""
# Makes as many pieces as the event says; for 0 the response is an ordinary one.
GATED = (
    HEAD
    + """
def pieces(number):
    try:
        for at in range(number):
            yield b"piece %d;" % at
            file(f"sent{at}")
    finally:
        Path("closed").touch()

def stream(event, context):
    return streamed(pieces(event)) if event else ordinary(200, "{}")
"""
)


def handler(body: str) -> str:
    """A module whose ``stream`` has this body."""
    return HEAD + "def stream(event, context):\n" + "\n".join(f"    {line}" for line in body.splitlines())


def payload(sent: Sent) -> bytes:
    """The body after the metadata."""
    return sent.body.partition(bytes(8))[2]


def metadata(sent: Sent) -> Any:
    return json.loads(sent.body.partition(bytes(8))[0])


def until(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.005)


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi() as server:
        yield server


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ('ordinary(404, \'{"message": "Nö"}\')', '{"message": "Nö"}'.encode()),
        ("ordinary(404, '')", b""),
    ],
)
def test_an_ordinary_response_is_streamed_too(
    api: RuntimeApi, tmp_path: Path, reply: str, body: bytes
) -> None:
    with started(api, tmp_path, handler(f"return {reply}")):
        request_id = api.invoke({})
        sent = api.wait("/response")

    assert sent.path == f"{API}/invocation/{request_id}/response"
    assert metadata(sent) == {"statusCode": 404, "headers": {"Content-Type": "application/json"}}
    assert payload(sent) == body
    assert sent.trailers == []


def test_each_piece_is_sent_before_the_next_is_made(api: RuntimeApi, tmp_path: Path) -> None:
    with started(api, tmp_path, GATED):
        api.invoke(3)
        # Metadata, delimiter and the first piece; then a piece for each file that the handler waits for.
        for at in range(3):
            sent = api.wait("/response", chunks=3 + at)
            assert payload(sent).endswith(b"piece %d;" % at)
            assert not sent.complete
            time.sleep(0.02)
            (tmp_path / f"sent{at}").touch()
        sent = api.wait("/response")

    assert metadata(sent) == {"statusCode": 200, "headers": {"Content-Type": "text/event-stream"}}
    assert [chunk for _, chunk in sent.chunks[2:]] == [b"piece 0;", b"piece 1;", b"piece 2;"]
    times = [at for at, _ in sent.chunks]
    assert times[2] - times[0] < 0.5, "the first piece comes with the metadata"
    assert all(later - earlier >= 0.02 for earlier, later in pairwise(times[2:]))


def test_a_piece_without_bytes_does_not_end_the_body(api: RuntimeApi, tmp_path: Path) -> None:
    with started(api, tmp_path, handler("return streamed(each for each in [b'', b'a', b'', b'b'])")):
        api.invoke()
        sent = api.wait("/response")

    assert payload(sent) == b"ab"


def test_the_next_invocation_is_asked_for_after_each_response(api: RuntimeApi, tmp_path: Path) -> None:
    for at in range(2):
        (tmp_path / f"sent{at}").touch()
    with started(api, tmp_path, GATED):
        api.invoke(2)
        api.invoke(0)
        api.wait("/response", number=2)
        api.invoke(2)
        api.wait("/response", number=3)

    kinds = [each.path.rpartition("/")[2] for each in api.sent]
    assert kinds[:6] == ["next", "response"] * 3
    connections = [each.connection for each in api.sent]
    assert len(set(connections)) == len(connections), "a connection for each request"


@pytest.mark.parametrize(
    "broken",
    [
        "raise ValueError('broke')",
        "return streamed(int('x') for _ in [1])\n",
        "return None",
    ],
)
def test_a_failure_before_the_first_byte_is_an_error(api: RuntimeApi, tmp_path: Path, broken: str) -> None:
    with started(api, tmp_path, handler(f"if event: return ordinary(200, '')\n{broken}")) as runtime:
        request_id = api.invoke()
        sent = api.wait("/error")
        api.invoke("good")
        api.wait("/response")

    assert sent.path == f"{API}/invocation/{request_id}/error"
    assert sent.json.keys() == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert sent.json["requestId"] == request_id
    assert sent.values("Lambda-Runtime-Function-Error-Type") == [sent.json["errorType"]]
    assert "stream_runtime.py" not in "".join(sent.json["stackTrace"])[:200]
    assert f"[ERROR] {sent.json['errorType']}: " in runtime.log


def test_an_event_that_is_not_json_is_an_error(api: RuntimeApi, tmp_path: Path) -> None:
    with started(api, tmp_path, handler("return ordinary(200, '')")):
        api._events.put(("id-1", b"{", {"Lambda-Runtime-Aws-Request-Id": "id-1", **REQUIRED}))
        sent = api.wait("/error")

    assert sent.json["errorType"] == "JSONDecodeError"


def test_a_failure_after_the_first_byte_is_in_trailers(api: RuntimeApi, tmp_path: Path) -> None:
    broken = GATED.replace('file(f"sent{at}")', 'raise LookupError("broke at " + str(at))')
    with started(api, tmp_path, broken) as runtime:
        request_id = api.invoke(2)
        sent = api.wait("/response")
        api.invoke(0)
        api.wait("/response", number=2)

    assert payload(sent) == b"piece 0;"
    assert [name for name, _ in sent.trailers] == sent.values("Trailer")
    kind, body = (value for _, value in sent.trailers)
    error = json.loads(base64.b64decode(body))
    assert kind == error["errorType"] == "LookupError"
    assert (error["errorMessage"], error["requestId"]) == ("broke at 0", request_id)
    assert error["stackTrace"][-1].endswith('raise LookupError("broke at " + str(at))\n')
    assert "[ERROR] LookupError: broke at 0\rTraceback" in runtime.log
    assert (tmp_path / "closed").exists()
    assert not [each for each in api.sent if each.path.endswith("/error")]


def test_a_body_whose_closing_fails_is_logged(api: RuntimeApi, tmp_path: Path) -> None:
    fails = HEAD + (
        "class Chunks:\n"
        "    def __next__(self): raise StopIteration\n"
        "    def close(self): raise OSError('not settled')\n"
        "def stream(event, context): return streamed(Chunks())\n"
    )
    with started(api, tmp_path, fails) as runtime:
        for number in (1, 2):
            api.invoke()
            assert payload(api.wait("/response", number=number)) == b""

    assert "[ERROR] OSError: not settled" in runtime.log


def test_a_failure_at_the_start_is_reported(api: RuntimeApi, tmp_path: Path) -> None:
    with started(api, tmp_path, "raise KeyError('no such setting')\n") as runtime:
        sent = api.wait("/runtime/init/error")
        assert runtime.ended() == 1

    assert sent.path == f"{API}/init/error"
    assert (sent.json["errorType"], sent.json["requestId"]) == ("KeyError", "")
    assert sent.values("Lambda-Runtime-Function-Error-Type") == ["KeyError"]
    assert sent.json["stackTrace"][-1].endswith("raise KeyError('no such setting')\n")
    assert "[ERROR] KeyError: 'no such setting'" in runtime.log
    assert [each.path for each in api.sent] == [f"{API}/init/error"]


def test_the_context_is_that_of_the_invocation(api: RuntimeApi, tmp_path: Path) -> None:
    reads = handler(
        "import json\n"
        "found = {name: getattr(context, name) for name in vars(context) if name[0] != '_'}\n"
        "found['left'] = context.get_remaining_time_in_millis()\n"
        "found['trace'] = os.environ.get('_X_AMZN_TRACE_ID')\n"
        "return ordinary(200, json.dumps(found))"
    )
    with started(api, tmp_path, reads):
        request_id = api.invoke(deadline=12)
        first = json.loads(payload(api.wait("/response")))
        api.invoke(deadline=-1, trace=None)
        second = json.loads(payload(api.wait("/response", number=2)))

    assert 10_000 < first.pop("left") <= 12_000
    assert first == {
        "aws_request_id": request_id,
        "invoked_function_arn": ARN,
        "function_name": "travel-gpt-stream",
        "function_version": "$LATEST",
        "memory_limit_in_mb": "512",
        "log_group_name": "/aws/lambda/travel-gpt-stream",
        "log_stream_name": "2026/11/22/[$LATEST]0",
        "trace": TRACE,
    }
    assert (second["left"], second["trace"]) == (0, None)


@pytest.mark.parametrize("status", [413, None])
@pytest.mark.parametrize("waits", [True, False])
def test_a_response_that_lambda_refuses_is_closed(
    api: RuntimeApi, tmp_path: Path, status: int | None, waits: bool
) -> None:
    api.fault = Fault(after=4, status=status)
    endless = GATED.replace("range(number)", "__import__('itertools').count()")
    if not waits:
        endless = endless.replace('file(f"sent{at}")', "pass")
    (tmp_path / "sent0").touch()
    with started(api, tmp_path, endless) as runtime:
        api.invoke(1)
        api.wait("/response", chunks=4)
        if waits:
            # One more piece is made; the one after it would wait for a file that does not come.
            time.sleep(0.05)
            (tmp_path / "sent1").touch()
        until(tmp_path / "closed")
        api.invoke(0)
        api.wait("/response", number=2)

    # A server that answers while more is sent to it resets the connection in the end, with its answer in it.
    cause = "the Runtime API answered 413" if status and waits else ""
    assert f"Lambda did not take the whole response: {cause}" in runtime.log
    assert not [each for each in api.sent if each.path.endswith("/error")]


def test_a_refusal_at_the_end_is_logged(
    api: RuntimeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(api, tmp_path, handler("return ordinary(200, 'x')")) as runtime:
        monkeypatch.setattr(api, "_judge", lambda _: (413, {}, b""))
        api.invoke()
        api.wait("/response")
        # This server then has no invocation left, and ends the environment.
        api.wait("/next", number=2)

    assert "the Runtime API answered 413" in runtime.log


def test_without_a_runtime_api_the_process_ends(api: RuntimeApi, tmp_path: Path) -> None:
    with started(api, tmp_path, handler("return ordinary(200, '')")) as runtime:
        deadline = time.monotonic() + 10
        while not api.sent and time.monotonic() < deadline:
            time.sleep(0.005)
        api.close()
        assert runtime.ended() == 1


def test_sigterm_ends_a_process_that_waits(api: RuntimeApi, tmp_path: Path) -> None:
    with started(api, tmp_path, handler("return ordinary(200, '')")) as runtime:
        api.invoke()
        api.wait("/response")
        api_waits = time.monotonic() + 10
        while len(api.sent) < 3 and time.monotonic() < api_waits:
            time.sleep(0.005)
        runtime.process.send_signal(signal.SIGTERM)
        assert runtime.ended() == 0

    assert runtime.log == ""


def test_sigterm_closes_a_body(api: RuntimeApi, tmp_path: Path) -> None:
    with started(api, tmp_path, GATED) as runtime:
        api.invoke(2)
        sent = api.wait("/response", chunks=3)
        runtime.process.send_signal(signal.SIGTERM)
        assert runtime.ended() == 0

    assert (tmp_path / "closed").exists()
    assert not sent.complete, "what was cut does not look whole"


def test_what_a_handler_prints_is_in_the_log_at_once(api: RuntimeApi, tmp_path: Path) -> None:
    with started(api, tmp_path, handler("print('printed')\nreturn ordinary(200, '')")) as runtime:
        api.invoke()
        api.wait("/response")
        assert runtime.log == "printed\n"


@pytest.mark.parametrize("form", ["Text", "JSON"])
def test_a_key_is_in_no_error_and_in_no_line(api: RuntimeApi, tmp_path: Path, form: str) -> None:
    leaks = HEAD + (
        "from travel_gpt.redaction import guard\n"
        f"KEY = {KEY[8:]!r}\n"
        "guard(KEY)\n"
        "def pieces():\n"
        "    yield b'a'\n"
        "    raise ValueError(KEY)\n"
        "def stream(event, context):\n"
        "    logging.getLogger('library').warning('it is %s', KEY, extra={'more': KEY})\n"
        "    try: raise KeyError(KEY)\n"
        "    except KeyError: logging.getLogger('library').exception('as an exception')\n"
        "    if event: return streamed(pieces())\n"
        "    raise ValueError(KEY)\n"
    )
    with started(api, tmp_path, leaks, {"AWS_LAMBDA_LOG_FORMAT": form}) as runtime:
        api.invoke(0)
        error = api.wait("/error")
        api.invoke(1)
        response = api.wait("/response")

    decoded = base64.b64decode(response.trailers[1][1]).decode()
    assert error.json["errorMessage"] == json.loads(decoded)["errorMessage"] == "[redacted]"
    # The source line of a trace names the variable. The key's own line is in no trace.
    for text in (error.body.decode(), decoded, runtime.log):
        assert KEY[8:] not in text
        assert KEY[8:24] not in text
    assert "it is [redacted]" in runtime.log


def test_lines_have_frames_where_lambda_asks_for_them(api: RuntimeApi, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    logs = handler(
        "logging.getLogger('library').warning('warned')\nprint('printed')\nraise ValueError('broke')"
    )
    with (
        os.fdopen(reader, "rb") as pipe,
        started(
            api,
            tmp_path,
            logs,
            {"AWS_LAMBDA_LOG_FORMAT": "JSON", "_LAMBDA_TELEMETRY_LOG_FD": str(writer)},
            [writer],
        ) as runtime,
    ):
        os.close(writer)
        api.invoke()
        api.wait("/error")
        frames = []
        for _ in range(2):
            # awslambdaric's FramedTelemetryLogSink: type, length, microseconds since 1970, big-endian.
            kind, length = pipe.read(4), int.from_bytes(pipe.read(4), "big")
            at = int.from_bytes(pipe.read(8), "big") / 1e6
            assert abs(at - time.time()) < 60
            frames.append((kind.hex(), json.loads(pipe.read(length))))

    # lambda_runtime_log_utils._JSON_FRAME_TYPES of WARNING and of ERROR.
    assert [kind for kind, _ in frames] == ["a55a0012", "a55a0016"]
    assert frames[0][1]["message"] == "warned"
    assert frames[1][1]["errorMessage"] == "broke"
    assert runtime.log == "printed\n"


def test_the_wrapper_says_how_it_is_started() -> None:
    done = subprocess.run([WRAPPER], capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "AWS_LAMBDA_EXEC_WRAPPER" in done.stderr
