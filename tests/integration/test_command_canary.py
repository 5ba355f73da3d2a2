"""The canary, through every command as a process of its own: the key goes where it is meant to go only."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.loopback_aws import LoopbackAws
from tests.fakes.openai import MODELS, Exchange, FakeOpenAI
from tests.fakes.openai.behaviours import raw
from tests.support.forked_command import Run, forked_command
from tests.support.secret_leaks import ProcessWatch, files_with, holds
from tests.support.terminal import at_terminal
from travel_gpt.credentials.sources.master_keys import VARIABLE

ROOT = Path(__file__).parents[2]
SECRET = "travel-gpt/openai-api-key"
KEY = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
MASTERS = {VARIABLE: f"one:{secrets.token_urlsafe(32)}"}


class Keyboard:
    """A person with a home, an account and a model's server, and what they were shown."""

    def __init__(self, folder: Path, fork: Run, aws: LoopbackAws, upstream: FakeOpenAI) -> None:
        self.home, self.here = folder / "home", folder / "here"
        self.home.mkdir()
        self.here.mkdir()
        self._fork, self.aws, self.upstream = fork, aws, upstream
        kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "LANG"))}
        self.env = {
            **kept,
            "HOME": str(self.home),
            "TMPDIR": str(folder),
            "PYTHONPATH": str(ROOT),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "OPENAI_BASE_URL": upstream.base_url,
        }
        # Of this test alone: others, which put theirs into arguments on purpose, may run at the same time.
        self.key, self.old_key = (f"sk-proj-{secrets.token_hex(20)}" for _ in range(2))
        upstream.accepted_keys = [self.key, self.old_key]
        self.shown: list[str] = []

    @property
    def program(self) -> list[str]:
        return [sys.executable, "-W", "error", "-m", "travel_gpt.cli"]

    def run(
        self, *arguments: str, given: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, and remember everything that it showed."""
        with ProcessWatch(self.key) as watch:
            done = self._fork(arguments, given, {**self.env, **(env or {})}, self.here)
        assert not watch.seen
        self.shown += [done.stdout, done.stderr]
        assert "Traceback" not in done.stderr
        return done

    def store(self, key: str) -> None:
        """Put a key into the account."""
        self.aws.client("secretsmanager").create_secret(
            Name=SECRET, SecretString=json.dumps({"api_key": key})
        )

    def silent(self, *but: Path) -> None:
        """See that no piece of a key was shown or left behind."""
        for key in (KEY, self.key, self.old_key):
            assert not [text for text in self.shown if holds(text, key)]
            assert set(files_with(key, self.home.parent)) <= set(but)


@pytest.fixture(scope="module")
def fork() -> Iterator[Run]:
    with forked_command() as run:
        yield run


@pytest.fixture
def keyboard(tmp_path: Path, fork: Run) -> Iterator[Keyboard]:
    with LoopbackAws() as aws, FakeOpenAI() as upstream:
        yield Keyboard(tmp_path, fork, aws, upstream)


def _quote_the_key(exchange: Exchange) -> None:
    """Answer as a debugging proxy does: with what was sent."""
    key = exchange.call.key
    raw(json.dumps({"error": {"message": f"bad {key}", "code": key}}).encode(), status=401)(exchange)


def test_a_whole_life_of_a_key(keyboard: Keyboard) -> None:
    for arguments, given in (
        (("secret", "put"), keyboard.old_key),
        (("secret", "show"), ""),
        (("secret", "show", "--json"), ""),
        (("doctor", "--verify"), ""),
        (("--verbose", "secret", "rotate"), keyboard.key),
        (("doctor", "--json", "--verify"), ""),
        (("secret", "rollback"), ""),
        (("secret", "rotate", "--rollback"), ""),
    ):
        done = keyboard.run(*arguments, given=given)
        assert done.returncode == 0, done.stdout + done.stderr

    stored = keyboard.aws.client("secretsmanager").get_secret_value(
        SecretId=SECRET, VersionStage="AWSCURRENT"
    )
    assert json.loads(stored["SecretString"]) == {"api_key": keyboard.key}
    keyboard.silent()


def test_the_watch_would_see_a_key() -> None:
    key = f"sk-proj-{secrets.token_hex(20)}"
    with ProcessWatch(key) as watch:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.3)", key], check=True)
    assert watch.seen


FAILING: list[tuple[tuple[str, ...], str, dict[str, str], str]] = [
    (("secret", "put"), KEY, {"secretsmanager:CreateSecret": "AccessDeniedException"}, "does not allow you"),
    (("secret", "put"), KEY, {"secretsmanager:DescribeSecret": "AccessDeniedException"}, "may not describe"),
    (("secret", "put"), KEY, {"sts:GetCallerIdentity": "ExpiredToken"}, "have expired"),
    (("secret", "put"), f"{KEY} {KEY}", {}, "cannot be used"),
    (("secret", "put"), f'{{"api_key": "{KEY}"', {}, "cannot be used"),
    (("secret", "put"), f'{{"api_key": "{KEY}", "model": "{KEY}"}}', {}, "looks like a key"),
    (("secret", "put", KEY), "", {}, "a key is never an argument"),
    (("secret", "put", f"--key={KEY}"), "", {}, "a key is never an argument"),
    (("secret", "put", "--secret", KEY), "", {}, "a key is never an argument"),
    (("secret", "put", KEY[8:]), "", {}, "a key is never an argument"),
    (("secret", "put", KEY[8:24]), "", {}, "not repeated here"),
]


@pytest.mark.parametrize(
    ("arguments", "given", "refusals", "says"), FAILING, ids=[str(number) for number in range(len(FAILING))]
)
def test_no_failure_before_there_is_a_secret_lets_the_key_out(
    keyboard: Keyboard, arguments: tuple[str, ...], given: str, refusals: dict[str, str], says: str
) -> None:
    keyboard.aws.refusals = refusals

    done = keyboard.run(*arguments, given=given)

    assert done.returncode in (1, 2)
    assert says in done.stderr
    keyboard.silent()


@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (("secret", "put"), "secretsmanager:PutSecretValue"),
        (("secret", "put"), "secretsmanager:GetSecretValue"),
        (("secret", "show"), "secretsmanager:GetSecretValue"),
        (("secret", "show"), "secretsmanager:DescribeSecret"),
        (("secret", "rotate"), "secretsmanager:PutSecretValue"),
        (("secret", "rotate"), "secretsmanager:UpdateSecretVersionStage"),
        (("secret", "migrate", "--yes", "--replace"), "secretsmanager:PutSecretValue"),
        (("doctor", "--verify"), "secretsmanager:GetSecretValue"),
        (("doctor", "--env", "prod"), "cloudformation:DescribeStacks"),
    ],
)
@pytest.mark.parametrize("code", ["AccessDeniedException", "WhoKnows"])
def test_no_refusal_of_aws_lets_a_key_out(
    keyboard: Keyboard, arguments: tuple[str, ...], action: str, code: str
) -> None:
    keyboard.store(keyboard.old_key)
    file = keyboard.here / ".env"
    if "migrate" in arguments:
        file.write_text(f"OPENAI_API_KEY={keyboard.key}\n")
    keyboard.aws.refusals = {action: code}

    done = keyboard.run(*arguments, given=keyboard.key if "put" in arguments or "rotate" in arguments else "")

    assert done.returncode in ((0, 1, 2) if "show" in arguments else (1, 2))
    keyboard.silent(file)


@pytest.mark.parametrize("command", [("rotate",), ("rollback",)])
def test_a_server_that_quotes_the_key_is_not_quoted(keyboard: Keyboard, command: tuple[str, ...]) -> None:
    keyboard.store(keyboard.key)
    keyboard.run("secret", "put", given=keyboard.old_key)
    keyboard.upstream.accepted_keys = None
    keyboard.upstream.default(MODELS, _quote_the_key)

    done = keyboard.run("--verbose", "secret", *command, given="sk-proj-another0123456789abcd")
    assert (done.returncode, keyboard.run("--verbose", "doctor", "--verify").returncode) == (1, 1)
    keyboard.silent()


def test_migrate_leaves_nothing_of_the_key_behind(keyboard: Keyboard) -> None:
    file = keyboard.here / ".env"
    file.write_text(f'A=1\nexport OPENAI_API_KEY="{keyboard.key}"\n')

    assert keyboard.run("doctor").returncode == 1, "there is no secret yet"
    keyboard.silent(file)
    done = keyboard.run("secret", "migrate", "--yes")

    assert done.returncode == 0, done.stderr
    keyboard.silent()
    assert [each.name for each in keyboard.here.iterdir()] == [".env"]


def test_the_environment_as_a_source_is_not_passed_on(keyboard: Keyboard) -> None:
    source = {"CREDENTIAL_SOURCE": "environment", "OPENAI_API_KEY": keyboard.key}

    for arguments in (("doctor", "--verify"), ("secret", "show")):
        done = keyboard.run(*arguments, env=source)
        assert done.returncode == 0, done.stderr
    assert keyboard.upstream.calls[-1].key == keyboard.key
    keyboard.silent()


def test_the_encrypted_file_gives_its_key_only_to_the_named_output(keyboard: Keyboard) -> None:
    plain = keyboard.here / "plain"
    for arguments, given in (
        (("secret", "encrypt"), keyboard.key),
        (("secret", "rekey"), ""),
        (("secret", "encrypt"), keyboard.key),
        (("secret", "decrypt"), ""),
        (("secret", "decrypt", "--output", "plain", "--file", "nowhere"), ""),
    ):
        keyboard.run(*arguments, given=given, env=MASTERS)
    keyboard.silent()

    done = keyboard.run("secret", "decrypt", "--output", "plain", env=MASTERS)

    assert done.returncode == 0, done.stderr
    assert json.loads(plain.read_text()) == {"api_key": keyboard.key}
    keyboard.silent(plain)
    master = MASTERS[VARIABLE].partition(":")[2]
    assert not [text for text in keyboard.shown if master[:12] in text]


def test_at_a_terminal_the_key_is_not_shown(keyboard: Keyboard) -> None:
    with (
        ProcessWatch(keyboard.key) as watch,
        at_terminal([*keyboard.program, "secret", "put"], keyboard.env, keyboard.here) as terminal,
    ):
        terminal.expect("OpenAI API key (it is not shown): ")
        terminal.type(keyboard.key)
        assert terminal.wait() == 0, terminal.shown
    keyboard.shown.append(terminal.raw)
    assert "fingerprint" in terminal.shown

    with at_terminal(
        [*keyboard.program, "secret", "encrypt"], {**keyboard.env, **MASTERS}, keyboard.here
    ) as terminal:
        terminal.expect("OpenAI API key (it is not shown): ")
        terminal.type(keyboard.key)
        assert terminal.wait() == 0, terminal.shown
    keyboard.shown.append(terminal.raw)
    decrypt = [*keyboard.program, "secret", "decrypt", "--output", "-"]
    with at_terminal(decrypt, {**keyboard.env, **MASTERS}, keyboard.here) as terminal:
        assert terminal.wait() == 2
    keyboard.shown.append(terminal.raw)
    assert "A terminal would show the key" in " ".join(terminal.shown.split())

    assert not watch.seen
    keyboard.silent()


def test_ctrl_c_at_the_prompt_changes_nothing(keyboard: Keyboard) -> None:
    keyboard.store(keyboard.old_key)
    with at_terminal([*keyboard.program, "secret", "rotate"], keyboard.env, keyboard.here) as terminal:
        terminal.expect("New OpenAI API key (it is not shown): ")
        terminal.press(b"\x03")
        assert terminal.wait() == 130, terminal.shown
    assert "Interrupted." in terminal.shown
    assert "Traceback" not in terminal.shown
    assert not [action for action in keyboard.aws.asked if "Put" in action]


def test_a_shell_keeps_nothing_of_a_key_that_is_piped(keyboard: Keyboard) -> None:
    history = keyboard.home / ".bash_history"
    command = " ".join(f"'{part}'" for part in keyboard.program)
    lines = [
        "read -r KEY",
        keyboard.key,
        f'printf %s "$KEY" | {command} secret put',
        "unset KEY",
        "exit",
    ]
    bash = ["bash", "--norc", "-i"]
    done = subprocess.run(
        bash,
        env={**keyboard.env, "HISTFILE": str(history)},
        cwd=keyboard.here,
        input="\n".join(lines) + "\n",
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert "Created" in done.stdout, done.stderr
    stored = keyboard.aws.client("secretsmanager").get_secret_value(SecretId=SECRET)
    assert json.loads(stored["SecretString"]) == {"api_key": keyboard.key}
    assert "secret put" in history.read_text()
    keyboard.silent()


def test_every_change_is_in_the_trail_and_no_look_is(keyboard: Keyboard) -> None:
    keyboard.run("secret", "put", given=keyboard.old_key)
    keyboard.run("secret", "show")
    keyboard.run("secret", "rotate", given=keyboard.key)
    keyboard.run("secret", "rollback")

    lines = (keyboard.home / ".local/state/travel-gpt/audit.jsonl").read_text().splitlines()
    events = [json.loads(line)["audit"] for line in lines]
    changes = [each["event"] for each in events if each["event"].startswith("secret.")]
    assert changes == ["secret.put", "secret.rotate", "secret.rollback"]
    for each in events:
        assert {"who", "source", "version", "outcome", "milliseconds"} <= each.keys()
