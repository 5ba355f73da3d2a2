"""The canary in an encrypted file and in Vault: no piece of a key, a master key or a token anywhere."""

import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.openai import MODELS, RESPONSES, FakeOpenAI, behaviours
from tests.fakes.vault import DROPPED, Fault, Login, Vault, fault
from tests.integration import test_canary
from tests.integration.conftest import LambdaContext, proxy_event
from tests.integration.test_canary import CANARY, KEY, Watch
from tests.support.api import api_of
from tests.support.clock import Clock
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.encrypted_file import encrypt
from travel_gpt.credentials.sources.master_keys import MasterKeys
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.llm.client import ModelClient
from travel_gpt.settings import Settings

# As the canary of the key: no four characters of them are in an ordinary word, path or number.
MASTER = "Zk3vQ9xW7pJt5RmHyB2NfL8dGs6KcXqT4uVw1zYbP0E"
OTHER = "Tq8mXz4KwR7vJy2PfH9bNc5LgD3sQxW6kZt1uVpYh0I"
TOKEN_CANARY = "Wm6KqT8zRv3JxP9hYb5NcF2gLd7SwQ4k"
AWS_CANARY = "Gv5ZkQ8wN3xTjM7pRb2YcH9fLs4KdWq6Xz1JuVtP"
SECRETS = (CANARY, MASTER, OTHER, TOKEN_CANARY, AWS_CANARY)
PIECES = frozenset(secret[at : at + 4] for secret in SECRETS for at in range(len(secret) - 3))

watch = test_canary.watch


class Deployment:
    """One Lambda environment whose key comes from the source that the environment names."""

    def __init__(self, upstream: FakeOpenAI, environment: dict[str, str]) -> None:
        self.upstream = upstream
        self.clock = Clock()
        settings = Settings.load(
            {"OPENAI_BASE_URL": upstream.base_url, "OPENAI_MAX_RETRIES": "0"} | environment
        )
        assert settings.problems == ()
        self.session = CredentialSession(
            source_of(settings), ttl=300, max_stale=600, previous_for=3600, now=self.clock
        )
        self.server = ModelClient(settings)
        self.api = api_of(settings, self.session, self.server, now=self.clock)

    def exercise(self, watch: Watch) -> set[str]:
        """Do everything that a caller can, and return the codes."""
        post = proxy_event("POST", json.dumps({"query": "Three days in Lisbon?"}))
        verify = proxy_event("GET", queryStringParameters={"verify": "true"})
        replies = [
            self.api.answer(event, LambdaContext()) for event in (proxy_event("GET"), post, verify, post)
        ]
        for reply in replies:
            watch.see(json.dumps(reply))
        return {json.loads(reply["body"]).get("code", "success") for reply in replies}


@pytest.fixture
def start(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Deployment]]:
    """Start a Lambda environment with these variables."""
    started: list[Deployment] = []

    def begin(**environment: str) -> Deployment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        started.append(Deployment(upstream, environment))
        return started[-1]

    yield begin
    for deployment in started:
        deployment.server.close()


def found(watch: Watch) -> set[str]:
    text = watch.text()
    return {piece for piece in PIECES if piece in text}


def container(secret: str) -> str:
    return encrypt(secret, MasterKeys.parse(f"old:{MASTER}"))


FILES: dict[str, tuple[str | None, str, str]] = {
    "good": (container(json.dumps({"api_key": KEY})), f"old:{MASTER}", "success"),
    "no-file": (None, MASTER, "secret_not_found"),
    "no-master-keys": (container(KEY), "", "misconfigured"),
    "cut-master-key": (container(KEY), f"old:{MASTER[:-2]}", "misconfigured"),
    "master-keys-that-are-none": (container(KEY), f"{KEY} {MASTER};{OTHER}", "misconfigured"),
    "another-master-key": (container(KEY), OTHER, "access_denied"),
    "another-of-the-name": (container(KEY), f"old:{OTHER}", "invalid_secret"),
    "damaged": (container(KEY)[:-8], f"old:{MASTER}", "invalid_secret"),
    "the-bare-key": (KEY, MASTER, "invalid_secret"),
    "the-master-key": (MASTER, MASTER, "invalid_secret"),
    "two-words": (container(f"{KEY} {KEY}"), f"old:{MASTER}", "invalid_secret"),
    "broken-json": (container(f'{{"api_key": "{KEY}"'), f"old:{MASTER}", "invalid_secret"),
    "another-field": (container(f'{{"api-key": "{KEY}"}}'), f"old:{MASTER}", "invalid_secret"),
    "not-a-model": (
        container(f'{{"api_key": "{KEY}", "model": "{CANARY} 1"}}'),
        f"old:{MASTER}",
        "invalid_secret",
    ),
}


@pytest.mark.parametrize("mode", [None, 0o600, 0o644])
@pytest.mark.parametrize("name", FILES)
def test_no_state_of_the_file_lets_a_piece_out(
    start: Callable[..., Deployment], watch: Watch, tmp_path: Path, name: str, mode: int | None
) -> None:
    content, master_keys, code = FILES[name]
    file = tmp_path / "key.jwe"
    if content is not None:
        file.write_text(content)

    masters = {"TRAVEL_GPT_MASTER_KEYS": master_keys}
    if mode is not None:
        of_masters = tmp_path / "master-keys"
        of_masters.write_text(master_keys)
        of_masters.chmod(mode)
        masters = {"TRAVEL_GPT_MASTER_KEYS_FILE": str(of_masters)}
    deployment = start(CREDENTIAL_SOURCE="encrypted-file", CREDENTIAL_FILE=str(file), **masters)

    refused = mode == 0o644 and content is not None
    assert ("misconfigured" if refused else code) in deployment.exercise(watch)
    assert not found(watch)


def vault_with(*data: dict[str, object]) -> Vault:
    server = Vault()
    server.tokens = {f"hvs.{TOKEN_CANARY}"}
    for version in data or ({"api_key": KEY},):
        server.put(**version)  # type: ignore[arg-type] # anything can be in there
    return server


ANSWERS = [
    Fault(status, body)
    for status in (200, 307, 400, 403, 404, 429, 500, 503)
    for body in (
        '{"errors": ["bad token {token}"]}',
        json.dumps({"errors": [KEY[10:24], TOKEN_CANARY[4:16]]}),
        "X-Vault-Token: {token}",
        json.dumps({"data": {"data": {"api_key": f"{KEY} {KEY}"}, "metadata": {"version": KEY}}}),
        json.dumps({"auth": {"client_token": [KEY], "lease_duration": KEY}}),
    )
]


def test_no_answer_of_vault_lets_a_piece_out(start: Callable[..., Deployment], watch: Watch) -> None:
    for answer in [*ANSWERS, DROPPED, fault(503, "Vault is sealed")]:
        with vault_with() as vault:
            deployment = start(
                CREDENTIAL_SOURCE="vault", VAULT_ADDR=vault.url, VAULT_TOKEN=f"hvs.{TOKEN_CANARY}"
            )
            assert deployment.exercise(watch) == {"success"}
            vault.faults = [answer]
            for later in (301, 5000):
                deployment.clock.advance(later)
                deployment.exercise(watch)
            assert not found(watch), answer


@pytest.mark.parametrize(
    "data",
    [
        {"key": KEY},
        {"value": f"{KEY} {KEY}"},
        {"value": f'{{"api_key": "{KEY}"'},
        {"api_key": [KEY]},
        {"api_key": KEY, "base_url": f"http://{CANARY}/"},
    ],
    ids=str,
)
def test_no_form_of_secret_in_vault_lets_a_piece_out(
    start: Callable[..., Deployment], watch: Watch, data: dict[str, object]
) -> None:
    with vault_with(data) as vault:
        deployment = start(CREDENTIAL_SOURCE="vault", VAULT_ADDR=vault.url, VAULT_TOKEN=f"hvs.{TOKEN_CANARY}")
        assert deployment.exercise(watch) == {"invalid_secret"}

    assert not found(watch)


@pytest.mark.parametrize(
    "token", ["", f"hvs.{TOKEN_CANARY}\nX-Other: 1", f"{TOKEN_CANARY} {TOKEN_CANARY}", "hvs.x"]
)
def test_no_token_that_is_none_or_refused_is_shown(
    start: Callable[..., Deployment], watch: Watch, token: str
) -> None:
    with vault_with() as vault:
        deployment = start(CREDENTIAL_SOURCE="vault", VAULT_ADDR=vault.url, VAULT_TOKEN=token)
        assert deployment.exercise(watch) == {"access_denied" if token == "hvs.x" else "misconfigured"}

    assert not found(watch)


def test_a_login_with_aws_credentials_lets_no_piece_out(
    start: Callable[..., Deployment], watch: Watch
) -> None:
    aws = {"AWS_ACCESS_KEY_ID": "AKIATESTING000000001", "AWS_SECRET_ACCESS_KEY": AWS_CANARY}
    for secret_key, code in ((AWS_CANARY, "success"), ("another", "access_denied")):
        with vault_with() as vault:
            vault.login = Login(aws["AWS_ACCESS_KEY_ID"], secret_key)
            deployment = start(CREDENTIAL_SOURCE="vault", VAULT_ADDR=vault.url, VAULT_AUTH="aws", **aws)
            assert deployment.exercise(watch) == {code}

            issued = {token.removeprefix("hvs.") for token in vault.tokens} - {TOKEN_CANARY}
            assert len(issued) == (code == "success")
            assert not [token for token in issued if token[8:16] in watch.text()]
    assert not found(watch)


def test_a_key_that_openai_refuses_is_replaced_by_the_version_before_it(
    start: Callable[..., Deployment], watch: Watch, upstream: FakeOpenAI
) -> None:
    with vault_with({"api_key": KEY}, {"api_key": KEY + "next"}) as vault:
        vault.versions[1].created = "2026-11-20T22:00:00Z"
        deployment = start(CREDENTIAL_SOURCE="vault", VAULT_ADDR=vault.url, VAULT_TOKEN=f"hvs.{TOKEN_CANARY}")
        deployment.clock.moment = 1_795_212_060.0
        upstream.accepted_keys = {KEY}

        assert "success" in deployment.exercise(watch)

    assert [call.key for call in upstream.calls][-1] == KEY
    assert "the previous one is used" in watch.text()
    assert not found(watch)


@pytest.mark.parametrize("behaviour", [behaviours.server_error(), behaviours.reject_key()])
def test_nothing_that_lives_prints_a_piece(
    start: Callable[..., Deployment], watch: Watch, tmp_path: Path, upstream: FakeOpenAI, behaviour: object
) -> None:
    (tmp_path / "key.jwe").write_text(container(KEY))
    with vault_with() as vault:
        file = start(
            CREDENTIAL_SOURCE="encrypted-file",
            CREDENTIAL_FILE=str(tmp_path / "key.jwe"),
            TRAVEL_GPT_MASTER_KEYS=f"old:{MASTER}",
        )
        server = start(CREDENTIAL_SOURCE="vault", VAULT_ADDR=vault.url, VAULT_TOKEN=f"hvs.{TOKEN_CANARY}")
        for path in (RESPONSES, MODELS):
            upstream.default(path, behaviour)  # type: ignore[arg-type] # a Behaviour
        for deployment in (file, server):
            deployment.exercise(watch)
        for thing in gc.get_objects():
            if str(type(thing).__module__).startswith(("travel_gpt", "hvac")):
                shown = f"{thing!r} {thing}"
                assert not {piece for piece in PIECES if piece in shown}, type(thing)
    assert not found(watch)
