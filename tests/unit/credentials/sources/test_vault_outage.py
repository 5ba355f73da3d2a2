"""Vault as it fails: sealed, throttled, slow, gone, or not Vault at all."""

import io
import json
import socket
import traceback
from collections.abc import Iterator

import pytest

from tests.fakes.vault import DROPPED, HANGS, Fault, Vault, fault
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
from travel_gpt.settings import Settings
from travel_gpt.telemetry import logger

CANARY = "Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
KEY = f"sk-proj-{CANARY}"
TOKEN_CANARY = "Wm6KqT8zRv3JxP9hYb5NcF2gLd7SwQ4k"
TOKEN = f"hvs.{TOKEN_CANARY}"
DATA = {"data": {"data": {"api_key": KEY}, "metadata": {"version": 1}}}


@pytest.fixture
def vault() -> Iterator[Vault]:
    """A server with the key in it."""
    with Vault() as server:
        server.tokens = {TOKEN}
        server.put(api_key=KEY)
        yield server


def source(address: str) -> VaultSource:
    variables = {"VAULT_ADDR": address, "VAULT_TOKEN": TOKEN}
    return VaultSource(Settings.load(variables), variables)


def failure_of(asked: VaultSource) -> CredentialError:
    with pytest.raises(CredentialError) as failed:
        asked.fetch()
    return failed.value


OUTAGES: dict[str, Fault] = {
    "sealed": fault(503, "Vault is sealed"),
    "standby": fault(473),
    "throttled": fault(429, 'request path "secret/data/x": rate limit quota exceeded'),
    "behind": fault(412, "required index state not present"),
    "not-initialized": fault(501),
    "failing": fault(500, "internal error"),
    "bad-gateway": Fault(502, "<html>Bad Gateway</html>"),
    "gateway-timeout": Fault(504, ""),
    "redirect": Fault(307, "", {"Location": "http://127.0.0.1:9/v1/secret/data/x"}),
    "sign-in-page": Fault(200, "<html>Sign in to this network</html>", {"Content-Type": "text/html"}),
    "not-found-page": Fault(404, "<html>Not Found</html>", {"Content-Type": "text/html"}),
    "forbidden-page": Fault(403, '{"message": "Forbidden"}'),
    "empty": Fault(200, ""),
    "list": Fault(200, "[]"),
    "hangs-up": DROPPED,
}
OWNERS_WORD: dict[str, tuple[Fault, type[CredentialError]]] = {
    "denied": (fault(403, "permission denied"), AccessDenied),
    "unsupported": (fault(405, "unsupported operation"), AccessDenied),
    "bad-request": (fault(400, "missing client token"), Misconfigured),
    "nothing-there": (fault(404), SecretNotFound),
    "deleted": (
        Fault(404, json.dumps({"data": {"data": None, "metadata": {"version": 1, "deletion_time": "x"}}})),
        SecretDeleted,
    ),
    "no-key": (Fault(200, json.dumps({"data": {"data": {}, "metadata": {"version": 1}}})), InvalidSecret),
}


@pytest.mark.parametrize("name", OUTAGES)
def test_given_an_outage_then_the_key_is_unavailable_and_no_worse(vault: Vault, name: str) -> None:
    vault.faults = [OUTAGES[name]]

    assert type(failure_of(source(vault.url))) is CredentialsUnavailable


@pytest.mark.parametrize("name", ["sealed", "failing", "bad-gateway", "gateway-timeout", "hangs-up"])
def test_given_a_passing_fault_then_the_second_try_is_the_answer_and_there_is_no_third(
    vault: Vault, name: str
) -> None:
    vault.faults = [OUTAGES[name], Fault(200, json.dumps(DATA))]
    assert source(vault.url).fetch().key.reveal() == KEY

    vault.calls.clear()
    vault.faults = [OUTAGES[name]]
    failure_of(source(vault.url))
    assert len(vault.calls) == 2


@pytest.mark.parametrize("name", ["throttled", "redirect", "forbidden-page"])
def test_given_an_answer_that_another_try_would_not_change_then_it_is_asked_once(
    vault: Vault, name: str
) -> None:
    vault.faults = [OUTAGES[name]]

    failure_of(source(vault.url))

    assert len(vault.calls) == 1


@pytest.mark.parametrize("name", OWNERS_WORD)
def test_given_the_owners_word_then_it_is_that_and_asked_once(vault: Vault, name: str) -> None:
    answer, kind = OWNERS_WORD[name]
    vault.faults = [answer]

    assert (type(failure_of(source(vault.url))), len(vault.calls)) == (kind, 1)


def test_given_a_redirect_then_the_token_goes_to_no_other_host_and_that_is_explained(vault: Vault) -> None:
    with Vault() as elsewhere:
        vault.faults = [Fault(307, "", {"Location": f"{elsewhere.url}/v1/secret/data/x"})]

        failure = failure_of(source(vault.url))

        assert "redirects to another host" in failure.detail
        assert "VAULT_ADDR" in failure.detail
        assert elsewhere.calls == []


def test_given_no_server_then_it_is_unavailable_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    failure = failure_of(source(f"http://127.0.0.1:{port}"))

    assert type(failure) is CredentialsUnavailable
    assert "ConnectionError" in failure.detail


def test_given_a_server_that_says_nothing_then_the_wait_is_bounded(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("travel_gpt.credentials.sources.vault_server.TIMEOUT", (0.1, 0.1))
    vault.faults = [HANGS]

    failure = failure_of(source(vault.url))

    assert type(failure) is CredentialsUnavailable
    assert "Timeout" in failure.detail or "ConnectionError" in failure.detail


def test_given_a_connection_that_died_in_its_sleep_then_another_is_made(vault: Vault) -> None:
    # Given a warm environment that was frozen until the server hung up
    asked = source(vault.url)
    asked.fetch()
    vault.faults = [DROPPED, Fault(200, json.dumps(DATA))]

    assert asked.fetch().key.reveal() == KEY


def test_given_vault_is_back_then_the_same_source_reads_again(vault: Vault) -> None:
    asked = source(vault.url)
    vault.faults = [OUTAGES["sealed"]]
    failure_of(asked)

    vault.faults = []

    assert asked.fetch().key.reveal() == KEY


ECHOES = {
    f"{status}-{form}": Fault(status, body)
    for status in (200, 301, 400, 403, 404, 429, 500, 503)
    for form, body in {
        "errors": '{"errors": ["bad token {token}"]}',
        "pieces": json.dumps({"errors": [TOKEN[8:20], KEY[12:30]]}),
        "text": "X-Vault-Token: {token}",
        "data": json.dumps({"data": {"data": {"api_key": f"{KEY} twice"}, "metadata": {"version": KEY}}}),
    }.items()
}


@pytest.mark.parametrize("name", [*ECHOES, *OUTAGES])
def test_no_fault_lets_a_piece_of_the_token_or_the_key_out(
    vault: Vault, name: str, capsys: pytest.CaptureFixture[str], log: io.StringIO
) -> None:
    asked = source(vault.url)
    asked.fetch()
    vault.faults = [ECHOES.get(name) or OUTAGES[name]]

    failure = failure_of(asked)

    logger.error("It failed", extra={"detail": failure.detail, "source": repr(asked)}, exc_info=failure)
    shown = "".join(traceback.format_exception(failure)) + failure.message + repr(failure) + repr(asked)
    shown += "".join(capsys.readouterr()) + log.getvalue()
    assert vault.calls[-1].token == TOKEN, "the token does its work"
    for canary in (CANARY, TOKEN_CANARY):
        assert not [canary[at : at + 4] for at in range(len(canary) - 3) if canary[at : at + 4] in shown]
