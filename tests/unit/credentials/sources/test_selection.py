"""Which sources the owner chose, what they need, and several of them, asked in their order."""

import re
import sys

import pytest

from tests.support.clock import Clock
from tests.support.markdown import ROOT
from tests.unit.doubles import FIRST, SECOND, ScriptedSource, Step, session_of, soon
from travel_gpt.credentials.cache_entry import DOUBTFUL_TTL
from travel_gpt.credentials.sources.encrypted_file import EncryptedFileSource
from travel_gpt.credentials.sources.environment import EnvironmentSource
from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.credentials.sources.selection import Source, SourceChain, source_of
from travel_gpt.credentials.sources.vault import VaultSource
from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource
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

IDENTITY = {"OPENAI_IDENTITY_PROVIDER_ID": "wip_acme", "OPENAI_SERVICE_ACCOUNT_ID": "sa_travel"}
LIBRARIES = [
    ("encrypted-file", "joserfc"),
    ("encrypted-file", "cryptography"),
    ("vault", "hvac"),
    ("vault", "requests"),
]


def made(chosen: str, **environment: str) -> Source:
    settings = Settings.load({"CREDENTIAL_SOURCE": chosen, **environment})
    assert settings.problems == ()
    return source_of(settings)


@pytest.mark.parametrize(
    ("chosen", "kind"),
    [
        ("", SecretsManagerSource),
        ("environment", EnvironmentSource),
        ("encrypted-file", EncryptedFileSource),
        ("vault", VaultSource),
        ("workload-identity", WorkloadIdentitySource),
    ],
)
def test_the_settings_choose_the_source(chosen: str, kind: type) -> None:
    source = made(chosen, **IDENTITY)

    assert isinstance(source, kind)
    assert source.name == chosen or not chosen


def test_several_are_a_chain_in_their_order() -> None:
    order = "vault, encrypted-file, environment, secrets-manager"

    assert made(order).name == order


@pytest.mark.parametrize(("chosen", "library"), LIBRARIES)
def test_given_a_source_whose_library_is_not_installed_then_its_fetch_fails_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, chosen: str, library: str
) -> None:
    without(monkeypatch, library)

    source = made(f"{chosen},environment")

    # And the next source is not asked: the owner meant this one.
    with pytest.raises(Misconfigured) as failed:
        source.fetch()
    lock = re.search(r"--requirement (requirements/\S+)", failed.value.message)
    assert lock is not None
    assert re.search(rf"^{library}==", (ROOT / lock[1]).read_text("utf-8"), re.MULTILINE)
    assert f"PACKAGE_EXTRAS={chosen} make build" in failed.value.message
    assert (source.previous(), source.name) == (None, f"{chosen}, environment")


def test_given_a_bug_then_it_is_not_taken_for_a_missing_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch, "travel_gpt.credentials.sources.master_keys")

    with pytest.raises(ModuleNotFoundError, match="master_keys"):
        made("encrypted-file")


def without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Make a module one that cannot be imported, and forget who imported it before."""
    for name in list(sys.modules):
        if name.startswith(
            (
                "travel_gpt.credentials.sources.vault",
                "travel_gpt.credentials.sources.encrypted_file",
                f"{module}.",
                "hvac",
            )
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)


def chain(first: Step, second: Step = SECOND) -> tuple[SourceChain, ScriptedSource, ScriptedSource]:
    a, b = ScriptedSource(first, name="a"), ScriptedSource(second, name="b", before=SECOND)
    return SourceChain([a, b]), a, b


def test_given_a_first_source_that_has_it_then_no_other_is_asked() -> None:
    sources, _, second = chain(FIRST)

    assert (sources.fetch(), second.fetches, sources.name) == (FIRST, 0, "a, b")


@pytest.mark.parametrize("failure", [SecretNotFound("none"), CredentialsUnavailable("away")])
def test_given_a_source_without_it_or_out_of_reach_then_the_next_gives_it_with_a_warning(
    failure: CredentialError,
) -> None:
    sources, _, _ = chain(failure)

    found = sources.fetch()

    assert found == SECOND
    assert found.skipped_sources == (f"a: {failure.code}",)
    assert sources.previous() == SECOND


@pytest.mark.parametrize(
    "failure", [AccessDenied("no"), InvalidSecret("?"), Misconfigured("!"), SecretDeleted("meant")]
)
def test_given_a_source_that_refuses_then_no_other_is_asked(failure: CredentialError) -> None:
    sources, _, second = chain(failure)

    with pytest.raises(type(failure)):
        sources.fetch()
    assert second.fetches == 0


@pytest.mark.parametrize(
    ("first", "second", "reported"),
    [
        (SecretNotFound("1"), SecretNotFound("2"), "1"),
        (SecretNotFound("1"), CredentialsUnavailable("2"), "2"),
        (CredentialsUnavailable("1"), SecretNotFound("2"), "1"),
    ],
)
def test_given_no_source_that_has_it_then_the_one_out_of_reach_is_the_reason(
    first: CredentialError, second: CredentialError, reported: str
) -> None:
    sources, _, _ = chain(first, second)

    with pytest.raises(CredentialError) as failed:
        sources.fetch()
    assert failed.value.detail == reported


def test_given_a_skipped_source_then_health_warns_and_it_is_asked_again_soon(clock: Clock) -> None:
    sources, first, _ = chain(CredentialsUnavailable("away"))
    cache = session_of(sources, clock)
    assert cache.current(soon()) == SECOND
    assert cache.warnings() == ["a source was skipped: a: credentials_unavailable"]
    assert cache.source_name == "scripted"

    first.will(FIRST)
    clock.advance(DOUBTFUL_TTL)
    assert (cache.current(soon()), cache.warnings()) == (FIRST, [])
