"""How the command signs in to AWS: region, profile, and each kind of credentials that a profile may have."""

import getpass
import io
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import BotoCoreError, ProfileNotFound

from tests.fakes.loopback_aws import LoopbackAws
from travel_gpt.cli.aws_session import AwsSession, choose_account
from travel_gpt.cli.errors import USAGE, CliError

ROLE = "arn:aws:iam::123456789012:role/deployer"
MFA = "arn:aws:iam::123456789012:mfa/ada"
START = "https://example.awsapps.com/start"
LOGIN = "arn:aws:iam::123456789012:user/ada"
NAMES = ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with AWS profiles and nothing exported."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".aws"
    folder.mkdir()
    # botocore computes its folders when it is imported.
    monkeypatch.setattr(
        "botocore.utils.JSONFileCache.__init__.__defaults__", (str(folder / "boto/cache"), None)
    )
    monkeypatch.setenv("AWS_LOGIN_CACHE_DIRECTORY", str(folder / "login/cache"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    keys = 'echo {\\"Version\\": 1, \\"AccessKeyId\\": \\"FROM-PROCESS\\", \\"SecretAccessKey\\": \\"s\\"}'
    (folder / "config").write_text(
        "[profile keys]\nregion = eu-west-3\naws_access_key_id = FROM-FILE\naws_secret_access_key = s\n"
        f"[profile role]\nrole_arn = {ROLE}\nsource_profile = keys\nmfa_serial = {MFA}\n"
        f"[profile process]\ncredential_process = sh -c '{keys}'\n"
        f"[profile sso]\nregion = us-east-1\nsso_start_url = {START}\nsso_region = us-east-1\n"
        "sso_account_id = 123456789012\nsso_role_name = deployer\n"
        f"[profile login]\nlogin_session = {LOGIN}\nregion = us-east-1\n"
    )
    return folder


def exported(patch: pytest.MonkeyPatch, **names: str) -> None:
    for name, value in names.items():
        patch.setenv(name, value)


@pytest.mark.parametrize(
    ("option", "exports", "region"),
    [
        ("ap-south-1", {"AWS_REGION": "eu-west-1"}, "ap-south-1"),
        (None, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        (None, {}, "eu-west-3"),
    ],
)
@pytest.mark.usefixtures("home")
def test_the_region_is_the_options_or_a_variables_or_the_profiles(
    option: str | None, exports: dict[str, str], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(monkeypatch, AWS_PROFILE="keys", **exports)
    session = AwsSession(option)
    assert session.client("sts").meta.region_name == region
    child = session.child_environment()
    assert (child["AWS_REGION"], child["AWS_DEFAULT_REGION"]) == (region, region)


@pytest.mark.usefixtures("home")
def test_a_profile_that_is_asked_for_wins_over_exported_keys_here_and_in_child_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exported(monkeypatch, AWS_ACCESS_KEY_ID="EXPORTED", AWS_SECRET_ACCESS_KEY="s", OPENAI_API_KEY="sk-canary")
    assert access_key(AwsSession()) == "EXPORTED"
    session = AwsSession(profile="keys")
    assert access_key(session) == "FROM-FILE"
    child = session.child_environment()
    assert child["AWS_PROFILE"] == "keys"
    assert not child.keys() & {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"}
    assert AwsSession().child_environment()["AWS_ACCESS_KEY_ID"] == "EXPORTED"


@pytest.mark.usefixtures("home")
def test_a_choice_is_for_every_client_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    exported(monkeypatch, AWS_ACCESS_KEY_ID="EXPORTED", AWS_SECRET_ACCESS_KEY="s", AWS_REGION="eu-west-1")
    choose_account(None, None)
    assert os.environ["AWS_DEFAULT_REGION"] == boto3.client("sts").meta.region_name == "eu-west-1"
    assert os.environ["AWS_ACCESS_KEY_ID"] == "EXPORTED"

    choose_account("eu-west-2", "keys")
    assert os.environ["AWS_REGION"] == boto3.client("sts").meta.region_name == "eu-west-2"
    assert (os.environ["AWS_PROFILE"], "AWS_ACCESS_KEY_ID" in os.environ) == ("keys", False)
    assert access_key(boto3._get_default_session()) == "FROM-FILE"


@pytest.mark.usefixtures("home")
def test_a_profile_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ProfileNotFound):
        AwsSession(profile="typo")
    with pytest.raises(ProfileNotFound):
        choose_account(None, "typo")


@pytest.mark.usefixtures("home")
def test_a_credential_process_is_run() -> None:
    assert access_key(AwsSession(profile="process")) == "FROM-PROCESS"


def test_a_sign_in_of_aws_sso_login_is_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cached file: botocore/utils.py, SSOTokenLoader."""
    monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", str(home / "sso/cache"))
    token = {"startUrl": START, "accessToken": "of-the-sign-in", "expiresAt": in_an_hour()}
    write(home / f"sso/cache/{sha1(START.encode()).hexdigest()}.json", token)
    keys = {"accessKeyId": "FROM-SSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": 9e12}
    asked: list[Any] = []

    # What a handler of before-send returns is the answer, though the stubs say that it returns nothing.
    def answer(request: Any, **_: Any) -> Any:
        asked.append(request.headers["x-amz-sso_bearer_token"])
        body = io.BytesIO(json.dumps({"roleCredentials": keys}).encode())
        body.stream = lambda **_: iter([body.read()])  # type: ignore[attr-defined]
        return AWSResponse(request.url, 200, HTTPHeaders(), body)

    session = AwsSession(profile="sso")
    session.events.register("before-send.sso.GetRoleCredentials", answer)
    assert (access_key(session), asked) == ("FROM-SSO", [b"of-the-sign-in"])


def test_a_session_of_aws_login_is_used(home: Path) -> None:
    """It needs botocore[crt]. The cached file: botocore/utils.py, LoginTokenLoader."""
    cached = {
        "accessToken": {
            "accessKeyId": "FROM-LOGIN",
            "secretAccessKey": "s",
            "sessionToken": "t",
            "accountId": "123456789012",
            "expiresAt": in_an_hour(),
        },
        "tokenType": "urn:aws:params:oauth:token-type:access_token_sigv4",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "refreshToken": "r",
        "idToken": "i",
        "dpopKey": "k",
    }
    write(home / f"login/cache/{sha256(LOGIN.encode()).hexdigest()}.json", cached)
    assert access_key(AwsSession(profile="login")) == "FROM-LOGIN"


def test_an_mfa_code_is_asked_for_once_and_the_session_cached_where_sam_looks(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "123456"

    monkeypatch.setattr(getpass, "getpass", answer)
    with LoopbackAws() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        first = AwsSession("us-east-1", "role").account()
        again = AwsSession("us-east-1", "role").account()
    assert first == again
    assert ":assumed-role/deployer/" in first.caller
    assert (first.number, first.region, first.partition) == ("123456789012", "us-east-1", "aws")
    assert (asked, aws.asked.count("sts:AssumeRole")) == ([f"Enter MFA code for {MFA}: "], 1)
    # The name that sam derives: botocore's AssumeRoleCredentialFetcher._create_cache_key.
    name = sha1(json.dumps({"RoleArn": ROLE, "SerialNumber": MFA}, sort_keys=True).encode()).hexdigest()
    assert [path.name for path in (home / "boto/cache").iterdir()] == [f"{name}.json"]


@pytest.mark.usefixtures("home")
def test_without_a_terminal_no_mfa_code_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal(*_: object) -> int:
        raise OSError

    monkeypatch.setattr("os.open", no_terminal)
    piped = io.StringIO("sk-not-a-code\n")
    monkeypatch.setattr(sys, "stdin", piped)
    with pytest.raises(CliError, match="no terminal") as stopped:
        AwsSession("us-east-1", "role").account()
    assert (stopped.value.status, piped.tell()) == (USAGE, 0)


@pytest.mark.usefixtures("home")
def test_an_endpoint_that_is_not_a_url_is_an_error_of_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    with pytest.raises(BotoCoreError, match="AWS_ENDPOINT_URL is not a URL"):
        AwsSession("us-east-1", "keys").client("sts")


def access_key(session: boto3.Session) -> str:
    found = session.get_credentials()
    assert found is not None
    return str(found.access_key)


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
