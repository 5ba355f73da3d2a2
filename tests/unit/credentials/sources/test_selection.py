"""Which sources the owner chose, and what they need."""

import re
import sys

import pytest

from tests.support.markdown import ROOT
from travel_gpt.credentials.sources.encrypted_file import EncryptedFileSource
from travel_gpt.credentials.sources.environment import EnvironmentSource
from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource
from travel_gpt.credentials.sources.selection import Source, source_of
from travel_gpt.credentials.sources.vault import VaultSource
from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource
from travel_gpt.errors import Misconfigured
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
