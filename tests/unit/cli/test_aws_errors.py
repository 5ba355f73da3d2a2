"""What the failures of AWS mean to the person at the keyboard."""

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    InvalidConfigError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError

from travel_gpt.cli.__main__ import main
from travel_gpt.cli.aws_session import cli_error_of
from travel_gpt.cli.errors import FAILED, USAGE

KEY = "sk-proj-Qm3vT8xLw2Rk7Yb4Nd6H"


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetCallerIdentity")


@pytest.mark.parametrize(
    ("failed", "says", "status"),
    [
        (NoCredentialsError(), "aws configure", USAGE),
        (NoRegionError(), "--region", USAGE),
        (ProfileNotFound(profile=KEY), "list-profiles", USAGE),
        (UnauthorizedSSOTokenError(), "aws sso login", USAGE),
        (refused("ExpiredToken"), "have expired", USAGE),
        (refused("InvalidClientTokenId"), "does not accept your credentials", USAGE),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "cannot be reached", USAGE),
        (ResponseParserError(f"<html>{KEY}"), "not AWS", USAGE),
        (InvalidConfigError(error_msg=KEY), "An AWS setting is wrong", USAGE),
        (refused("AccessDenied", "User: x is not authorized"), "User: x is not authorized", FAILED),
        (refused("LimitExceeded", "too many"), "LimitExceeded): too many", FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_refusal_is_a_sentence_with_what_to_do(failed: Exception, says: str, status: int) -> None:
    error = cli_error_of(failed)

    assert says in error.sentence
    assert error.status == status
    assert KEY not in error.sentence


def test_the_commands_to_sign_in_with_name_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert "aws sso login --profile mine " in cli_error_of(UnauthorizedSSOTokenError()).sentence


@pytest.mark.usefixtures("person")
def test_a_profile_that_does_not_exist_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["secret", "show", "--profile", "typo"]) == USAGE
    assert "The AWS profile does not exist" in capsys.readouterr().err
    monkeypatch.setenv("AWS_PROFILE", "typo")
    assert main(["secret", "show"]) == USAGE
    assert "The AWS profile does not exist" in capsys.readouterr().err
