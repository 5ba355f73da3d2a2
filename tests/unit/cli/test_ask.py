"""``travel-gpt ask``, against a server that sends what a test says."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.support.scripted_api import BODY, COMMENTS, EVENTS, TEXT, ScriptedApi, failure
from tests.support.secret_leaks import holds
from tests.unit.cli.conftest import Person
from tests.unit.cli.test_client import make_stack
from travel_gpt.api import sse
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import FAILED, USAGE, CliError
from travel_gpt.client import TravelGPT

KEY = "Yk7annscanary2Qm3vT8xLw2Rk7Yb4Nd6H"
POST, STREAM = "/Prod/travel-gpt", "/Prod/travel-gpt/stream"
SHOWN = TEXT.replace("\x85", "")


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    with ScriptedApi() as running:
        yield running


def paths(server: ScriptedApi) -> list[str]:
    return [path for _, path, _, _ in server.seen]


def keys(server: ScriptedApi) -> list[str]:
    return [headers.get("x-api-key", "") for _, _, headers, _ in server.seen]


def test_the_text_is_the_result_and_the_rest_a_remark(person: Person, server: ScriptedApi) -> None:
    server.whole_stream()

    done = person.run("ask", "Lisbon?", "--url", server.base_url)

    assert done.out == f"{SHOWN}\n"
    left = "1.98 of 2.00 USD left of the budget of the client for the month"
    assert done.err.splitlines() == [
        "",
        f"gpt-6-luna, 12 tokens, 0.000400 USD, {left}",
        "80 % of the budget is used.",
    ]
    assert (paths(server), json.loads(server.seen[0][3])) == ([STREAM], {"query": "Lisbon?"})


def test_json_is_the_body_of_a_post(person: Person, server: ScriptedApi) -> None:
    server.whole_stream()

    done = person.run("ask", "Lisbon?", "--url", server.base_url, "--json")

    expected = {**BODY, "answer": TEXT}
    del expected["timestamp"]
    assert json.loads(done.out) == expected
    assert done.err == ""


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, failure("streaming_disabled")),
        (503, failure("streaming_disabled")),
        (404, failure("not_found")),
        (403, failure("forbidden")),
        (403, {"message": "Missing Authentication Token"}),
    ],
)
def test_an_api_that_does_not_stream_gets_a_post(
    person: Person, server: ScriptedApi, status: int, body: dict[str, Any], options: tuple[str, ...]
) -> None:
    server.json(status, body)
    server.json(200, {**BODY, "truncated": True})

    done = person.run("ask", "Lisbon?", "--url", server.base_url, *options)

    assert paths(server) == [STREAM, POST]
    if options:
        assert json.loads(done.out) == {**BODY, "truncated": True}
        assert done.err == ""
    else:
        assert done.out == "Take tram 28.\n"
        assert "This API does not stream, so the answer came whole." in done.err
        assert "The answer is not complete" in done.err


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "client_disabled"), (403, "client_expired"), (429, "rate_limited"), (503, "paused"), (400, "x")],
)
def test_other_refusals_are_final(person: Person, server: ScriptedApi, status: int, code: str) -> None:
    server.json(status, failure(code))

    done = person.run("ask", "Lisbon?", "--url", server.base_url, status=FAILED, says=f"About {code}.")

    assert f"({code}, request r-9)" in done.err
    assert paths(server) == [STREAM]


def test_a_stopped_answer_is_said(person: Person, server: ScriptedApi) -> None:
    server.whole_stream(*EVENTS[:3], sse.event("done", {"truncated": True, "stopped": True}))

    done = person.run("ask", "Lisbon?", "--url", server.base_url)

    assert (done.out, done.err) == (
        f"{TEXT[:8]}\n",
        "\ngpt-6-luna\nThe answer is not complete: it was stopped.\n",
    )


def test_an_error_after_the_first_words_keeps_them(person: Person, server: ScriptedApi) -> None:
    server.whole_stream(*EVENTS[:3], sse.event("error", failure("upstream_timeout")))

    done = person.run("ask", "Lisbon?", "--url", server.base_url, status=FAILED)

    assert done.out == f"{TEXT[:8]}\n"
    assert done.err == "About upstream_timeout. (upstream_timeout, request r-9)\n"


def test_a_cut_answer_is_a_failure(person: Person, server: ScriptedApi) -> None:
    server.stream(*EVENTS[:3])

    done = person.run("ask", "Lisbon?", "--url", server.base_url, status=FAILED, says="paid for")

    assert done.out == f"{TEXT[:8]}\n"


def test_no_answer_controls_the_terminal(person: Person, server: ScriptedApi) -> None:
    text = "\x1b[2J\x1b]0;title\x07a\x9b31mb\r\n\tc\n"
    server.whole_stream(EVENTS[0], sse.event("delta", {"text": text}), *EVENTS[5:])
    server.json(404, failure("\x1b[1m", message="\x1b[31mred"))

    assert person.run("ask", "Lisbon?", "--url", server.base_url).out == "[2J]0;titlea31mb\n\tc\n"
    done = person.run("ask", "Lisbon?", "--url", server.base_url, status=FAILED)
    assert "\x1b" not in done.err


def test_the_key_of_the_variable_is_sent_and_never_shown(
    person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAVEL_GPT_API_KEY", f"{KEY}\n")
    pieces = [sse.event("delta", {"text": KEY[at : at + 5]}) for at in range(0, len(KEY), 5)]
    server.whole_stream(EVENTS[0], *pieces, *EVENTS[5:])
    server.json(409, failure("streaming_disabled"))
    server.json(200, {**BODY, "answer": f"Your key is {KEY}"})
    server.json(400, failure("x", message=f"Not with {KEY}."))

    done = [person.run("ask", "Lisbon?", "--url", server.base_url) for _ in range(2)]
    done.append(person.run("ask", "Lisbon?", "--url", server.base_url, status=FAILED))

    assert keys(server) == [KEY] * 4
    assert not [each for each in done if holds(each.out + each.err, KEY)]
    assert done[0].out == "[redacted]\n"


def test_a_key_is_asked_for_where_the_api_needs_one(
    person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return KEY

    monkeypatch.setattr("getpass.getpass", answer)
    server.json(403, failure("forbidden"))
    server.json(403, failure("forbidden"))
    server.whole_stream()

    done = person.run("ask", "Lisbon?", "--url", server.base_url, at_terminal=True)

    assert done.out == f"{SHOWN}\n"
    assert asked == [f"API key of {server.base_url} (it is not shown): "]
    assert (paths(server), keys(server)) == ([STREAM, POST, STREAM], ["", "", KEY])


@pytest.mark.parametrize(("deployed", "says"), [(True, "client add NAME"), (False, "`make run` prints it.")])
def test_without_a_terminal_no_key_is_asked_for(
    person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch, deployed: bool, says: str
) -> None:
    monkeypatch.setattr("travel_gpt.cli.asked_api.is_loopback", lambda _: not deployed)
    server.json(403, failure("forbidden"))

    done = person.run("ask", "Lisbon?", "--url", server.base_url, given="no key", status=USAGE)

    assert "read -rs TRAVEL_GPT_API_KEY; export TRAVEL_GPT_API_KEY" in done.err
    assert says in done.err


def test_no_key_typed_is_said(person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda _: "")
    server.json(403, failure("forbidden"))

    person.run(
        "ask", "Lisbon?", "--url", server.base_url, at_terminal=True, status=USAGE, says="nothing was asked"
    )


def test_a_key_that_is_refused_is_not_asked_for_again(
    person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAVEL_GPT_API_KEY", KEY)
    server.json(403, failure("forbidden"))

    person.run(
        "ask",
        "Lisbon?",
        "--url",
        server.base_url,
        at_terminal=True,
        status=FAILED,
        says="Check the API key in TRAVEL_GPT_API_KEY",
    )


def test_a_key_in_a_file_is_not_read(person: Person, server: ScriptedApi) -> None:
    (person.here / ".env").write_text(f"TRAVEL_GPT_API_KEY={KEY}\n")
    server.whole_stream()

    done = person.run("ask", "Lisbon?", "--url", server.base_url)

    assert keys(server) == [""]
    assert "Never read from a file, so export them if you want them: TRAVEL_GPT_API_KEY" in done.err


@pytest.fixture
def owner_key(person: Person, server: ScriptedApi) -> str:  # noqa: ARG001 - its account
    made: Any = boto3.client("apigateway").create_api_key(name="travel-gpt-backend-dev", enabled=True)
    make_stack("travel-gpt-backend-dev", ApiUrl=server.base_url, ApiKeyId=made["id"])
    return str(boto3.client("apigateway").get_api_key(apiKey=made["id"], includeValue=True)["value"])


@pytest.mark.parametrize("named", [("--env", "dev"), ("--stack", "travel-gpt-backend-dev")])
def test_a_deployed_stack_gets_the_key_of_its_owner(
    person: Person,
    server: ScriptedApi,
    owner_key: str,
    named: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # That of another API.
    monkeypatch.setenv("TRAVEL_GPT_API_KEY", KEY)
    server.whole_stream()

    done = person.run("ask", "Lisbon?", *named)

    assert (done.out, keys(server)) == (f"{SHOWN}\n", [owner_key])
    assert person.run("api-key", *named).out == f"{owner_key}\n"


@pytest.mark.usefixtures("owner_key")
@pytest.mark.parametrize(("status", "code"), [(503, "secret_not_found"), (403, "forbidden")])
def test_doctor_looks_into_a_stack_that_fails(
    person: Person, server: ScriptedApi, status: int, code: str
) -> None:
    server.json(status, failure(code))

    person.run("ask", "Lisbon?", "--env", "dev", status=FAILED, says="doctor --env dev (")


def test_a_stack_that_is_not_there_is_said(person: Person) -> None:
    person.run(
        "ask",
        "Lisbon?",
        "--env",
        "prod",
        status=FAILED,
        says="There is no stack travel-gpt-backend with an API",
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--url", "https://api.example.com/x", "--env", "prod"), "not both"),
        (("--stack", "mine", "--env", "prod"), "not both"),
        (("--region", "eu-west-1"), "need --env or --stack"),
        (("--url", "http://api.example.com/Prod/travel-gpt"), "must be an https:// URL"),
        (("--url", "nonsense"), "Nothing was asked."),
        (("--url", "https://api.example.com/Prod/travel-gpt/stream"), "without /stream at its end"),
    ],
)
def test_a_place_that_cannot_be_asked_is_refused(person: Person, options: tuple[str, ...], says: str) -> None:
    person.run("ask", "Lisbon?", *options, status=USAGE, says=says)


def test_a_key_that_cannot_be_sent_is_refused(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAVEL_GPT_API_KEY", f"{KEY} {KEY}")

    done = person.run("ask", "Lisbon?", status=USAGE, says="The API key must be visible ASCII")

    assert not holds(done.err, KEY)


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        ("12", "Repeat in 12 s."),
        ("150", "Repeat in 3 minutes."),
        ("7300", "in 3 hours."),
        ("200000", "3 days."),
    ],
)
def test_the_time_until_another_try_is_said(
    person: Person, server: ScriptedApi, seconds: str, says: str
) -> None:
    server.json(429, failure("rate_limited"), Retry_After=seconds)

    person.run("ask", "Lisbon?", "--url", server.base_url, status=FAILED, says=says)
    assert len(server.seen) == 1


def test_a_server_that_is_not_there_is_said(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"https://{'a' * 64}.example/Prod/travel-gpt"
    person.run("ask", "Lisbon?", "--url", url, status=FAILED, says="Check the URL and your network")

    with ScriptedApi() as closed:
        url = closed.base_url
    person.run("ask", "Lisbon?", "--url", url, status=FAILED, says="Start the server with `make run`")
    monkeypatch.setattr("travel_gpt.cli.asked_api.LOCAL_URL", url)
    person.run("ask", "Lisbon?", status=FAILED, says="Start the server with `make run`")


def test_a_url_of_another_path_is_said(person: Person, server: ScriptedApi) -> None:
    server.json(404, failure("not_found"))

    person.run("ask", "Lisbon?", "--url", server.url, status=FAILED, says="Check the URL: it ends in /travel")


def test_the_words_of_a_query_need_no_quotes(person: Person, server: ScriptedApi) -> None:
    server.whole_stream()

    person.run("ask", "Two", "days", "in Porto", "--url", server.base_url)

    assert json.loads(server.seen[0][3]) == {"query": "Two days in Porto"}


def test_an_answer_that_takes_too_long_is_said(
    person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults: Any = TravelGPT.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "idle_timeout", 0.2)
    server.stream(*EVENTS[:3], 10.0)

    person.run("ask", "Lisbon?", "--url", server.base_url, status=FAILED, says="Ask for less at once")


def stop_at(monkeypatch: pytest.MonkeyPatch, failed: BaseException) -> None:
    """Have the first text that is shown raise something."""

    def piece(_: Console, text: str) -> None:
        if text.strip():
            raise failed

    monkeypatch.setattr(Console, "piece", piece)


@pytest.mark.parametrize(
    ("failed", "status", "says"),
    [
        (KeyboardInterrupt(), 130, "\nInterrupted. The answer was stopped.\n"),
        (CliError("The disk is full."), FAILED, "The disk is full.\n"),
    ],
    ids=["ctrl-c", "full-disk"],
)
def test_what_ends_the_command_stops_the_answer(
    person: Person,
    server: ScriptedApi,
    monkeypatch: pytest.MonkeyPatch,
    failed: BaseException,
    status: int,
    says: str,
) -> None:
    stop_at(monkeypatch, failed)
    server.stream(*EVENTS[:3], *COMMENTS)
    server.json(202, {})

    done = person.run("ask", "Lisbon?", "--url", server.base_url, status=status)

    assert done.err == says
    assert paths(server) == [STREAM, f"{STREAM}/r-1/stop"]


@pytest.mark.parametrize("deployed", [True, False])
def test_an_answer_that_cannot_be_stopped_is_said(
    person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch, deployed: bool
) -> None:
    stop_at(monkeypatch, KeyboardInterrupt())
    monkeypatch.setattr("travel_gpt.cli.ask.is_loopback", lambda _: not deployed)
    server.stream(*EVENTS[:3], *COMMENTS)
    server.json(404, failure("not_found"))
    says = "The API may go on" if deployed else "The answer was stopped."

    person.run("ask", "Lisbon?", "--url", server.base_url, status=130, says=says)

    assert paths(server) == [STREAM, f"{STREAM}/r-1/stop"]


def test_ctrl_c_before_the_first_word_is_said(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TravelGPT, "stream", interrupted)

    url = "https://api.example.com/Prod/travel-gpt"
    person.run("ask", "Lisbon?", "--url", url, status=130, says="The API may go on")
