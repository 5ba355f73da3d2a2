"""The options of the local server, and the starts that fail: a sentence, an exit code, no traceback."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from travel_gpt.env_file import OF_AWS, load_env_file
from travel_gpt.local import __main__ as program
from travel_gpt.local.environment import VARIABLES, Options, WrongEnvironment, read_command_line, resolve
from travel_gpt.local.server import listen

KEY = "sk-canary-0123456789abcdefghij"


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """Give back the environment and the signals, which belong to the process."""
    environment = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HOST", "PORT", "API_ACCESS"):
        os.environ.pop(name, None)
    yield
    os.environ.clear()
    os.environ.update(environment)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("port", ["http", "-1", "65536", "30 00", "٣"])
def test_a_bad_port_is_reported(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["PORT"] = port
    assert (program.main([]), capsys.readouterr().err) == (2, "PORT must be a number from 0 to 65535.\n")


def test_a_bad_api_access_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["API_ACCESS"] = "everyone"
    assert program.main(["--port", "0"]) == 2
    assert capsys.readouterr().err == "API_ACCESS must be one of: api-key, open.\n"


@pytest.mark.parametrize("seconds", ["0", "3601", "1.5", "soon"])
def test_a_bad_time_for_an_answer_is_reported(
    seconds: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWER_WITHIN_SECONDS", seconds)
    assert program.main(["--port", "0"]) == 2
    assert capsys.readouterr().err == "ANSWER_WITHIN_SECONDS must be a number from 1 to 3600.\n"


def test_a_taken_port_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert program.main(["--port", str(port)]) == 1
    assert f"Port {port} is in use" in capsys.readouterr().err


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


def test_an_unknown_option_is_argparses_business(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--access", "perhaps"])
    assert ended.value.code == 2
    assert "--access" in capsys.readouterr().err


def test_help_names_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "API_ACCESS", *VARIABLES))


def test_a_stop_during_the_start_is_a_clean_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 99

    monkeypatch.setattr(program, "_run", interrupted)
    assert program.main(["--port", "0"]) == 0
    # And a second signal has the default action, which does not wait.
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


DEFAULTS = Options("127.0.0.1", 3000, "open", 28, verbose=False)


def test_without_anything_it_is_the_demo_of_the_readme() -> None:
    assert resolve(read_command_line([]), {}) == DEFAULTS
    assert resolve(read_command_line([]), dict.fromkeys([*VARIABLES, "API_ACCESS"], " ")) == DEFAULTS


def test_the_environment_wins_over_the_defaults() -> None:
    environ = {
        "HOST": "0.0.0.0",
        "PORT": "8080",
        "API_ACCESS": "api-key",
        "ANSWER_WITHIN_SECONDS": "300",
    }
    assert resolve(read_command_line([]), environ) == Options("0.0.0.0", 8080, "api-key", 300, verbose=False)


@pytest.mark.parametrize("name", ["PORT", "ANSWER_WITHIN_SECONDS", "API_ACCESS"])
def test_a_wrong_value_is_refused_by_its_name_and_not_repeated(name: str) -> None:
    key = "sk-canary-0123456789abcdefghij"
    with pytest.raises(WrongEnvironment) as wrong:
        resolve(read_command_line([]), {name: key})
    assert str(wrong.value).startswith(f"{name} must be ")
    assert key not in str(wrong.value)


def test_the_command_line_wins_over_the_environment() -> None:
    environ = {"HOST": "0.0.0.0", "PORT": "8080", "API_ACCESS": "api-key"}
    given = read_command_line(["--host", "::1", "--port", "0", "--access", "open", "--verbose"])
    assert resolve(given, environ) == Options("::1", 0, "open", 28, verbose=True)


@pytest.mark.parametrize("name", [*VARIABLES, "API_ACCESS"])
def test_env_sets_what_is_not_set_already(name: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{name}=one\n")
    taken: dict[str, str] = {}
    kept = {name: "two"}
    for environ in (taken, kept):
        load_env_file(tmp_path, environ, also=OF_AWS | VARIABLES.keys())
    assert (taken, kept) == ({name: "one"}, {name: "two"})
