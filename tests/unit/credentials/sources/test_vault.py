"""The key in Vault: what is read of it, and who may read it."""

import json
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import requests
import trustme

from tests.fakes.vault import Fault, Login, Vault, fault
from tests.support.clock import Clock
from travel_gpt.credentials.sources import vault_server
from travel_gpt.credentials.sources.vault import VaultSource
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretDeleted,
    SecretNotFound,
)
from travel_gpt.redaction import MASK, redact
from travel_gpt.settings import Settings

KEY = "sk-proj-fromVault0000000000000000001"
OLD_KEY = "sk-proj-fromVault0000000000000000000"
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTING000000001",
    "AWS_SECRET_ACCESS_KEY": "aSecretForTestsOnly0000000000000001",
}


@pytest.fixture
def vault() -> Iterator[Vault]:
    """A server with the key in it."""
    with Vault() as server:
        server.put(api_key=KEY)
        yield server


@pytest.fixture
def by_aws(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """The same, which lets this machine's AWS credentials in."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    vault.login = Login(AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"], role="travel-gpt")
    return vault


def source(vault: Vault, token: str | None = "hvs.root", **environment: str) -> VaultSource:
    """The source with settings as they would be given."""
    variables = {"VAULT_ADDR": vault.url, **environment}
    settings = Settings.load(variables)
    assert settings.problems == ()
    return VaultSource(settings, variables | ({"VAULT_TOKEN": token} if token is not None else {}))


def aws_source(vault: Vault, **environment: str) -> VaultSource:
    return source(vault, None, VAULT_AUTH="aws", VAULT_ROLE="travel-gpt", **environment)


def failure_of(asked: VaultSource) -> CredentialError:
    with pytest.raises(CredentialError) as failed:
        asked.fetch()
    assert failed.value.__cause__ is None, "what requests raises holds the token"
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    return failed.value


class TestWhatIsRead:
    """The secret, its version and its age."""

    def test_given_an_api_key_then_it_is_read_with_its_version_and_age(self, vault: Vault) -> None:
        credential = source(vault).fetch()

        assert (credential.key.reveal(), credential.source, credential.version) == (KEY, "vault", "1")
        assert credential.created_at == pytest.approx(1_795_169_472.123, abs=0.01)
        (call,) = vault.calls
        assert (call.method, call.path) == ("GET", "/v1/secret/data/travel-gpt/openai-api-key")
        assert (call.token, call.query) == ("hvs.root", {})

    def test_given_what_belongs_to_it_then_that_is_read_too(self, vault: Vault) -> None:
        vault.put(
            api_key=KEY, base_url="https://example.com/v1/", model="m", expires_at="2027-01-31T00:00:00Z"
        )

        credential = source(vault).fetch()

        assert (credential.base_url, credential.model) == ("https://example.com/v1", "m")
        assert (credential.version, credential.expires_at) == ("2", 1_801_353_600)

    @pytest.mark.parametrize("value", [KEY, json.dumps({"api_key": KEY})])
    def test_given_a_single_value_then_it_is_the_key_bare_or_json(self, vault: Vault, value: str) -> None:
        vault.put(value=value)

        assert source(vault).fetch().key.reveal() == KEY

    @pytest.mark.parametrize(
        "data", [{}, {"key": KEY}, {"value": 7}, {"value": ""}, {"api_key": ["x"]}, {"api_key": "two words"}]
    )
    def test_given_no_usable_key_then_it_is_invalid(self, vault: Vault, data: dict[str, object]) -> None:
        vault.put(**data)  # type: ignore[arg-type] # anything can be in there

        failure = failure_of(source(vault))

        assert type(failure) is InvalidSecret
        assert "write a new version" in failure.message

    @pytest.mark.parametrize("created", ["", "yesterday"])
    def test_given_no_readable_time_then_the_age_is_not_known(self, vault: Vault, created: str) -> None:
        vault.put(api_key=KEY, created=created)

        assert source(vault).fetch().created_at is None

    def test_another_place_and_namespace_are_asked_for(self) -> None:
        with Vault(mount="kv/team", path="a/b.c_d-e") as vault:
            vault.namespace = "org/team"
            vault.put(api_key=KEY)
            place = {"VAULT_MOUNT": "kv/team", "VAULT_PATH": "a/b.c_d-e", "VAULT_NAMESPACE": "org/team"}

            assert source(vault, **place).fetch().key.reveal() == KEY
            assert type(failure_of(source(vault, **(place | {"VAULT_PATH": "a"})))) is SecretNotFound
            assert type(failure_of(source(vault, **(place | {"VAULT_NAMESPACE": "org"})))) is Misconfigured


class TestThePreviousVersion:
    """What serves while OpenAI refuses the current one."""

    def test_given_two_versions_then_it_is_the_first(self, vault: Vault) -> None:
        vault.put(api_key=KEY + "2")
        asked = source(vault)
        asked.fetch()

        previous = asked.previous()

        assert previous is not None
        assert (previous.key.reveal(), previous.version) == (KEY, "1")
        assert vault.calls[-1].query == {"version": "1"}

    def test_given_one_version_or_no_fetch_yet_then_there_is_none_and_no_call(self, vault: Vault) -> None:
        asked = source(vault)
        assert asked.previous() is None
        asked.fetch()

        assert (asked.previous(), len(vault.calls)) == (None, 1)

    @pytest.mark.parametrize("how", ["deleted", "destroyed"])
    def test_given_that_it_was_deleted_then_there_is_none(self, vault: Vault, how: str) -> None:
        vault.put(api_key=KEY + "2")
        setattr(vault.versions[0], how, "2026-11-20T00:00:00Z" if how == "deleted" else True)
        asked = source(vault)
        asked.fetch()

        assert asked.previous() is None


class TestNoEntry:
    """No secret is one thing; a secret that was taken away is another."""

    def test_given_nothing_at_the_path_then_there_is_no_entry(self, vault: Vault) -> None:
        vault.versions.clear()

        failure = failure_of(source(vault))

        assert type(failure) is SecretNotFound
        assert "secret/travel-gpt/openai-api-key" in failure.detail

    @pytest.mark.parametrize("how", ["deleted", "destroyed"])
    def test_given_a_deleted_version_then_it_was_meant(self, vault: Vault, how: str) -> None:
        vault.put(api_key=KEY + "2")
        setattr(vault.versions[1], how, "2026-11-20T00:00:00Z" if how == "deleted" else True)

        failure = failure_of(source(vault))

        assert type(failure) is SecretDeleted
        assert f"secret/travel-gpt/openai-api-key was {how}" in failure.detail

    def test_given_a_version_that_will_end_by_itself_then_it_serves_until_then(self, vault: Vault) -> None:
        # delete_version_after: deletion_time is in the future, and the answer is 200.
        metadata = {"version": 1, "deletion_time": "2099-01-01T00:00:00Z"}
        vault.faults = [Fault(200, json.dumps({"data": {"data": {"api_key": KEY}, "metadata": metadata}}))]

        assert source(vault).fetch().key.reveal() == KEY

    def test_given_no_engine_there_then_the_setting_is_named(self, vault: Vault) -> None:
        failure = failure_of(source(vault, VAULT_MOUNT="kv"))

        assert type(failure) is Misconfigured
        assert "VAULT_MOUNT" in failure.message
        assert "no handler for route" in failure.detail

    def test_given_an_engine_of_version_1_then_the_setting_is_named(self, vault: Vault) -> None:
        vault.faults = [Fault(200, json.dumps({"data": {"api_key": KEY}}))]

        failure = failure_of(source(vault))

        assert type(failure) is Misconfigured
        assert "version 2" in failure.message


class TestTheOwnersToken:
    """VAULT_TOKEN."""

    def test_given_a_new_one_in_the_environment_then_it_is_used_next(self, vault: Vault) -> None:
        environment = {"VAULT_TOKEN": " hvs.root\n"}
        asked = VaultSource(Settings.load({"VAULT_ADDR": vault.url}), environment)
        asked.fetch()
        vault.tokens = {"hvs.next"}

        environment["VAULT_TOKEN"] = "hvs.next"

        assert asked.fetch().key.reveal() == KEY

    @pytest.mark.parametrize("token", [None, "", " ", "two words", "hvs.\nX-Other: 1", "hvs.é", "x" * 5000])
    def test_given_none_or_what_is_none_then_the_variable_is_named_without_a_call(
        self, vault: Vault, token: str | None
    ) -> None:
        failure = failure_of(source(vault, token))

        assert type(failure) is Misconfigured
        assert failure.message.startswith("VAULT_TOKEN is n")
        assert not token or not token.strip() or token.strip() not in failure.message + failure.detail
        assert vault.calls == []

    def test_given_one_that_is_refused_then_it_is_asked_once(self, vault: Vault) -> None:
        failure = failure_of(source(vault, "hvs.of-somebody-else"))

        assert type(failure) is AccessDenied
        assert "permission denied" in failure.detail
        assert len(vault.calls) == 1

    def test_it_is_masked_from_then_on(self, vault: Vault) -> None:
        source(vault, "hvs.root").fetch()

        assert redact("sent hvs.root") == f"sent {MASK}"

    def test_no_token_of_the_home_folder_is_taken(
        self, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".vault-token").write_text("hvs.root")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("VAULT_TOKEN", "hvs.root")

        assert (type(failure_of(source(vault, None))), vault.calls) == (Misconfigured, [])


class TestTheAwsLogin:
    """A token for a signed request, as on Lambda."""

    def test_the_role_logs_in_and_reveals_no_key(self, by_aws: Vault) -> None:
        assert aws_source(by_aws).fetch().key.reveal() == KEY

        login, read = by_aws.calls
        assert (login.path, login.token) == ("/v1/auth/aws/login", "")
        assert AWS["AWS_SECRET_ACCESS_KEY"] not in json.dumps(login.document)
        assert re.fullmatch(r"hvs\..{32}", read.token)
        assert redact(read.token) == MASK

    def test_a_session_token_and_the_servers_id_are_signed_with_it(
        self, by_aws: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_SESSION_TOKEN", "of-a-role")
        assert by_aws.login is not None
        by_aws.login.server_id = "vault.example.com"

        assert aws_source(by_aws, VAULT_AWS_SERVER_ID="vault.example.com").fetch().key.reveal() == KEY
        failure = failure_of(aws_source(by_aws))

        assert type(failure) is AccessDenied
        assert "X-Vault-AWS-IAM-Server-ID" in failure.detail

    def test_given_no_role_then_the_server_chooses_it(self, by_aws: Vault) -> None:
        assert by_aws.login is not None
        by_aws.login.role = ""

        assert source(by_aws, None, VAULT_AUTH="aws").fetch().key.reveal() == KEY
        assert "role" not in by_aws.calls[0].document

    def test_one_login_serves_until_shortly_before_its_end(self, by_aws: Vault, clock: Clock) -> None:
        asked = aws_source(by_aws)
        asked._tokens = vault_server.AwsLogin(asked._settings, clock)
        asked.fetch()
        clock.advance(3600 - vault_server.RENEW_BEFORE - 1)
        asked.fetch()
        assert logins(by_aws) == 1

        clock.advance(2)
        asked.fetch()
        assert logins(by_aws) == 2

    def test_given_a_token_without_an_end_then_it_serves_for_good(self, by_aws: Vault, clock: Clock) -> None:
        assert by_aws.login is not None
        by_aws.login.seconds = 0
        asked = aws_source(by_aws)
        asked._tokens = vault_server.AwsLogin(asked._settings, clock)
        asked.fetch()

        clock.advance(10 * 365 * 86_400)
        asked.fetch()

        assert logins(by_aws) == 1

    def test_given_a_token_that_was_revoked_then_it_logs_in_again_once(self, by_aws: Vault) -> None:
        asked = aws_source(by_aws)
        asked.fetch()
        by_aws.tokens.clear()

        assert (asked.fetch().key.reveal(), logins(by_aws)) == (KEY, 2)

    def test_given_a_new_token_that_is_refused_then_that_is_final(self, by_aws: Vault) -> None:
        asked = aws_source(by_aws)
        asked.fetch()
        # The role's policy was taken away: whatever logs in, the secret is refused.
        refuse_reads(by_aws)

        assert type(failure_of(asked)) is AccessDenied
        assert (logins(by_aws), type(failure_of(aws_source(by_aws)))) == (2, AccessDenied)
        assert logins(by_aws) == 3

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"role": "another"}, "entry for role 'travel-gpt' not found"),
            ({"secret_key": "another"}, "received error code 403 from STS"),
            ({"access_key": "another"}, "received error code 403 from STS"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_given_a_login_that_is_refused_then_the_reason_is_reported(
        self, by_aws: Vault, change: dict[str, str], says: str
    ) -> None:
        for name, value in change.items():
            setattr(by_aws.login, name, value)

        failure = failure_of(aws_source(by_aws))

        assert type(failure) is AccessDenied
        assert says in failure.detail
        assert "VAULT_ROLE" in failure.message

    FAILURES = (
        (fault(403, "permission denied"), AccessDenied),
        (fault(404, 'no handler for route "auth/aws/login". route entry not found.'), Misconfigured),
        (fault(400, "error making upstream request: error making request: timeout"), CredentialsUnavailable),
        (fault(400, "error making upstream request: received error code 503"), CredentialsUnavailable),
        (fault(503, "Vault is sealed"), CredentialsUnavailable),
        (fault(429, "rate limit quota exceeded"), CredentialsUnavailable),
        (fault(200), CredentialsUnavailable),
    )

    @pytest.mark.parametrize(("answers", "kind"), FAILURES, ids=lambda value: getattr(value, "body", None))
    def test_given_a_login_that_fails_then_a_refusal_differs_from_an_outage(
        self, by_aws: Vault, answers: Fault, kind: type[CredentialError]
    ) -> None:
        by_aws.faults = [answers]

        assert type(failure_of(aws_source(by_aws))) is kind

    def test_given_no_aws_credentials_then_it_is_denied_without_a_call(
        self, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in AWS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

        failure = failure_of(aws_source(vault))

        assert type(failure) is AccessDenied
        assert "no AWS credentials" in failure.detail
        assert "VAULT_AUTH" in failure.message
        assert vault.calls == []

    def test_given_a_profile_that_is_not_there_then_it_is_denied(
        self, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "of-somebody-else")

        assert "no_profile" in failure_of(aws_source(vault)).detail


def logins(vault: Vault) -> int:
    return len([call for call in vault.calls if call.path == "/v1/auth/aws/login"])


def refuse_reads(vault: Vault) -> None:
    """Accept every login and deny every read."""
    vault._read = lambda _: (403, {"errors": ["permission denied"]})  # type: ignore[method-assign,assignment]


class TestTls:
    """The server's certificate must have its name."""

    def test_given_an_authority_that_is_trusted_then_it_is_asked_and_else_not(self, tmp_path: Path) -> None:
        authority, file = trustme.CA(), str(tmp_path / "authority.pem")
        authority.cert_pem.write_to_path(file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        with Vault(context) as vault:
            vault.put(api_key=KEY)
            address = vault.url.replace("127.0.0.1", "localhost")
            trusted = {"VAULT_ADDR": address, "VAULT_CACERT": file}

            assert source(vault, **trusted).fetch().key.reveal() == KEY
            stranger = failure_of(source(vault, VAULT_ADDR=address))
            impostor = failure_of(source(vault, **(trusted | {"VAULT_ADDR": vault.url})))

        for failure in (stranger, impostor):
            assert type(failure) is CredentialsUnavailable
            assert "SSLError" in failure.detail
        assert len(vault.calls) == 1, "neither of them got the token"

    def test_given_no_such_file_then_the_variable_is_named(self, vault: Vault) -> None:
        https = vault.url.replace("http:", "https:")

        failure = failure_of(source(vault, VAULT_ADDR=https, VAULT_CACERT="/nowhere/ca.pem"))

        assert type(failure) is Misconfigured
        assert "VAULT_CACERT" in failure.message

    def test_given_plain_http_on_this_machine_then_no_proxy_sees_the_token(
        self, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Vault() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)

            assert (source(vault).fetch().key.reveal(), proxy.calls) == (KEY, [])

    def test_given_a_proxy_that_is_no_url_then_a_setting_is_wrong(
        self, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://[no-proxy")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        assert type(failure_of(source(vault, VAULT_ADDR="https://vault.invalid"))) is Misconfigured


def test_two_tries_and_a_login_fit_into_a_requests_time() -> None:
    connect, read = vault_server.TIMEOUT
    assert 2 * (connect + read) + (2 * connect + read) <= 10


def test_nothing_is_asked_when_it_is_made(vault: Vault) -> None:
    began = time.perf_counter()
    source(vault)
    aws_source(vault)

    assert (vault.calls, boto3.DEFAULT_SESSION) == ([], None)
    assert time.perf_counter() - began < 5


def test_no_entry_of_a_netrc_file_goes_to_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login me password canary-0123456789\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client = vault_server.VaultServer(
        Settings.load({"VAULT_ADDR": "https://vault.example.com"}), {}
    )._client()

    request = client.session.prepare_request(requests.Request("GET", "https://vault.example.com/v1/x"))

    assert "Authorization" not in request.headers
