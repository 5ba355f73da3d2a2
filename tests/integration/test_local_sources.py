"""`make run` with a key that is kept elsewhere: in an encrypted file, in Vault, in the environment."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.openai import FakeOpenAI
from tests.fakes.vault import Vault
from tests.integration.test_local_server import LocalServer
from travel_gpt.credentials.sources.encrypted_file import encrypt
from travel_gpt.credentials.sources.master_keys import MasterKeys

KEY = "sk-proj-canaryCANARY0123456789abcdefghijklmnop"
MASTER = base64.urlsafe_b64encode(bytes(range(100, 132))).decode()


@pytest.fixture
def vault() -> Iterator[Vault]:
    with Vault() as server:
        server.put(api_key=KEY)
        yield server


@pytest.mark.parametrize("source", ["encrypted-file", "vault", "environment", "vault,encrypted-file"])
def test_a_key_that_is_kept_elsewhere_does_its_work_and_is_never_printed(
    upstream: FakeOpenAI, vault: Vault, tmp_path: Path, source: str
) -> None:
    (tmp_path / "key.jwe").write_text(encrypt(KEY, MasterKeys.parse(MASTER)))
    if "," in source:
        vault.versions.clear()
    with LocalServer(
        tmp_path,
        "--verbose",
        CREDENTIAL_SOURCE=source,
        CREDENTIAL_FILE="~/key.jwe",
        TRAVEL_GPT_MASTER_KEYS=MASTER,
        VAULT_ADDR=vault.url,
        VAULT_TOKEN="hvs.root",
        OPENAI_BASE_URL=upstream.base_url,
        **(
            {"SECRET_TRAVEL_GPT_OPENAI_API_KEY": json.dumps({"api_key": KEY})}
            if source == "environment"
            else {}
        ),
    ) as server:
        status, body = server.get()
        assert (status, body["credential_source"]) == (200, source.rpartition(",")[2])
        assert server.post("Three days in Lisbon")[0] == 200

    assert upstream.calls[-1].key == KEY
    assert f"from {source} (CREDENTIAL_SOURCE)" in server.printed
    assert ("credential.passed_over" in server.printed) == ("," in source), "and the audit says so"
    assert not [secret for secret in (KEY[8:], MASTER, "hvs.root") if secret in server.printed]
    assert server.errors == []
