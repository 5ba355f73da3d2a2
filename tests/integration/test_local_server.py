"""`python -m travel_gpt.local` as the person at the keyboard meets it: a process of its own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.loopback_aws import LoopbackAws
from tests.fakes.openai import CHAT, MODELS, RESPONSES, FakeOpenAI, behaviours
from tests.support.documented_commands import started
from tests.support.markdown import Page

REPOSITORY = Path(__file__).parents[2]
KEY = "sk-proj-canaryCANARY0123456789abcdefghijklmnop"
# Seconds. It takes 1.5 on an idle machine; the rest is for the tests that run beside it.
STARTS_WITHIN = 40.0


class LocalServer(AbstractContextManager["LocalServer"]):
    """A running `python -m travel_gpt.local` and what it has printed."""

    def __init__(self, home: Path, *options: str, command_line_port: str = "0", **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "LANG"))}
        port = ["--port", command_line_port] if command_line_port else []
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "travel_gpt.local", *port, *options],
            # Not in the clone: a developer's own .env would be read.
            cwd=home,
            env={**kept, "PYTHONPATH": str(REPOSITORY), "HOME": str(home), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.lines)),
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors)),
        ]
        for reader in self._readers:
            reader.start()
        self.url = self.wait_for(r"Travel GPT runs on (\S+)", STARTS_WITHIN).group(1)
        self.wait_for("Ctrl-C stops it")

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        stream.close()

    @property
    def printed(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, seconds: float = 5.0) -> re.Match[str]:
        with self._changed:
            assert self._changed.wait_for(
                lambda: re.search(pattern, self.printed) or self.process.poll() is not None, seconds
            ), f"{pattern!r} was not printed: {self.lines} {self.errors}"
            found = re.search(pattern, self.printed)
        assert found, f"it ended with {self.process.returncode}: {self.lines} {self.errors}"
        return found

    def get(self, query: str = "") -> tuple[int, dict[str, Any]]:
        return self._send(urllib.request.Request(self.url + query))

    def post(self, query: str, **headers: str) -> tuple[int, dict[str, Any]]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = json.dumps({"query": query}).encode()
        return self._send(
            urllib.request.Request(
                self.url, body, {"content-type": "application/json", **sent}, method="POST"
            )
        )

    @staticmethod
    def _send(request: urllib.request.Request) -> tuple[int, dict[str, Any]]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=35) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())

    def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            for reader in self._readers:
                reader.join(5)
        return code

    def __exit__(self, *_: object) -> None:
        self.stop()


Start = Callable[..., LocalServer]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Give a function that starts a server in an empty home; what it started is stopped in the end."""
    with ExitStack() as started:

        def begin(*options: str, env_file: str = "", **environment: str) -> LocalServer:
            home = tmp_path_factory.mktemp("home")
            if env_file:
                (home / ".env").write_text(env_file)
            return started.enter_context(LocalServer(home, *options, **environment))

        yield begin


@pytest.fixture(scope="module")
def demo(start: Start) -> LocalServer:
    """A server without a key, started with what a developer's environment may hold."""
    return start(
        AWS_PROFILE="not-there",
        AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        HTTP_PROXY="http://127.0.0.1:9",
        HTTPS_PROXY="http://127.0.0.1:9",
        ALL_PROXY="http://127.0.0.1:9",
    )


def test_it_serves_and_says_what_runs(demo: LocalServer) -> None:
    assert "built-in demo" in demo.printed
    assert not demo.errors


def test_health_and_verification_succeed_without_a_key(demo: LocalServer) -> None:
    status, body = demo.get()
    assert (status, body["status"], body["mode"], body["has_api_key"]) == (200, "success", "demo", False)
    assert body["message"] != "OpenAI API key is configured"
    assert demo.get("?verify=true")[0] == 200


def test_a_query_is_answered_by_the_demo_model_which_says_so(demo: LocalServer) -> None:
    status, body = demo.post("Four days in Kyoto for two")
    assert (status, body["status"], body["model"]) == (200, "success", "travel-gpt-demo")
    assert "Kyoto with a day in Nara" in body["answer"]
    assert "demo model" in body["answer"]
    demo.wait_for(rf"\d\d:\d\d:\d\d POST /Prod/travel-gpt 200 \d+ ms {body['request_id']}")


def test_requests_at_once_in_any_script_each_get_their_own_answer(demo: LocalServer) -> None:
    known = {
        "Kyoto": "京都で三日間",
        "Athens": "ثلاثة أيام في أثينا",
        "Rome": "Три дня: Рим 🏔️",
        "Lisbon": "Lissabon",
    }
    queries = {f"{words}{' ' * days}": f"{town} " for town, words in known.items() for days in range(6)}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(demo.post, queries))
    assert [status for status, _ in answers] == [200] * len(queries)
    own = [body["answer"].split("\n\n")[1] for _, body in answers]
    assert all(text.startswith(town) for text, town in zip(own, queries.values(), strict=True))
    assert len({body["request_id"] for _, body in answers}) == len(queries)
    for _, body in answers:
        demo.wait_for(body["request_id"])


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_the_two_commands_it_prints_work_as_pasted(demo: LocalServer) -> None:
    commands = re.findall(r"^  curl (?:.*\\\n)*.*", demo.printed, re.MULTILINE)
    commands = [re.sub(r"^  curl", "curl -sS", command) for command in commands]
    assert len(commands) == 2
    answers = [
        json.loads(subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout)
        for command in commands
    ]
    assert answers[0]["mode"] == "demo"
    assert "Lisbon" in answers[1]["answer"]


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_the_first_screen_of_the_readme_keeps_its_promises(demo: LocalServer) -> None:
    section = Page.read("README.md").section("Try it: no AWS account, no OpenAI key")
    shown = re.findall(r"^\$ (curl .*)\n(\{.*\})$", section, re.MULTILINE)
    assert len(shown) == 2
    for command, promised in shown:
        command = command.replace("http://127.0.0.1:3000/Prod/travel-gpt", demo.url)
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        body, promise = json.loads(done.stdout), json.loads(promised)
        # The server has answered queries in other tests.
        body.pop("last_call", None)
        assert list(body) == list(promise)
        for name in body.keys() - {"request_id", "timestamp", "usage", "answer"}:
            assert body[name] == promise[name]
        if "answer" in promise:
            assert body["answer"].startswith(promise["answer"].removesuffix("[...]"))
            assert body["usage"] == promise["usage"]


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_every_documented_curl_is_answered(demo: LocalServer) -> None:
    # Those of streams are in test_local_stream.py.
    documented = {
        tuple(words)
        for _, words in started("curl")
        if not any("/travel-gpt/stream" in word for word in words)
    }
    assert len(documented) > 3
    for words in documented:
        here = [re.sub(r"^http\S+/Prod/travel-gpt", demo.url, word) for word in words]
        done = subprocess.run(["curl", "-sS", *here], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["status"] == "success", words


def test_a_key_goes_to_the_model_server_and_nowhere_else(start: Start, upstream: FakeOpenAI) -> None:
    # Given a server that takes this key only
    upstream.accepted_keys = {KEY}
    server = start(
        OPENAI_API_KEY=KEY,
        OPENAI_BASE_URL=upstream.base_url,
        OPENAI_ORG_ID="org-1",
        HTTP_PROXY="http://127.0.0.1:9",
    )
    # When it is asked at its usual API
    status, body = server.post("Three days in Lisbon?")
    # Then the key and the organization arrive there
    assert (status, body["answer"]) == (200, "Scripted answer to: Three days in Lisbon?")
    (call,) = upstream.calls_to(RESPONSES)
    assert (call.key, call.headers["openai-organization"]) == (KEY, "org-1")
    status, body = server.get("?verify=true")
    assert (status, body["mode"], body["has_api_key"]) == (200, "compatible", True)
    assert len(upstream.calls_to(MODELS)) == 1
    # And when it is refused, a person reads why, without the key or its ends
    upstream.script(
        RESPONSES, behaviours.server_error(), behaviours.server_error(), behaviours.server_error()
    )
    assert server.post("Again?")[0] == 502
    server.wait_for(r"error: .*upstream_error")
    upstream.accepted_keys = set()
    assert server.post("And again?")[0] == 502
    server.wait_for(r"error: .*credential_rejected")
    assert server.stop() == 0
    shown = server.printed + "\n".join(server.errors)
    assert not [piece for piece in (KEY, KEY[:10], KEY[-6:], "canary") if piece in shown]


def test_a_server_that_asks_for_no_key_works_without_one_on_the_chat_api(
    start: Start, upstream: FakeOpenAI
) -> None:
    server = start(OPENAI_BASE_URL=upstream.base_url, OPENAI_API="chat", OPENAI_MODEL="llama")
    assert server.post("Three days in Lisbon?")[0] == 200
    (call,) = upstream.calls_to(CHAT)
    assert call.body["model"] == "llama"
    assert "llama at http://127.0.0.1" in server.printed
    body = server.get()[1]
    assert (body["mode"], body["has_api_key"], body["last_call"]["outcome"]) == (
        "compatible",
        False,
        "success",
    )
    assert server.stop() == 0


def test_with_api_key_access_a_post_needs_the_key_that_is_printed(start: Start) -> None:
    server = start("--access", "api-key")
    key = server.wait_for(r"x-api-key: (\S+) \(made up").group(1)
    assert server.post("To Oslo")[1]["code"] == "forbidden"
    assert server.post("To Oslo", x_api_key="x" + key)[0] == 403
    assert (server.post("To Oslo", x_api_key=key)[0], server.get()[0]) == (200, 200)
    assert server.stop(signal.SIGTERM) == 0


def test_the_functions_own_log_is_shown_on_request(start: Start, demo: LocalServer) -> None:
    server = start("--verbose")
    request_id = server.post("To Oslo")[1]["request_id"]
    line = server.wait_for(rf'(?m)^{{.*"request_id":"{request_id}".*}}$').group()
    assert (json.loads(line)["level"], server.stop()) == ("INFO", 0)
    assert not [line for line in demo.lines if line.startswith("{")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_under_way_is_answered_before_it_stops(
    start: Start, upstream: FakeOpenAI, number: int
) -> None:
    with ThreadPoolExecutor(1) as pool:
        upstream.script(RESPONSES, behaviours.slow(1))
        server = start(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY=KEY)
        asking = pool.submit(server.post, "Slowly?")
        upstream.wait_for(1)
        assert server.stop(number) == 0
        status, body = asking.result(10)
    assert (status, body["status"]) == (200, "success")
    assert "Stopping: a request is being answered, for 8 s at most" in server.printed
    *_, answered, stopped = server.lines
    assert re.fullmatch(rf"\d\d:\d\d:\d\d POST /Prod/travel-gpt 200 \d+ ms {body['request_id']}", answered)
    assert stopped == "Stopped."
    assert not server.errors


def test_a_second_stop_does_not_wait(start: Start, upstream: FakeOpenAI) -> None:
    upstream.script(RESPONSES, behaviours.slow(20))
    server = start(OPENAI_BASE_URL=upstream.base_url, OPENAI_API_KEY=KEY)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(server.post, "Slowly?")
        upstream.wait_for(1)
        os.kill(server.process.pid, signal.SIGINT)
        server.wait_for("Stopping")
        began = time.monotonic()
        assert server.stop(signal.SIGINT) == -signal.SIGINT
        assert time.monotonic() - began < 5
        assert isinstance(asking.exception(10), OSError)


def test_env_may_say_where_and_for_whom_it_serves(start: Start) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = start(
        env_file=f"PORT={port}\nHOST=localhost\nAPI_ACCESS=api-key\nANSWER_WITHIN_SECONDS=90\n",
        command_line_port="",
    )
    assert server.lines[0] == "Read .env of this folder: PORT, HOST, API_ACCESS, ANSWER_WITHIN_SECONDS."
    assert server.url == f"http://localhost:{port}/Prod/travel-gpt"
    assert server.post("To Oslo")[1]["code"] == "forbidden"
    key = server.wait_for(r"x-api-key: (\S+) \(made up").group(1)
    assert server.post("To Oslo", x_api_key=key)[0] == 200
    assert "audit" not in server.printed.lower()
    assert server.stop() == 0


def test_a_slow_model_gets_the_time_that_its_owner_gives_it(start: Start, upstream: FakeOpenAI) -> None:
    upstream.default(RESPONSES, behaviours.slow(2.5))
    known = {"OPENAI_BASE_URL": upstream.base_url, "OPENAI_API_KEY": KEY}
    server = start(**known, ANSWER_WITHIN_SECONDS="1")
    assert (server.post("Slowly?")[1]["code"], server.stop()) == ("upstream_timeout", 0)


def test_a_file_of_settings_is_read_and_what_is_set_wins(start: Start, upstream: FakeOpenAI) -> None:
    text = f"OPENAI_API_KEY={KEY}\nOPENAI_BASE_URL={upstream.base_url}\nOPENAI_MODEL=a\nDATABASE_URL=x\n"
    server = start(env_file=text, OPENAI_MODEL="b")

    assert server.post("Rome?")[0] == 200
    (call,) = upstream.calls
    assert (call.key, call.body["model"], server.stop()) == (KEY, "b", 0)
    assert server.lines[0] == "Read .env of this folder: OPENAI_API_KEY, OPENAI_BASE_URL."
    assert KEY not in server.printed
    assert not server.errors


def with_secret(aws: LoopbackAws, upstream: FakeOpenAI) -> dict[str, str]:
    """Store the key in an account, and return the variables by which it is read there."""
    aws.client("secretsmanager").create_secret(Name="mine", SecretString=KEY)
    return {
        "CREDENTIAL_SOURCE": "secrets-manager",
        "OPENAI_SECRET_NAME": "mine",
        "OPENAI_BASE_URL": upstream.base_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": aws.url,
    }


def test_a_file_of_settings_may_name_the_source_and_the_account(start: Start, upstream: FakeOpenAI) -> None:
    with LoopbackAws() as aws:
        settings = with_secret(aws, upstream)
        server = start(env_file="".join(f"{name}={value}\n" for name, value in settings.items()))

        assert (server.post("Rome?")[0], [call.key for call in upstream.calls]) == (200, [KEY])
        assert server.stop() == 0
    assert KEY not in server.printed
