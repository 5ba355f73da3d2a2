"""The canary: a recognisable key through every path there is, and not a piece of it anywhere."""

import gc
import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.openai import CHAT, MODELS, RESPONSES, Behaviour, behaviours
from tests.integration.conftest import Deployment, proxy_event
from tests.integration.test_upstream_faults import FAULTS
from travel_gpt import telemetry
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.settings import Settings

# No four characters of it are in an ordinary word, path or number.
CANARY = "Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
KEY = f"sk-proj-{CANARY}"
# A piece in lower case is a piece as well.
PIECES = frozenset(form[i : i + 4] for form in (CANARY, CANARY.lower()) for i in range(len(form) - 3))

CALLER_KEY = "Wm6KqT8zRv3JxP9hYb5NcF2gLd7SwQ4k"
CALLER_PIECES = frozenset(CALLER_KEY[i : i + 4] for i in range(len(CALLER_KEY) - 3))

Deploy = Callable[..., Deployment]


def _echo(exchange_of: Callable[[str], bytes], status: int) -> Behaviour:
    """A server that quotes the Authorization header, as a debugging proxy does."""

    def behaviour(exchange: object) -> None:
        key = exchange.call.key  # type: ignore[attr-defined] # an Exchange
        behaviours.raw(exchange_of(key), status=status)(exchange)  # type: ignore[arg-type]

    return behaviour


HOSTILE: list[tuple[str, Behaviour]] = (
    [
        (
            f"echo-{status}-{form}",
            _echo(lambda key, form=form: _quoted(key, form), status),  # type: ignore[misc] # late binding
        )
        for status in (200, 400, 401, 403, 404, 422, 429, 500)
        for form in ("message", "code", "text", "model")
    ]
    + [
        (
            f"echo-{status}-{form}",
            _echo(lambda key, form=form: _quoted(key, form), status),  # type: ignore[misc] # late binding
        )
        for status, form in (
            (200, "detail"),
            (200, "flat"),
            (302, "text"),
            (400, "flat"),
            (404, "detail"),
            (413, "message"),
            (501, "message"),
        )
    ]
    + [("echo-in-the-answer", behaviours.answer(f"Of course. Your key is {KEY}."))]
)


def _quoted(key: str, form: str) -> bytes:
    if form == "text":
        return f"Authorization: Bearer {key}".encode()
    if form == "model":
        return json.dumps({"error": {"message": f"model {key[8:24]} not found for {key[20:]}"}}).encode()
    if form == "detail":
        return json.dumps({"detail": {"error": f"bad {key}"}}).encode()
    if form == "flat":
        return json.dumps({"object": "error", "code": key, "message": f"bad {key}"}).encode()
    error = {"message": "refused", "type": "x", "code": "y", "param": None}
    error[form] = f"bad {key}"
    return json.dumps({"error": error}).encode()


class Watch:
    """Everything that is written while a test runs."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        self.seen: list[str] = []

    def see(self, text: str) -> None:
        self.seen.append(text)

    def text(self) -> str:
        return "\n".join([self.log.getvalue(), *self.seen])


@pytest.fixture
def watch(capfd: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    """Watch every logger at DEBUG, as an owner who lowers Lambda's log level has it, and both streams."""
    watching = Watch()
    root = logging.getLogger()
    before = root.level
    everything = logging.StreamHandler(watching.log)
    everything.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))
    root.addHandler(everything)
    root.setLevel(logging.DEBUG)
    telemetry.configure(Settings(log_level="DEBUG"), stream=watching.log)
    yield watching
    root.removeHandler(everything)
    root.setLevel(before)
    captured = capfd.readouterr()
    assert not _found(captured.out + captured.err, PIECES | CALLER_PIECES)


def _found(text: str, pieces: frozenset[str]) -> set[str]:
    return {piece for piece in pieces if piece in text}


def _exercise(deployment: Deployment, watch: Watch) -> None:
    for reply in (deployment.get(), deployment.post(), deployment.get(verify=True), deployment.get()):
        watch.see(reply.raw + str(reply.headers))


@pytest.fixture
def canary(deploy: Deploy) -> Callable[..., Deployment]:
    def start(**environment: str) -> Deployment:
        deployment = deploy(OPENAI_MAX_RETRIES="0", **environment)
        deployment.put_secret(json.dumps({"api_key": KEY}))
        return deployment

    return start


ALL_FAULTS = [(name, fault) for name, fault, *_ in FAULTS] + HOSTILE


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_no_fault_of_the_models_server_lets_a_piece_of_the_key_out(
    canary: Callable[..., Deployment], watch: Watch, api: str
) -> None:
    for name, fault in ALL_FAULTS:
        deployment = canary(OPENAI_API=api)
        for path in (RESPONSES, CHAT, MODELS):
            deployment.upstream.default(path, fault)
        _exercise(deployment, watch)
        assert deployment.upstream.calls[0].key == KEY, "the key does its work"
        assert not _found(watch.text(), PIECES), name
        deployment.upstream.forget()


def test_the_canary_can_sing(watch: Watch) -> None:
    # The test above is useful only if it detects a leak.
    logging.getLogger("some.library").debug("sending %s", KEY[10:20])
    assert _found(watch.text(), PIECES)
    watch.log.truncate(0)
    watch.log.seek(0)


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        f'{{"api_key": "{KEY}"',
        f'["{KEY}"]',
        f'{{"apikey": "{KEY}"}}',
        f'{{"api_key": ["{KEY}"]}}',
        f'{{"api_key": "{KEY} {KEY}"}}',
        f'{{"api_key": "{KEY}", "base_url": "http://{CANARY}/"}}',
        f'{{"api_key": "{KEY}", "model": "{CANARY} 1"}}',
        f'{{"api_key": "{KEY}", "api": "{CANARY}"}}',
        f"{KEY}\n{KEY}",
        f'{{"openai_api_key": "{KEY}"}}',
        f'{{"api_key": "{KEY}", "openai_api_key": "{KEY}2"}}',
        f'{{"api_key": "{KEY}", "openai_api_key": ["{KEY}"]}}',
        f'{{"api_key": "{KEY}", "expires_at": 1}}',
    ],
)
def test_no_form_of_secret_lets_a_piece_of_the_key_out(
    canary: Callable[..., Deployment], watch: Watch, value: str
) -> None:
    deployment = canary(CREDENTIAL_EXPIRY="enforce")
    deployment.put_secret(value)

    _exercise(deployment, watch)

    assert not _found(watch.text(), PIECES)


@pytest.mark.parametrize(
    "answer", [(503, "X"), (400, "AccessDeniedException"), (400, "ResourceNotFoundException")]
)
def test_no_failure_of_the_store_lets_a_piece_of_the_key_out(
    canary: Callable[..., Deployment], watch: Watch, answer: tuple[int, str]
) -> None:
    deployment = canary()
    _exercise(deployment, watch)
    deployment.store.answer = answer
    deployment.clock.advance(301)
    _exercise(deployment, watch)
    deployment.clock.advance(5000)
    _exercise(deployment, watch)

    assert not _found(watch.text(), PIECES)


def test_a_key_in_the_wrong_variable_is_not_shown(canary: Callable[..., Deployment], watch: Watch) -> None:
    for variable in ("OPENAI_SECRET_NAME", "OPENAI_MODEL", "OPENAI_BASE_URL", "OPENAI_API", "LOG_LEVEL"):
        _exercise(canary(**{variable: f"{KEY} "}), watch)

    assert not _found(watch.text(), PIECES)


def test_a_bug_reveals_nothing(
    canary: Callable[..., Deployment], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = canary()

    def broken(_self: object, credential: Credential, _deadline: object) -> None:
        raise RuntimeError(f"could not send {credential.key.reveal()} and {credential}")

    monkeypatch.setattr("travel_gpt.llm.client.ModelClient.verify", broken)
    monkeypatch.setattr("travel_gpt.llm.client.ModelClient.ask", lambda _s, _q, c, d: broken(_s, c, d))
    _exercise(deployment, watch)

    assert "Internal error" in watch.text()
    assert "internal_error" in watch.text()
    assert not _found(watch.text(), PIECES)


def test_nothing_that_lives_prints_the_key(canary: Callable[..., Deployment]) -> None:
    # Held until the end, so that its objects live.
    deployment = canary()
    assert deployment.post().status == 200

    # By type: isinstance follows a weak proxy, whose object may be gone.
    own = [thing for thing in gc.get_objects() if str(type(thing).__module__).startswith("travel_gpt")]
    for thing in own:
        assert not _found(f"{thing!r} {thing}", PIECES), type(thing)
        if isinstance(thing, BaseException):
            assert not _found("".join(traceback.format_exception(thing)), PIECES)
    assert any(isinstance(thing, CredentialSession) for thing in own)


def test_neither_the_process_nor_its_children_carry_the_key(canary: Callable[..., Deployment]) -> None:
    assert canary().post().status == 200

    assert not _found(json.dumps(dict(os.environ)) + " ".join(sys.argv), PIECES)
    command_line = Path("/proc/self/cmdline")
    if command_line.exists():
        assert not _found(command_line.read_text(), PIECES)


def test_the_callers_key_is_not_repeated_either(
    canary: Callable[..., Deployment], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def event(method: str, body: str | None, **changes: object) -> dict[str, object]:
        made = proxy_event(method, body, **changes)
        made["headers"] = {"Content-Type": "application/json", "x-api-key": CALLER_KEY}
        made["multiValueHeaders"] = {"x-api-key": [CALLER_KEY]}
        made["requestContext"]["identity"] = {"apiKey": CALLER_KEY, "apiKeyId": "a1b2c3d4e5"}
        return made

    events = [
        event("GET", None),
        event("PUT", None),
        event("POST", None),
        event("POST", "{"),
        event("POST", '{"query": 7}'),
        event("POST", '{"query": "Lisbon"}'),
        event("POST", "x" * 40_000),
        event("POST", '{"query": "Lisbon"}', resource="/elsewhere"),
        event("POST", '{"query": "Lisbon"}', isBase64Encoded=True),
    ]
    deployment = canary()
    for sent in events:
        watch.see(deployment.send(sent).raw)
    deployment.upstream.default(RESPONSES, behaviours.server_error())
    watch.see(deployment.send(events[5]).raw)
    monkeypatch.setattr("travel_gpt.api.routes.read_question", lambda *_: 1 / 0)
    watch.see(deployment.send(events[5]).raw)

    assert "ZeroDivisionError" in watch.text()
    assert not _found(watch.text(), CALLER_PIECES)
