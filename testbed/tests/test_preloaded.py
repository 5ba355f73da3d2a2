"""What stands for aws and sam does what they do: see testbed.preloaded."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed import preloaded
from testbed.fake_aws import FakeAws

REAL = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["aws", "--version"],
        ["aws", "sts", "get-caller-identity", "--output", "json"],
        ["aws", "secretsmanager", "describe-secret", "--secret-id", "absent"],
        ["aws", "no-such-service"],
        ["sam", "--version"],
        ["sam", "deploy", "--no-such-option"],
    ],
)
def test_it_prints_and_ends_as_the_command_does(aws: FakeAws, command: list[str]) -> None:
    name, *arguments = command

    stood_for = aws.run(name, *arguments)
    real = aws.run(str(REAL / name), *arguments)

    assert (stood_for.returncode, stood_for.stdout, stood_for.stderr) == (
        real.returncode,
        real.stdout,
        real.stderr,
    )


def test_it_reads_what_is_piped_in_and_takes_the_environment_and_the_folder(
    aws: FakeAws, tmp_path: Path
) -> None:
    create = ["secretsmanager", "create-secret", "--secret-string", "file:///dev/stdin", "--name", "piped"]
    (tmp_path / "name.txt").write_text("piped")

    made = aws.run("aws", *create, input="value", env={"AWS_DEFAULT_OUTPUT": "text"})
    read = aws.run(
        "aws", "secretsmanager", "get-secret-value", "--secret-id", "file://name.txt", cwd=tmp_path
    )

    assert made.returncode == 0, made.stderr
    assert made.stdout.split("\t")[1] == "piped"
    assert '"SecretString": "value"' in read.stdout, read.stderr


def test_its_arguments_and_environment_are_those_it_was_started_with(aws: FakeAws) -> None:
    # A command that waits: nothing ever writes into its stdin.
    waiting = ["secretsmanager", "put-secret-value", "--secret-id", "a", "--secret-string"]
    process = subprocess.Popen(
        [preloaded.programs()["aws"], *waiting, "file:///dev/stdin"],
        env={**aws.env, "CANARY": "canary"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell starts what runs in the background with SIGINT ignored, and these tests may run so.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    shown = Path(f"/proc/{process.pid}")
    deadline = time.monotonic() + 20
    while b"put-secret-value" not in (shown / "cmdline").read_bytes() and time.monotonic() < deadline:
        time.sleep(0.01)

    line, environment = (shown / "cmdline").read_bytes(), (shown / "environ").read_bytes()
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=20)

    assert b"put-secret-value" in line
    assert b"CANARY=canary" in environment
    # The second, where it came before the program had begun.
    assert process.returncode in (130, -signal.SIGINT)
