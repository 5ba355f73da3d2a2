"""What AWS's refusals mean to the person at the keyboard, and who that is."""

from __future__ import annotations

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

from travel_gpt.cli.aws_account import caller, choose_account, client, person as this_person, said_by, stop_of
from travel_gpt.cli.errors import FAILED, USAGE, CliError

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
    stop = stop_of(failed)

    assert says in stop.sentence
    assert stop.status == status
    assert KEY not in stop.sentence


def test_awss_words_are_masked_and_bounded() -> None:
    said = said_by(refused("X", f"{KEY}\n" + "x" * 1000))
    assert KEY not in said
    assert "\n" not in said
    assert len(said) <= 500


def test_a_profile_wins_over_exported_keys() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}
    choose_account("eu-west-1", "mine", environ)
    assert environ == {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_PROFILE": "mine",
    }


def test_without_a_choice_nothing_changes_but_that_boto3_knows_the_region() -> None:
    environ = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a"}
    choose_account(None, None, environ)
    assert environ == {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "a",
    }


def test_a_profile_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CliError, match="no such AWS profile"):
        client("sts")


@pytest.mark.usefixtures("person")
def test_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert caller().startswith("arn:aws:sts::123456789012:")
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert this_person() == "local:ada"

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert this_person().removeprefix("local:").isdigit()
