"""The options of the local server, and the starts that fail: a sentence, an exit code, no traceback."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from travel_gpt.env_file import OF_AWS, load_env_file
from travel_gpt.local import __main__ as program
from travel_gpt.local.environment import VARIABLES, Options, read_command_line, resolve
from travel_gpt.local.server import listen

KEY = "sk-canary-0123456789abcdefghij"


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """Give back the signals, which belong to the process; the environment has no variable of the user's."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for name in ("HOST", "PORT"):
        os.environ.pop(name, None)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("name", "values", "must_be"),
    [
        ("PORT", ["http", "-1", "65536", "30 00", "٣", KEY], "a number from 0 to 65535"),
        ("API_ACCESS", ["everyone", KEY], "one of: api-key, open"),
        ("ANSWER_WITHIN_SECONDS", ["0", "3601", "1.5", "soon", KEY], "a number from 1 to 3600"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name_and_not_repeated(
    name: str, values: list[str], must_be: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in values:
        os.environ[name] = value
        assert (program.main([]), capsys.readouterr().err) == (2, f"{name} must be {must_be}.\n")


def test_a_taken_port_is_reported_with_another_to_try(capfd: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        os.environ["PORT"] = str(port)
        assert program.main([]) == 1
    said = f"Port {port} is in use, perhaps by an earlier server. Try: PORT={port + 1} make run\n"
    assert capfd.readouterr() == ("", said)


def test_a_host_of_another_machine_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["HOST"] = "203.0.113.1"
    assert program.main(["--port", "0"]) == 1
    assert "203.0.113.1 is not an address of this machine" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://far.example/v1", "far.example", "https://user:pass@far.example/v1"])
def test_a_bad_base_url_is_reported_without_quoting_it(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["OPENAI_BASE_URL"] = url
    assert program.main(["--port", "0"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("OPENAI_BASE_URL must be an https:// URL")
    assert url not in said


def test_a_bad_key_is_reported_and_gone(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["OPENAI_API_KEY"] = KEY + " " + KEY
    assert program.main(["--port", "0"]) == 2
    assert "OPENAI_API_KEY cannot be used" in capsys.readouterr().err
    assert "OPENAI_API_KEY" not in os.environ


def test_a_missing_package_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "travel_gpt.local.server", raising=False)
    monkeypatch.setitem(sys.modules, "werkzeug.serving", None)
    assert program.main(["--port", "0"]) == 1
    assert "`make run` installs it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "status", "names"),
    [
        (["--access", "perhaps"], 2, {"--access"}),
        (["--help"], 0, {"OPENAI_API_KEY", "OPENAI_BASE_URL", "API_ACCESS", *VARIABLES}),
    ],
    ids=["an unknown value", "help"],
)
def test_argparse_names_the_option_and_the_help_the_variables(
    line: list[str], status: int, names: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(line)
    shown = capsys.readouterr()
    assert ended.value.code == status
    assert {name for name in names if name not in (shown.err if status else shown.out)} == set()


def test_a_stop_during_the_start_is_a_clean_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 99

    monkeypatch.setattr(program, "_run", interrupted)
    assert program.main(["--port", "0"]) == 0
    # And a second signal has the default action, which does not wait.
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


DEFAULTS = Options("127.0.0.1", 3000, "open", 28, verbose=False)
EXPORTED = {"HOST": "0.0.0.0", "PORT": "8080", "API_ACCESS": "api-key", "ANSWER_WITHIN_SECONDS": "300"}


@pytest.mark.parametrize(
    ("line", "environ", "options"),
    [
        ([], {}, DEFAULTS),
        ([], dict.fromkeys(EXPORTED, " "), DEFAULTS),
        ([], EXPORTED, Options("0.0.0.0", 8080, "api-key", 300, verbose=False)),
        (
            ["--host", "::1", "--port", "0", "--access", "open", "--verbose"],
            EXPORTED,
            Options("::1", 0, "open", 300, verbose=True),
        ),
    ],
    ids=["demo of the README", "empty", "environment", "command line"],
)
def test_the_command_line_wins_over_the_environment_and_that_over_the_defaults(
    line: list[str], environ: dict[str, str], options: Options
) -> None:
    assert resolve(read_command_line(line), environ) == options


@pytest.mark.parametrize("name", [*VARIABLES, "API_ACCESS"])
def test_env_sets_what_is_not_set_already(name: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{name}=one\n")
    taken: dict[str, str] = {}
    kept = {name: "two"}
    for environ in (taken, kept):
        load_env_file(tmp_path, environ, also=OF_AWS | VARIABLES.keys())
    assert (taken, kept) == ({name: "one"}, {name: "two"})
