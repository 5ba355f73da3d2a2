"""``travel-gpt ask`` as a process, and the client: against `make run`, and against the API's own events."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai import RESPONSES, FakeOpenAI, behaviours
from tests.integration.test_local_server import LocalServer
from tests.support.markdown import ROOT
from tests.support.scripted_api import COMMENTS, EVENTS, ScriptedApi
from tests.support.secret_leaks import holds
from tests.support.streaming_server import StreamingServer
from travel_gpt.api.streamed import StreamApi, StreamedResponse
from travel_gpt.client import AccessRefused, ApiFailed, RequestRefused, TravelGPT

OPENAI_KEY = "sk-proj-AskIntegrat1onT3stK3y0000000000000000001"
KEY = "Wq9annscanary4Qm3vT8xLw2Rk7Yb4Nd6H"
ANSWER = 'Take tram 28 up to Graça 🚋, "slowly".\nThen walk.'


def start(
    home: Path, *arguments: str, stdout: Any = subprocess.PIPE, **environment: str
) -> "subprocess.Popen[bytes]":
    """Start the command in an empty folder."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "LANG"))}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "travel_gpt.cli", "ask", *arguments],
        cwd=home,
        env={**kept, "PYTHONPATH": str(ROOT), "HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def run(home: Path, *arguments: str, status: int = 0, **environment: str) -> tuple[str, str]:
    """Run the command, and return what it printed."""
    with start(home, *arguments, **environment) as command:
        out, err = (each.decode() for each in command.communicate(timeout=40))
    assert command.returncode == status, (out, err)
    assert not holds(out + err, KEY)
    return out, err


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """`make run` with its demo model, and an API key."""
    home = tmp_path_factory.mktemp("home")
    with LocalServer(home, "--access", "api-key", DEMO_SECONDS="0") as server:
        yield server


def key_of(server: LocalServer) -> str:
    return server.wait_for(r"x-api-key: (\S+) \(made up").group(1)


def test_the_local_server_is_asked(local: LocalServer, tmp_path: Path) -> None:
    out, err = run(tmp_path, "A weekend in Porto", "--url", local.url, TRAVEL_GPT_API_KEY=key_of(local))

    assert "Travel GPT's built-in demo model" in out
    assert err.startswith("\ntravel-gpt-demo, ")
    assert key_of(local) not in out + err


def test_the_json_of_the_local_server(local: LocalServer, tmp_path: Path) -> None:
    out, err = run(
        tmp_path, "A weekend in Porto", "--url", local.url, "--json", TRAVEL_GPT_API_KEY=key_of(local)
    )

    body = json.loads(out)
    assert (body["status"], body["model"], err) == ("success", "travel-gpt-demo", "")
    assert body["usage"]["total_tokens"] > 0


def test_the_local_server_needs_a_key(local: LocalServer, tmp_path: Path) -> None:
    _, err = run(tmp_path, "Porto", "--url", local.url, status=2)
    assert f"{local.url} asks for an API key" in err

    _, err = run(tmp_path, "Porto", "--url", local.url, status=1, TRAVEL_GPT_API_KEY=KEY)
    assert "Check the API key in TRAVEL_GPT_API_KEY" in err


def test_the_client_asks_the_local_server(local: LocalServer) -> None:
    with TravelGPT(local.url, api_key=key_of(local)) as api:
        health = api.health()
        answer = api.ask("A weekend in Porto", idempotency_key="porto")
        again = api.ask("A weekend in Porto", idempotency_key="porto")
        with pytest.raises(RequestRefused) as raised:
            api.ask("")

    assert (health.healthy, health.mode) == (True, "demo")
    assert "Porto" in answer.text
    assert (again.text, again.request_id) == (answer.text, answer.request_id)
    assert (raised.value.code, raised.value.status) == ("invalid_query", 400)
    with TravelGPT(local.url, api_key=KEY) as stranger, pytest.raises(AccessRefused):
        stranger.ask("Porto")


def test_a_stream_of_the_local_server_is_read_and_stopped(tmp_path: Path) -> None:
    with (
        LocalServer(tmp_path, "--access", "api-key", DEMO_SECONDS="6") as server,
        TravelGPT(server.url, api_key=key_of(server)) as api,
        api.stream("A week in Porto") as stream,
    ):
        first = next(stream)
        api.stop(stream.request_id)
        answer = stream.answer()

    assert answer.text.startswith(first)
    assert (answer.truncated, answer.body["stopped"]) == (True, True)


STOP = "/Prod/travel-gpt/stream/r-1/stop"


@pytest.fixture
def scripted() -> Iterator[ScriptedApi]:
    """An API in the middle of a long answer, which can be stopped."""
    with ScriptedApi() as server:
        server.stream(*EVENTS[:3], *COMMENTS[:4], *EVENTS[4:5], *COMMENTS)
        server.json(202, {})
        yield server


def first_of(command: "subprocess.Popen[bytes]") -> bytes:
    assert command.stdout
    return os.read(command.stdout.fileno(), 1)


def test_ctrl_c_ends_the_command_and_the_answer(scripted: ScriptedApi, tmp_path: Path) -> None:
    with start(tmp_path, "Lisbon?", "--url", scripted.base_url) as command:
        first_of(command)
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=40)

    assert (command.returncode, err) == (130, b"\nInterrupted. The answer was stopped.\n")
    assert scripted.seen[-1][1] == STOP
    assert scripted.gone.wait(5)


def test_a_reader_that_leaves_ends_the_command_and_the_answer(scripted: ScriptedApi, tmp_path: Path) -> None:
    with start(tmp_path, "Lisbon?", "--url", scripted.base_url) as command:
        first_of(command)
        assert command.stdout
        assert command.stderr
        command.stdout.close()
        err = command.stderr.read()

    assert (command.returncode, err) == (1, b"")
    assert scripted.seen[-1][1] == STOP


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has that file")
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_a_full_disk_is_said(scripted: ScriptedApi, tmp_path: Path, options: tuple[str, ...]) -> None:
    scripted.script.clear()
    scripted.whole_stream()
    with Path("/dev/full").open("wb") as full:
        command = start(tmp_path, "Lisbon?", "--url", scripted.base_url, *options, stdout=full)
        _, err = command.communicate(timeout=40)

    assert (command.returncode, err) == (
        1,
        b"Standard output cannot be written to: No space left on device.\n",
    )


def test_asking_imports_no_library_of_the_model(scripted: ScriptedApi, tmp_path: Path) -> None:
    # It takes a second to import.
    scripted.script.clear()
    scripted.whole_stream()
    code = "import sys, travel_gpt.cli.__main__ as c; print(c.main(sys.argv[1:]), 'openai' in sys.modules)"
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "LANG"))}

    done = subprocess.run(
        [sys.executable, "-c", code, "ask", "Lisbon?", "--url", scripted.base_url],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.endswith("\n0 False\n")


@pytest.fixture
def upstream() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        server.default(RESPONSES, behaviours.answer(ANSWER))
        yield server


Serve = Callable[..., StreamingServer]


@pytest.fixture
def serve(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start the API; its keywords are those of ``StreamingServer``."""
    monkeypatch.setenv("OPENAI_API_KEY", OPENAI_KEY)
    with ExitStack() as opened:
        yield lambda **options: opened.enter_context(
            StreamingServer(upstream, key=OPENAI_KEY, api_key=KEY, **options)
        )


def test_a_stream_is_shown(serve: Serve, tmp_path: Path) -> None:
    server = serve()

    out, err = run(tmp_path, "Lisbon?", "--url", server.base_url, TRAVEL_GPT_API_KEY=KEY)

    assert out == f"{ANSWER}\n"
    assert "gpt-6-luna, " in err
    assert "USD left of the budget of the API for the day" in err
    assert server.seen == [("POST", "/travel-gpt/stream", KEY)]


def test_text_is_shown_before_the_answer_is_complete(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = threading.Event()
    answer = StreamApi.answer

    def held(self: StreamApi, *arguments: Any) -> Any:
        response = answer(self, *arguments)
        assert isinstance(response, StreamedResponse)
        chunks = response.chunks
        sent: list[bytes] = []

        class Held:
            """The chunks, of which those after the first text wait until it is shown."""

            def __iter__(self) -> Iterator[bytes]:
                return self

            def __next__(self) -> bytes:
                if b"event: delta" in b"".join(sent):
                    assert shown.wait(20)
                sent.append(next(chunks))
                return sent[-1]

            def close(self) -> None:
                chunks.close()

        held_back: Any = Held()
        return StreamedResponse(response.status, response.headers, held_back)

    monkeypatch.setattr(StreamApi, "answer", held)
    server = serve()

    with start(tmp_path, "Lisbon?", "--url", server.base_url, TRAVEL_GPT_API_KEY=KEY) as command:
        assert command.stdout
        first = os.read(command.stdout.fileno(), 1)
        shown.set()
        rest, _ = command.communicate(timeout=40)

    assert (first + rest).decode() == f"{ANSWER}\n"


@pytest.mark.parametrize("streaming", ["off", "missing"])
def test_an_api_that_does_not_stream_is_asked_otherwise(serve: Serve, tmp_path: Path, streaming: str) -> None:
    server = serve(streaming=streaming)

    out, _ = run(tmp_path, "Lisbon?", "--url", server.base_url, TRAVEL_GPT_API_KEY=KEY)

    assert out == f"{ANSWER}\n"
    assert [path for _, path, _ in server.seen] == ["/travel-gpt/stream", "/travel-gpt"]


def test_both_ways_give_the_same_answer(serve: Serve) -> None:
    server = serve()
    with TravelGPT(server.base_url, api_key=KEY) as api:
        whole = api.ask("Lisbon?")
        with api.stream("Lisbon?") as stream:
            streamed = stream.answer()

    assert (streamed.text, streamed.model, streamed.truncated) == (ANSWER, whole.model, False)
    assert streamed.body.keys() == whole.body.keys() - {"timestamp"}
    assert streamed.usage == whole.usage
    assert streamed.request_id != whole.request_id


def test_an_idempotency_key_repeats_a_stream(serve: Serve, upstream: FakeOpenAI) -> None:
    server = serve()
    with TravelGPT(server.base_url, api_key=KEY) as api:
        answers = []
        for _ in range(2):
            with api.stream("Lisbon?", idempotency_key="trip-1") as stream:
                answers.append(stream.answer())

    assert (answers[0].text, answers[0].request_id) == (answers[1].text, answers[1].request_id)
    assert len(upstream.calls) == 1


def test_an_upstream_that_breaks_off_is_an_error_of_the_client(serve: Serve, upstream: FakeOpenAI) -> None:
    upstream.default(RESPONSES, behaviours.cut_stream(text=ANSWER))
    server = serve()
    with TravelGPT(server.base_url, api_key=KEY, retries=0) as api, pytest.raises(ApiFailed) as raised:
        api.stream("Lisbon?").answer()

    assert (raised.value.code, raised.value.status) == ("upstream_error", 502)
    assert raised.value.request_id
