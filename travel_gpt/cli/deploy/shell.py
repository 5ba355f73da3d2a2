"""Running the command lines of others, and what their errors mean."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.redaction import redact


class AwsError(Exception):
    """An ``aws`` command that failed.

    Args:
        command: what was asked, such as ``secretsmanager create-secret``.
        said: what the command wrote to standard error.
    """

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"aws {command}: {said}")
        self.command = command
        self.said = said
        named = re.search(r"An error occurred \(([^)]+)\)", said)
        self.code = named[1].rpartition("#")[2] if named else ""
        """AWS's name for the error, such as ``AccessDeniedException``; empty when it was no answer of AWS."""

    @property
    def denied(self) -> bool:
        """Whether AWS does not allow the caller to do this."""
        return self.code.startswith("AccessDenied") or self.code == "UnauthorizedOperation"

    @property
    def reason(self) -> str:
        """AWS's own words, without the frame around them."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        whole = " ".join(lines) or "it said nothing"
        return re.sub(
            r"^(aws: \[ERROR\]: )?An error occurred \([^)]*\)( when calling the \w+ operation)?: ", "", whole
        )


@dataclass(frozen=True, slots=True)
class Commands:
    """The command lines, all with the same environment.

    Args:
        environment: what every command is started with. The OpenAI key is not in it.
    """

    environment: Mapping[str, str]

    @classmethod
    def for_account(cls, *, region: str | None, profile: str | None) -> "Commands":
        """Prepare the environment of the commands.

        Args:
            region: the AWS region, or None for the one that is configured.
            profile: the AWS profile, or None for the one that is configured.

        Returns:
            The commands.
        """
        environment = dict(os.environ)
        # Settings of the owner's that would wait for a key press or change what is read here.
        environment |= {"AWS_PAGER": "", "AWS_CLI_AUTO_PROMPT": "off", "AWS_CLI_ERROR_FORMAT": "legacy"}
        environment.setdefault("SAM_CLI_TELEMETRY", "0")
        # Output through a pipe would otherwise come in lumps.
        environment["PYTHONUNBUFFERED"] = "1"
        if region:
            # Version 1 of aws knows the second name only.
            environment |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if profile:
            environment["AWS_PROFILE"] = profile
        return cls(environment)

    @property
    def profile(self) -> str:
        """The AWS profile, or nothing."""
        return self.environment.get("AWS_PROFILE", "")

    def aws(self, *arguments: str) -> Any:
        """Run an ``aws`` command.

        Args:
            arguments: service, operation and options.

        Returns:
            The JSON that it printed; None when it printed nothing.

        Raises:
            AwsError: it failed.
        """
        return self._aws(arguments, self.environment, None)

    def aws_once(self, *arguments: str) -> Any:
        """Run an ``aws`` command that sends one request, where ``aws`` would repeat a throttled one at once.

        Args:
            arguments: service, operation and options.

        Returns:
            The JSON that it printed; None when it printed nothing.

        Raises:
            AwsError: it failed.
        """
        return self._aws(arguments, {**self.environment, "AWS_MAX_ATTEMPTS": "1"}, None)

    def aws_with_secret(self, *arguments: str, secret: str | None = None) -> Any:
        """Run an ``aws`` command that sends or receives a secret.

        Args:
            arguments: service, operation and options. Where the secret belongs, ``file:///dev/stdin``.
            secret: what to send, through a pipe.

        Returns:
            The JSON that it printed.

        Raises:
            AwsError: it failed.
        """
        # With "cli_history = enabled" aws writes every request and answer into a database under HOME.
        with tempfile.TemporaryDirectory(prefix="travel-gpt-") as folder:
            environment = {**self.environment, "AWS_CLI_HISTORY_FILE": f"{folder}/history.db"}
            return self._aws(arguments, environment, secret)

    def _aws(self, arguments: Sequence[str], environment: Mapping[str, str], stdin: str | None) -> Any:
        done = subprocess.run(
            ["aws", *arguments, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )
        if done.returncode != 0:
            raise AwsError(" ".join(arguments[:2]), redact(done.stderr.strip()))
        return json.loads(done.stdout) if done.stdout.strip() else None

    def shown(self, console: Console, gist: Callable[[str], str], *argv: str) -> tuple[int, list[str]]:
        """Run a command and show the gist of what it prints while it runs.

        Args:
            console: where to show it.
            gist: makes what is shown of a line; nothing to leave it out.
            argv: the command.

        Returns:
            Its exit status and the lines that it printed.
        """
        lines: list[str] = []
        with subprocess.Popen(
            argv,
            # Wide, so that no name in a table is broken.
            env={**self.environment, "COLUMNS": "240"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as running:
            for line in running.stdout or ():
                lines.append(redact(line.rstrip()))
                if shown := gist(lines[-1]):
                    console.say(f"  | {shown}")
        return running.returncode, lines

    def curl(self, config: Mapping[str, str | Sequence[str]]) -> tuple[int, int, str]:
        """Make one HTTP request.

        Args:
            config: curl's options by their long names. They go through a pipe, never through an argument.

        Returns:
            curl's exit status, the HTTP status (0 when there was no answer) and the body, or what curl said
            when there was none.
        """
        lines = ["silent", "show-error", 'write-out = "\\n%{http_code}"']
        for name, values in config.items():
            for value in [values] if isinstance(values, str) else values:
                escaped = value.replace("\\", "\\\\").replace('"', '\\"')
                lines.append(f'{name} = "{escaped}"')
        done = subprocess.run(
            ["curl", "--config", "-"],
            env=self.environment,
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        body, _, status = done.stdout.rpartition("\n")
        if done.returncode != 0:
            return done.returncode, 0, redact(done.stderr.strip().removeprefix("curl: "))
        return 0, int(status or 0), body


def explain(failed: AwsError, profile: str) -> CliError:
    """Say what an error of ``aws`` means and what to do.

    Args:
        failed: the error.
        profile: the AWS profile in use, or nothing.

    Returns:
        The sentence to stop with.
    """
    said, code = failed.said, failed.code
    with_profile = f" --profile {profile}" if profile else ""
    if re.search(r"\bSSO\b|sso login|Token has expired and refresh failed", said):
        return CliError(
            f"Your AWS SSO session is over. Sign in again and repeat:\n    aws sso login{with_profile}"
        )
    if "Unable to locate credentials" in said or "NoCredentials" in code:
        return CliError(
            "There are no AWS credentials. Set them up with one of these, then repeat:\n"
            "    aws configure sso        (a company's sign-in)\n"
            "    aws configure            (an access key)\n"
            "    AWS_PROFILE=name ./deploy.sh   (a profile that you have already)"
        )
    if "could not be found" in said and "profile" in said:
        return CliError(
            f"The AWS profile {profile or 'that was asked for'} does not exist. "
            "The ones that do:\n    aws configure list-profiles"
        )
    if "xpired" in code or "ExpiredToken" in said:
        return CliError(
            "Your AWS credentials have expired. Fetch new ones the way you fetched these, then repeat. "
            f"If they come from SSO:\n    aws sso login{with_profile}"
        )
    if code in (
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "AuthFailure",
    ):
        return CliError(
            f"AWS does not accept your credentials ({code}). Check that the access key is for this account "
            "and not disabled, and that the region is switched on in it:\n"
            f"    aws sts get-caller-identity{with_profile}"
        )
    if "Could not connect to the endpoint" in said or "onnect timeout" in said:
        return CliError(
            f"AWS cannot be reached: {failed.reason}\n"
            "Check the network, a proxy, and that the region is spelt right (such as eu-west-1)."
        )
    if failed.denied:
        return CliError(
            f"AWS does not allow you to do this (aws {failed.command}): {failed.reason}\n"
            "Ask whoever administers the account for the permission named there, then repeat."
        )
    return CliError(
        f"The command 'aws {failed.command}' failed: {failed.reason}\n"
        "Mend what it says and repeat; running deploy.sh again continues where it stopped."
    )
