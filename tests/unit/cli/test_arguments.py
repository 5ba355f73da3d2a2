"""The command line: a key is refused on it, and nothing that was typed is repeated."""

import pytest

from tests.unit.cli.conftest import KEY, Person
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.program import looks_like_key, refuse_keys, without_values


@pytest.mark.parametrize(
    "argument",
    [
        KEY,
        f"--key={KEY}",
        f"OPENAI_API_KEY={KEY}",
        "AIzaSyD-1234567890abcdefg",
        "gsk_abcdefghijkl1234",
        "xai-0123456789abcdef",
        "a8Kd92LmQx71PzRt55VbYw03",
    ],
)
def test_what_looks_like_a_key_is_refused_and_not_repeated(argument: str) -> None:
    with pytest.raises(CliError, match="a key is never an argument") as stopped:
        refuse_keys(["secret", "put", argument])

    assert stopped.value.status == USAGE
    assert argument not in stopped.value.sentence


@pytest.mark.parametrize(
    "argument",
    [
        "travel-gpt/openai-api-key",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:travel-gpt/openai-api-key-AbCdEf",
        "travel-gpt-backend-staging",
        "/home/Someone/projects/Travel-2026/.env.production",
        "--region",
        "eu-central-1",
        "task-force-9",
    ],
)
def test_an_ordinary_argument_is_none(argument: str) -> None:
    assert not looks_like_key(argument)
    refuse_keys([argument])


@pytest.mark.parametrize(
    "arguments",
    [
        ["hunter2secret"],
        ["secret", "hunter2secret"],
        ["secret", "put", "hunter2secret"],
        ["secret", "put", "--env", "hunter2secret"],
        ["secret", "put", "--env=hunter2secret"],
        ["secret", "show", "--hunter2secret"],
        ["secret", "decrypt", "hunter2secret"],
        ["secret", "put", "--secret", "hunter2secret:{}"],
        ["doctor", "--json=hunter2secret"],
        [KEY],
        ["secret", "put", "--secret", KEY],
    ],
)
def test_no_error_repeats_what_was_typed(person: Person, arguments: list[str]) -> None:
    done = person.run(*arguments, status=USAGE)

    assert "hunter2" not in done.out + done.err
    assert done.err.strip()


def test_what_the_command_itself_knows_may_stand() -> None:
    message = without_values("No such option: --env hunter2", ["--env", "hunter2"], {"--env"})

    assert message == "No such option: --env (not repeated here)"
