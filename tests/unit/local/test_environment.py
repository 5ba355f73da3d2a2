"""What becomes of the environment that `make run` was started in."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from travel_gpt.local.environment import (
    SECRET_NAME,
    WrongEnvironment,
    check_settings,
    emulate_host,
    emulate_lambda,
    read_model_access,
    secret_store,
)

KEY = "sk-canary-0123456789abcdefghij"


def secret_of(environ: dict[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(read_model_access(environ).secret)
    return value


def test_a_key_means_openai_and_leaves_the_environment() -> None:
    environ = {
        "OPENAI_API_KEY": f" {KEY}\n",
        "OPENAI_ADMIN_KEY": KEY,
        "OPENAI_WEBHOOK_SECRET": KEY,
        "PATH": "/bin",
    }
    owner = read_model_access(environ)
    assert (owner.upstream, json.loads(owner.secret)) == ("openai", {"api_key": KEY})
    assert environ == {"PATH": "/bin"}
    assert KEY not in repr(owner)


def test_organization_and_project_go_into_the_secret_with_the_key() -> None:
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj_1"}
    assert secret_of(environ) == {"api_key": KEY, "organization": "org-1", "project": "proj_1"}
    assert not environ


def test_a_base_url_means_a_compatible_server_with_the_key_or_with_a_placeholder() -> None:
    owner = read_model_access({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1", "OPENAI_API_KEY": KEY})
    assert (owner.upstream, json.loads(owner.secret)) == ("compatible", {"api_key": KEY})
    # Given no key, as for a server on this machine, then a new placeholder is made each time
    keyless = {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1", "OPENAI_ORG_ID": "org-1"}
    assert len({secret_of(dict(keyless))["api_key"] for _ in range(2)}) == 2
    assert secret_of(dict(keyless)).keys() == {"api_key", "placeholder"}


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": " ", "OPENAI_BASE_URL": ""}])
def test_neither_means_the_demo(environ: dict[str, str]) -> None:
    owner = read_model_access(environ)
    assert (owner.upstream, owner.secret) == ("demo", "")


@pytest.mark.parametrize("key", ["two words", "ключ", "sk-\x00"])
def test_what_cannot_be_a_key_is_reported_without_quoting_it(key: str) -> None:
    with pytest.raises(WrongEnvironment, match="OPENAI_API_KEY cannot be used") as wrong:
        read_model_access({"OPENAI_API_KEY": key})
    assert key not in str(wrong.value)


def test_nothing_of_the_persons_own_aws_is_left() -> None:
    environ = {
        "AWS_PROFILE": "mine",
        "AWS_SESSION_TOKEN": "mine",
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_ENDPOINT_URL": "mine",
        "AWS_CONFIG_FILE": "mine",
        "POWERTOOLS_DEV": "mine",
        "OPENAI_SECRET_NAME": "mine",
        "CREDENTIAL_SOURCE": "mine",
        "API_ACCESS": "mine",
        "HOME": "/home/me",
    }
    emulate_lambda(environ, access="open")
    assert "mine" not in environ.values()
    assert "AWS_PROFILE" not in environ
    assert (environ["OPENAI_SECRET_NAME"], environ["API_ACCESS"]) == (SECRET_NAME, "open")
    assert environ["HOME"] == "/home/me"


def test_a_source_of_ones_own_keeps_the_key_and_ones_own_aws() -> None:
    environ = {
        "CREDENTIAL_SOURCE": " vault,environment ",
        "OPENAI_API_KEY": KEY,
        "OPENAI_ADMIN_KEY": KEY,
        "OPENAI_PROJECT_ID": "proj_1",
        "AWS_PROFILE": "mine",
        "OPENAI_SECRET_NAME": "mine",
        "POWERTOOLS_DEV": "mine",
        "API_ACCESS": "mine",
    }
    owner = read_model_access(environ)
    assert (owner.upstream, owner.secret, owner.source) == ("openai", "", "vault,environment")
    emulate_host(environ, access="open")
    kept = {"CREDENTIAL_SOURCE", "OPENAI_API_KEY", "AWS_PROFILE", "OPENAI_SECRET_NAME"}
    made = {"API_ACCESS", "CREDENTIAL_EXPIRY", "WEB_PAGE", "NO_PROXY", "no_proxy"}
    assert (set(environ), environ["API_ACCESS"], environ["WEB_PAGE"]) == (kept | made, "open", "enabled")


def test_the_page_can_be_turned_off() -> None:
    environ = {"WEB_PAGE": "disabled"}
    emulate_host(environ, access="open")
    assert environ["WEB_PAGE"] == "disabled"


def test_a_key_that_the_source_does_not_take_leaves_the_environment() -> None:
    environ = {
        "CREDENTIAL_SOURCE": "vault",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": "https://far.example/v1",
    }
    assert read_model_access(environ).upstream == "compatible"
    assert "OPENAI_API_KEY" not in environ


@pytest.mark.parametrize("make", [emulate_lambda, emulate_host])
@pytest.mark.parametrize(("chosen", "counts"), [(None, "enforce"), (" ", "enforce"), ("warn", "warn")])
def test_an_expired_key_is_refused_here_unless_the_person_says_otherwise(
    chosen: str | None, counts: str, make: Callable[..., None]
) -> None:
    environ = {} if chosen is None else {"CREDENTIAL_EXPIRY": chosen}
    make(environ, access="api-key")
    assert check_settings(environ).credential_expiry == counts


@pytest.mark.parametrize("make", [emulate_lambda, emulate_host])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_stands_between_this_machine_and_itself(name: str, make: Callable[..., None]) -> None:
    environ = {"HTTPS_PROXY": "http://proxy.example:3128", name: "intranet.example, localhost"}
    make(environ, access="api-key")
    assert environ[name] == "intranet.example,localhost,127.0.0.1,::1"
    assert environ["HTTPS_PROXY"] == "http://proxy.example:3128"


def test_every_wrong_setting_is_reported() -> None:
    with pytest.raises(WrongEnvironment) as wrong:
        check_settings({"OPENAI_BASE_URL": "http://far.example/v1", "OPENAI_API": "smoke"})
    assert [line.split()[0] for line in str(wrong.value).splitlines()] == ["OPENAI_BASE_URL", "OPENAI_API"]
    assert check_settings({"OPENAI_BASE_URL": "https://far.example/v1/"}).base_url == "https://far.example/v1"


def test_the_store_holds_the_one_secret_and_listens_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with secret_store('{"api_key": "made-up"}'):
        client = boto3.client("secretsmanager", region_name="us-east-1")
        assert client.get_secret_value(SecretId=SECRET_NAME)["SecretString"] == '{"api_key": "made-up"}'
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            client.get_secret_value(SecretId="another")


@pytest.mark.parametrize("emulate", [emulate_host, emulate_lambda])
def test_the_table_of_a_deployed_stack_is_not_used(emulate: Callable[..., None]) -> None:
    environ = {"TABLE_NAME": "of-a-stack", "OWNER_API_KEY_ID": "abc", "BUDGET_PER_DAY": "1"}

    emulate(environ, access="open")

    assert not {"TABLE_NAME", "OWNER_API_KEY_ID"} & environ.keys()
    assert environ["BUDGET_PER_DAY"] == "1"
