"""What the person at the keyboard gets to read."""

import io
import json
import logging

import pytest

from travel_gpt.guard.clients import Client
from travel_gpt.guard.limits import Limits
from travel_gpt.local.clients import LocalClient, read_clients
from travel_gpt.local.console import Console, FunctionLog, Running, welcome
from travel_gpt.local.environment import ModelAccess
from travel_gpt.local.gateway import Exchange
from travel_gpt.local.invocation import HttpRequest
from travel_gpt.local.responses import HttpResponse
from travel_gpt.settings import Settings

KEY = "sk-canary-0123456789abcdefghij"
OPENAI = ModelAccess("openai", json.dumps({"api_key": KEY}))
SERVER = {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1", "OPENAI_API": "chat"}


@pytest.mark.parametrize(
    ("host", "access", "environment", "api_key", "said", "not_said"),
    [
        pytest.param(
            "127.0.0.1",
            OPENAI,
            {"OPENAI_MODEL": "gpt-6.1-terra"},
            None,
            ["gpt-6.1-terra at OpenAI", "this process's memory"],
            [KEY, "Warning", "x-api-key"],
            id="model-and-where-the-key-is",
        ),
        pytest.param(
            "127.0.0.1",
            ModelAccess("compatible", "{}"),
            SERVER,
            None,
            ["http://127.0.0.1:11434/v1, API chat"],
            [],
            id="compatible-server",
        ),
        pytest.param(
            "127.0.0.1",
            ModelAccess("compatible", "{}", holds_key=False),
            SERVER,
            None,
            ["key     none: the server gets a placeholder"],
            [],
            id="server-without-a-key",
        ),
        # A key on the command line itself would stay in the shell's history.
        pytest.param(
            "127.0.0.1",
            ModelAccess("demo", ""),
            {},
            None,
            ["demo", "read -rs OPENAI_API_KEY"],
            [],
            id="from-the-demo-to-real-answers",
        ),
        pytest.param(
            "0.0.0.0",
            ModelAccess("demo", "", holds_key=False),
            {},
            None,
            ["for other machines too", "costs nothing"],
            ["your cost", "Warning"],
            id="demo-for-other-machines",
        ),
        pytest.param(
            "127.0.0.1",
            ModelAccess("openai", "", source="encrypted-file"),
            {},
            None,
            ["from encrypted-file (CREDENTIAL_SOURCE)"],
            ["moto"],
            id="key-of-a-source",
        ),
        pytest.param(
            "127.0.0.1", OPENAI, {}, "made-up", ["-H 'x-api-key: made-up'"], [], id="key-of-the-gateway"
        ),
        pytest.param(
            "0.0.0.0",
            OPENAI,
            {},
            "made-up",
            ["with the key they use the model at your cost"],
            ["Warning"],
            id="other-machines-with-the-key-of-the-gateway",
        ),
        pytest.param("::1", OPENAI, {}, None, ["curl http://[::1]:3000/Prod/travel-gpt"], [], id="ipv6"),
    ],
)
def test_the_welcome_says(
    host: str,
    access: ModelAccess,
    environment: dict[str, str],
    api_key: str | None,
    said: list[str],
    not_said: list[str],
) -> None:
    clients = [LocalClient(Client("owner", "owner", Limits()), "localapikey", api_key)] if api_key else []
    text = welcome(Running(host, 3000, access, Settings.load(environment), clients))

    assert [each for each in said if each not in text] == []
    assert [each for each in not_said if each in text] == []


PAGE = {"WEB_PAGE": "enabled"}


def test_the_welcome_has_the_address_of_the_page() -> None:
    said = welcome(Running("127.0.0.1", 3000, OPENAI, Settings.load(PAGE)))

    assert "\nAsk in a browser:\n  http://127.0.0.1:3000/Prod/travel-gpt/app\n" in said
    assert "The page to ask on is turned off (WEB_PAGE)." in welcome(
        Running("127.0.0.1", 3000, OPENAI, Settings())
    )


def test_the_welcome_has_the_invitation_of_each_guest() -> None:
    owner, ann, kim, lee = read_clients(
        ["ann", "kim devices=1", "lee devices=2"], None, per_minute=300, per_day=0
    )

    said = welcome(Running("0.0.0.0", 3000, OPENAI, Settings.load(PAGE), [owner, ann, kim, lee]))

    page = "http://127.0.0.1:3000/Prod/travel-gpt/app#invitation="
    assert kim.invitation is not None
    assert lee.invitation is not None
    assert f"\n  kim, 1 device: {page}{kim.invitation.code}\n" in said
    assert f"\n  lee, 2 devices: {page}{lee.invitation.code}\n" in said
    assert said.count("  client  ") == 1


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:3000"),
        ("::", "http://127.0.0.1:3000"),
        ("192.0.2.7", "http://192.0.2.7:3000"),
    ],
)
def test_an_address_that_others_may_reach_is_warned_of(host: str, url: str) -> None:
    said = welcome(Running(host, 3000, OPENAI, Settings()))
    assert f"Warning: other machines may reach {host} and use the model at your cost." in said
    assert f"curl {url}/Prod/travel-gpt" in said


def exchange(path: str = "/Prod/travel-gpt", error: str = "") -> Exchange:
    request = HttpRequest("POST", path, "secret=1", [], b"", "127.0.0.1", 3000, request_id="id-1")
    return Exchange(request, HttpResponse(200, [], b""), 0.0124, error)


def reported(done: Exchange) -> list[str]:
    stream = io.StringIO()
    Console(stream).report(done)
    return stream.getvalue().splitlines()


def test_a_request_is_one_line_of_time_method_path_status_duration_and_id() -> None:
    (line,) = reported(exchange())
    clock, *rest = line.split(" ")
    assert (len(clock), rest) == (len("12:00:00"), ["POST", "/Prod/travel-gpt", "200", "12", "ms", "id-1"])


def test_a_failure_of_the_function_has_a_line_of_its_own() -> None:
    _, failure = reported(exchange(error="the function raised ValueError"))
    assert failure.endswith("   the function raised ValueError")


def test_a_path_cannot_steer_the_terminal_or_fill_it() -> None:
    (line,) = reported(exchange("/\x1b[2J\r\n" + "x" * 500))
    assert "\x1b" not in line
    assert len(line) < 140


def test_a_reader_that_has_gone_away_stops_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    Console(stream).report(exchange())


def log(verbose: bool, *records: str) -> list[str]:
    stream = io.StringIO()
    function_log = FunctionLog(Console(stream), verbose=verbose)
    handler = logging.StreamHandler(function_log)
    for record in records:
        handler.emit(logging.LogRecord("function", logging.INFO, "", 0, record, None, None))
    return stream.getvalue().splitlines()


INFO = json.dumps({"level": "INFO", "message": "Answered a request"})
WARNING = json.dumps({"level": "WARNING", "message": "Using a stale key"})
ERROR = json.dumps(
    {"level": "ERROR", "message": "Answered a request", "code": "upstream_error", "detail": "HTTP 500"}
)


def test_of_the_functions_log_only_what_went_wrong_is_shown_and_readably() -> None:
    lines = log(False, INFO, WARNING, ERROR)
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "warning: Using a stale key",
        "error: Answered a request (upstream_error: HTTP 500)",
    ]


def test_an_audit_event_is_not_for_the_console() -> None:
    event = json.dumps({"level": "AUDIT", "message": "Audit", "audit": {"event": "credential.fetch"}})
    assert (log(False, event), log(True, event)) == ([], [event])


def test_with_verbose_the_log_is_shown_as_cloudwatch_gets_it() -> None:
    assert log(True, INFO, ERROR) == [INFO, ERROR]


def test_what_the_function_prints_beside_its_log_is_shown() -> None:
    assert log(False, "plain words", "[1]", '{"no": "record"}', "") == [
        "plain words",
        "[1]",
        '{"no": "record"}',
    ]


def test_the_log_replaces_the_standard_output() -> None:
    stream = io.StringIO()
    function_log = FunctionLog(Console(stream), verbose=False)
    assert function_log.write("two\nlines\n") == 10
    function_log.flush()
    assert not function_log.isatty()
    assert stream.getvalue() == "two\nlines\n"
