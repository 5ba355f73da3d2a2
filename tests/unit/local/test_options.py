"""Where an option of the local server comes from: the command line, the environment or ``.env``."""

from pathlib import Path

import pytest

from travel_gpt.env_file import OF_AWS, load_env_file
from travel_gpt.local.environment import VARIABLES, Options, WrongEnvironment, read_command_line, resolve

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
