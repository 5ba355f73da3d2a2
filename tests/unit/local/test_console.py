"""What the person at the keyboard gets to read."""

import io
import json
import logging

import pytest

from travel_gpt.local.console import Console, FunctionLog, Running, welcome
from travel_gpt.local.environment import ModelAccess
from travel_gpt.local.gateway import Exchange
from travel_gpt.local.invocation import HttpRequest
from travel_gpt.local.responses import HttpResponse
from travel_gpt.settings import Settings

KEY = "sk-canary-0123456789abcdefghij"


def running(host: str = "127.0.0.1", api_key: str | None = None, **environment: str) -> Running:
    owner = ModelAccess("openai", json.dumps({"api_key": KEY}))
    return Running(host, 3000, owner, Settings.load(environment), api_key)


def test_the_welcome_says_which_model_and_where_the_key_is_and_not_the_key() -> None:
    said = welcome(running(OPENAI_MODEL="gpt-6.1-terra"))
    assert "gpt-6.1-terra at OpenAI" in said
    assert "this process's memory" in said
    assert KEY not in said
    assert "Warning" not in said


def test_the_welcome_names_a_compatible_server_and_its_api() -> None:
    settings = Settings.load({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1", "OPENAI_API": "chat"})
    said = welcome(Running("127.0.0.1", 3000, ModelAccess("compatible", "{}"), settings, None))
    assert "http://127.0.0.1:11434/v1, API chat" in said


def test_the_welcome_says_how_to_get_from_the_demo_to_real_answers() -> None:
    said = welcome(Running("127.0.0.1", 3000, ModelAccess("demo", ""), Settings.load({}), None))
    assert "demo" in said
    # A key on the command line itself would stay in the shell's history.
    assert "read -rs OPENAI_API_KEY" in said


def test_the_welcome_says_from_where_the_key_comes_if_not_from_here() -> None:
    said = welcome(
        Running(
            "127.0.0.1", 3000, ModelAccess("openai", "", source="encrypted-file"), Settings.load({}), None
        )
    )
    assert "from encrypted-file (CREDENTIAL_SOURCE)" in said
    assert "moto" not in said


def test_the_key_of_the_gateway_is_in_the_command_to_paste() -> None:
    assert "-H 'x-api-key: made-up'" in welcome(running(api_key="made-up"))
    assert "x-api-key" not in welcome(running())


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:3000"),
        ("::", "http://127.0.0.1:3000"),
        ("192.0.2.7", "http://192.0.2.7:3000"),
    ],
)
def test_an_address_that_others_may_reach_is_warned_of(host: str, url: str) -> None:
    said = welcome(running(host))
    assert f"Warning: other machines may reach {host} and use the model at your cost." in said
    assert f"curl {url}/Prod/travel-gpt" in said


def test_the_demo_costs_nothing_when_other_machines_reach_it() -> None:
    said = welcome(
        Running("0.0.0.0", 3000, ModelAccess("demo", "", holds_key=False), Settings.load({}), None)
    )
    assert "for other machines too" in said
    assert "cost" not in said.replace("costs nothing", "")
    assert "Warning" not in said


def test_with_a_key_for_post_only_who_has_it_asks_at_the_owners_cost() -> None:
    said = welcome(running("0.0.0.0", api_key="made-up"))
    assert "with the key they use the model at your cost" in said
    assert "Warning" not in said


def test_the_welcome_says_that_a_server_without_a_key_is_sent_a_placeholder() -> None:
    settings = Settings.load({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"})
    said = welcome(
        Running("127.0.0.1", 3000, ModelAccess("compatible", "{}", holds_key=False), settings, None)
    )
    assert "key     none: the server gets a placeholder" in said


def test_an_ipv6_address_is_written_as_in_a_url() -> None:
    assert "curl http://[::1]:3000/Prod/travel-gpt" in welcome(running("::1"))


def exchange(path: str = "/Prod/travel-gpt", error: str = "") -> Exchange:
    request = HttpRequest("POST", path, "secret=1", [], b"", "127.0.0.1", 3000, request_id="id-1")
    return Exchange(request, HttpResponse(200, [], b""), 0.0124, error)


def test_a_request_is_one_line_of_time_method_path_status_duration_and_id() -> None:
    stream = io.StringIO()
    Console(stream).report(exchange())
    clock, *rest = stream.getvalue().rstrip("\n").split(" ")
    assert (len(clock), rest) == (len("12:00:00"), ["POST", "/Prod/travel-gpt", "200", "12", "ms", "id-1"])


def test_a_failure_of_the_function_has_a_line_of_its_own() -> None:
    stream = io.StringIO()
    Console(stream).report(exchange(error="the function raised ValueError"))
    assert stream.getvalue().splitlines()[1].endswith("   the function raised ValueError")


def test_a_path_cannot_steer_the_terminal_or_fill_it() -> None:
    stream = io.StringIO()
    Console(stream).report(exchange("/\x1b[2J\r\n" + "x" * 500))
    (line,) = stream.getvalue().splitlines()
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
