"""A stranger's .env: whatever it names, no credential that is not of the file arrives there.

The property runs over every variable that the programs read: those of Travel GPT, and those that the
installed libraries look up, as their own source has them.
"""

import importlib.util
import io
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws

from tests.fakes.hostile_server import HostileListener
from tests.fakes.openai import FakeOpenAI
from tests.integration.test_local_server import LocalServer
from travel_gpt import redaction
from travel_gpt.cli.__main__ import main
from travel_gpt.credentials.sources.encrypted_file import encrypt
from travel_gpt.credentials.sources.environment import variable_of
from travel_gpt.credentials.sources.master_keys import MasterKeys
from travel_gpt.env_file import OF_AWS, OF_CREDENTIALS
from travel_gpt.env_trust import Consent
from travel_gpt.settings import settings_fields

SECRET = "travel-gpt/openai-api-key"
CANARY = "canaryCANARY0123456789"
KEY = f"sk-proj-{CANARY}"
MASTER = "canaryCANARY0123456789canaryCANARY012345678"

_LIBRARIES = ("openai", "httpx2", "httpcore2", "hvac", "requests", "urllib3", "boto3", "botocore", "dotenv")
_READ = re.compile(r"""(?:environ(?:\.get)?[\[(]|getenv\()\s*['"]([A-Za-z_]{4,})['"]""")
_NAMED = re.compile(r"""['"]((?:AWS|OPENAI|VAULT|SSL|BOTO)_[A-Z0-9_]{3,})['"]""")
# What is looked up by a name that is put together, or by the standard library.
_BESIDE = (
    *(f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "ALL", "NO")),
    *(f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")),
    *(f"AWS_ENDPOINT_URL_{service}" for service in ("SECRETS_MANAGER", "STS", "LAMBDA", "CLOUDFORMATION")),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "NETRC", "HOME", "PATH"),
    *("LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP", "SSLKEYLOGFILE", "TRAVEL_GPT_MASTER_KEYS_FILE"),
)

OURS = sorted(
    {spec.variable for spec in settings_fields()}
    | OF_CREDENTIALS
    | OF_AWS
    | {variable_of(SECRET), "AWS_REGION"}
)
# One way for each source of a key to be set up by the person, with a canary in every credential.
PERSON: dict[str, dict[str, str]] = {
    "environment": {"CREDENTIAL_SOURCE": "environment", "OPENAI_API_KEY": KEY},
    "secrets-manager": {},
    "vault": {"CREDENTIAL_SOURCE": "vault", "VAULT_TOKEN": f"hvs.{CANARY}"},
    "encrypted-file": {"CREDENTIAL_SOURCE": "encrypted-file", "TRAVEL_GPT_MASTER_KEYS": MASTER},
}
AWS = {
    "AWS_ACCESS_KEY_ID": f"AKIA{CANARY}",
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "AWS_SESSION_TOKEN": CANARY,
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@cache
def of_libraries() -> tuple[str, ...]:
    """Every variable that the installed libraries name."""
    found: set[str] = set()
    for library in _LIBRARIES:
        spec = importlib.util.find_spec(library)
        if spec is None or spec.origin is None:
            continue
        for path in Path(spec.origin).parent.rglob("*.py"):
            if library == "openai" and "types" in path.parts:
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            found.update(_READ.findall(text), _NAMED.findall(text))
    return tuple(sorted(found))


def never_taken() -> list[str]:
    """Every variable that no file sets."""
    return [name for name in (*of_libraries(), *_BESIDE) if name not in OURS]


def test_the_variables_of_the_libraries_are_found() -> None:
    expected = {
        "OPENAI_CUSTOM_HEADERS",
        "SSL_CERT_FILE",
        "AWS_CA_BUNDLE",
        "AWS_ENDPOINT_URL",
        "AWS_CONFIG_FILE",
    }
    assert expected <= set(of_libraries())


class Stranger:
    """A folder with a .env of somebody else's, and a person with credentials who types commands in it."""

    def __init__(
        self, folder: Path, hostile: HostileListener, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder, self.hostile, self.upstream, self._monkeypatch = folder, hostile, upstream, monkeypatch
        (folder / "travel-gpt.key.jwe").write_text(encrypt(KEY, MasterKeys.parse(MASTER)))

    def hostile_value(self, name: str) -> str:
        """What the stranger writes for a variable."""
        choices = {
            "CREDENTIAL_SOURCE": "secrets-manager,vault,environment,encrypted-file",
            "VAULT_AUTH": "aws",
            "OPENAI_API": "chat",
            "AWS_PROFILE": "default",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "OPENAI_CUSTOM_HEADERS": "X-Theirs: 1",
            "LD_PRELOAD": "/nonexistent.so",
        }
        return choices.get(name, self.hostile.url)

    def run(self, person: dict[str, str], file: dict[str, str], *arguments: str, given: str = "") -> int:
        """Run a command where the person exported some variables and the file holds others."""
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in file.items()))
        # OpenAI itself is out of reach here, and AWS is moto's.
        exported = {**AWS, "OPENAI_BASE_URL": self.upstream.base_url, **person}
        environ = {name: value for name, value in exported.items() if name not in file}
        environ |= {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}
        self._monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8"))
        with patch.dict(os.environ, environ, clear=True):
            return main(list(arguments))

    def nothing_arrived(self) -> None:
        """See that no credential of the person's reached the listener, not even a piece."""
        pieces = {CANARY[at : at + 8] for at in range(len(CANARY) - 7)}
        arrived = [
            line for line in self.hostile.received.splitlines() if any(each in line for each in pieces)
        ]
        assert not arrived
        self.hostile.forget()


@pytest.fixture
def hostile() -> Iterator[HostileListener]:
    with HostileListener() as listener:
        yield listener


@pytest.fixture
def stranger(
    tmp_path: Path, hostile: HostileListener, upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stranger]:
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        upstream.accepted_keys = [KEY, f"sk-proj-new-{CANARY}"]
        boto3.client("secretsmanager", region_name="us-east-1").create_secret(Name=SECRET, SecretString=KEY)
        yield Stranger(tmp_path, hostile, upstream, monkeypatch)
    redaction._guarded.clear()


COMMANDS = [("doctor", "--verify"), ("secret", "put"), ("secret", "rotate"), ("secret", "show")]
LEADING = sorted(
    {"OPENAI_BASE_URL", "VAULT_ADDR", "CREDENTIAL_SOURCE", "VAULT_AUTH", "OPENAI_API_KEY", "VAULT_TOKEN"}
    | OF_AWS
)


@pytest.mark.parametrize("name", OURS)
def test_a_variable_of_the_file_receives_nothing_of_the_person(stranger: Stranger, name: str) -> None:
    file = {name: stranger.hostile_value(name)}
    for source in PERSON if name in LEADING else ("environment",):
        for arguments in COMMANDS if (source, name in LEADING) == ("secrets-manager", True) else COMMANDS[:1]:
            stranger.run(PERSON[source], file, *arguments, given=f"sk-proj-new-{CANARY}")
            stranger.nothing_arrived()


@pytest.mark.parametrize("seed", range(6))
def test_variables_of_the_file_receive_nothing_together_either(stranger: Stranger, seed: int) -> None:
    pick = random.Random(seed)
    for _ in range(8):
        file = {name: stranger.hostile_value(name) for name in pick.sample(LEADING, pick.randint(2, 6))}
        source, arguments = pick.choice(sorted(PERSON)), pick.choice(COMMANDS)
        stranger.run(PERSON[source], file, *arguments, given=f"sk-proj-new-{CANARY}")
        stranger.nothing_arrived()


def test_a_file_with_everything_that_is_never_taken_receives_nothing(stranger: Stranger) -> None:
    file = {name: stranger.hostile_value(name) for name in never_taken()}
    for arguments in COMMANDS:
        stranger.run({}, file, *arguments, given=f"sk-proj-new-{CANARY}")
        stranger.nothing_arrived()
    assert not stranger.hostile.received
    assert stranger.upstream.calls, "and the key goes where the person sends it"


@pytest.mark.parametrize(
    ("source", "name", "arguments"),
    [
        ("environment", "OPENAI_BASE_URL", ("doctor", "--verify")),
        ("vault", "VAULT_ADDR", ("doctor",)),
        ("secrets-manager", "AWS_ENDPOINT_URL", ("secret", "put")),
        ("secrets-manager", "OPENAI_BASE_URL", ("secret", "rotate")),
    ],
)
def test_without_the_rule_it_would_arrive(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch, source: str, name: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Consent, "require", lambda *_: None)
    stranger.run(
        PERSON[source], {name: stranger.hostile_value(name)}, *arguments, given=f"sk-proj-new-{CANARY}"
    )
    assert CANARY in stranger.hostile.received


def start(folder: Path, file: dict[str, str], **exported: str) -> subprocess.CompletedProcess[str]:
    """Start `make run` without a terminal, so that no question can be answered."""
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in file.items()))
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "LANG"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "travel_gpt.local", "--port", "0"],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(folder), **exported},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "exported"),
    [
        ("OPENAI_BASE_URL", {"OPENAI_API_KEY": KEY}),
        ("OPENAI_BASE_URL", {**PERSON["vault"], **AWS}),
        ("VAULT_ADDR", PERSON["vault"]),
        ("AWS_ENDPOINT_URL", {"CREDENTIAL_SOURCE": "secrets-manager", **AWS}),
        ("CREDENTIAL_SOURCE", AWS),
    ],
)
def test_make_run_refuses_and_names_file_and_host(
    tmp_path: Path, hostile: HostileListener, name: str, exported: dict[str, str]
) -> None:
    value = "secrets-manager" if name == "CREDENTIAL_SOURCE" else hostile.url
    done = start(tmp_path, {name: value}, **exported)
    assert not hostile.received
    assert done.returncode == 2
    assert str(tmp_path / ".env") in done.stderr
    assert f"{name}: {value.removeprefix('http://')} would receive" in done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_make_run_serves_no_other_machines_with_an_exported_key_for_a_host_of_the_file(
    tmp_path: Path,
) -> None:
    done = start(tmp_path, {"HOST": "0.0.0.0"}, OPENAI_API_KEY=KEY)
    assert done.returncode == 2
    assert "HOST: other machines (0.0.0.0) would receive answers at your cost" in done.stderr
    assert "Travel GPT runs on" not in done.stdout
    assert CANARY not in done.stdout + done.stderr


def test_a_typed_key_is_not_encrypted_under_the_master_keys_of_the_file(stranger: Stranger) -> None:
    # Otherwise it would count as the file's, and go to the server of the file without a question.
    (stranger.folder / "travel-gpt.key.jwe").unlink()
    file = {
        "TRAVEL_GPT_MASTER_KEYS": "dGhlaXJzdGhlaXJzdGhlaXJzdGhlaXJzdGhlaXJzdGg",
        "CREDENTIAL_SOURCE": "encrypted-file",
        "OPENAI_BASE_URL": stranger.hostile.url,
    }
    assert stranger.run({}, file, "secret", "encrypt", given=KEY) == 2
    assert not (stranger.folder / "travel-gpt.key.jwe").exists()
    stranger.run({}, file, "doctor", "--verify")
    stranger.nothing_arrived()


def test_doctor_asks_no_question_for_a_server_without_a_key(stranger: Stranger) -> None:
    stranger.upstream.accepted_keys = None
    # Without AWS credentials the server of the file is what `make run` would ask.
    no_aws = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")
    file = {"OPENAI_BASE_URL": stranger.upstream.base_url}
    assert stranger.run(no_aws, file, "doctor", "--verify") == 0
    assert stranger.upstream.calls


def test_make_run_asks_no_question_for_a_server_without_a_key(tmp_path: Path, upstream: FakeOpenAI) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_BASE_URL={upstream.base_url}\n")
    with LocalServer(tmp_path, OPENAI_CUSTOM_HEADERS=f"X-Mine: {CANARY}", OPENAI_ORG_ID=CANARY) as server:
        assert server.post("Rome?")[0] == 200
    assert CANARY not in str([(call.headers, call.body) for call in upstream.calls])


def test_make_run_takes_no_proxy_and_no_certificates_from_the_file(
    tmp_path: Path, hostile: HostileListener, upstream: FakeOpenAI
) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={hostile.url}\n" for name in never_taken()))
    with LocalServer(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=upstream.base_url) as server:
        assert server.post("Rome?")[0] == 200
    assert not hostile.received
    assert upstream.calls[-1].key == KEY
