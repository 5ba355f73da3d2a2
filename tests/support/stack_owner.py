"""The owner of a deployed stack, who types commands and has the clients' keys tried."""

import json
import time
from collections import Counter
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

from tests.fakes.openai import RESPONSES
from tests.support.deployer import Deployer
from tests.support.doctor import Doctor

MEASURED = 1
"""The query with which deploy.sh has measured the stream of the new stack, as the client owner."""
KNOWN_WITHIN = 5.0
"""Seconds within which a running environment knows a change, as docs/clients.md says."""


class Owner:
    """The owner of a deployed stack, who types commands and has the clients' keys tried."""

    def __init__(self, deployer: Deployer) -> None:
        self.deployer, self.aws = deployer, deployer.aws
        self._command = Doctor(deployer.aws)
        self.table = deployer.output("ClientTableName")
        self._url = deployer.output("ApiUrl")
        self.keys: list[str] = []
        """Every key, and every code of an invitation, that a command printed."""
        self.written: list[str] = []
        """What commands wrote, but for those."""

    def type(self, *words: str) -> CompletedProcess[str]:
        """Type a command, and expect that it succeeds."""
        done = self._command.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        if words[:2] in (("client", "add"), ("client", "rotate")) or words[0] == "invite":
            # The key or the link alone, so that it can be piped into another program.
            assert done.stdout.count("\n") == 1
            self.keys.append(done.stdout.strip().partition("#invitation=")[2] or done.stdout.strip())
            self.written.append(done.stderr)
        else:
            self.written += [done.stdout, done.stderr]
        return done

    def ask(self, key: str) -> tuple[int, str]:
        """Send a query with a client's key; its status, and its code where it was refused."""
        done = self.aws.run(
            *("curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", self._url),
            *("--header", f"x-api-key: {key}", "--header", "content-type: application/json"),
            *("--data", '{"query": "Two days in Porto?"}'),
        )
        body, _, status = done.stdout.rpartition("\n")
        answer = json.loads(body)
        return int(status), answer.get("code", answer["status"])

    def ask_with_command(self, key: str) -> CompletedProcess[str]:
        """Send a query with a client's key, by the command."""
        done = self._command.run("ask", "Porto?", "--url", self._url, TRAVEL_GPT_API_KEY=key)
        self.written += [done.stdout, done.stderr]
        return done

    def ask_until(self, key: str, wanted: tuple[int, str]) -> Counter[tuple[int, str]]:
        """Send queries until an answer is as wanted, for a few seconds; count the others."""
        return until(wanted, lambda: self.ask(key))

    def paid(self) -> int:
        """How many queries the model's server has answered since the deployment: its own list, not ours."""
        return len(self.aws.openai.upstream.calls_to(RESPONSES)) - MEASURED

    def items(self) -> list[dict[str, Any]]:
        """Every item of the table."""
        found: list[dict[str, Any]] = self.aws.client("dynamodb").scan(TableName=self.table)["Items"]
        return found

    def gateway_keys(self) -> dict[str, str]:
        """The ids of the keys at API Gateway, by value."""
        found = self.aws.client("apigateway").get_api_keys(includeValues=True)["items"]
        return {each["value"]: each["id"] for each in found}

    def enable_at_gateway(self, key: str) -> None:
        """Enable a key at API Gateway alone."""
        change = {"op": "replace", "path": "/enabled", "value": "true"}
        gateway = self.aws.client("apigateway")
        gateway.update_api_key(apiKey=self.gateway_keys()[key], patchOperations=[change])

    def log_lines(self) -> str:
        """Every line of every log group."""
        logs = self.aws.client("logs")
        groups = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
        events = [each for name in groups for each in logs.filter_log_events(logGroupName=name)["events"]]
        return "\n".join(each["message"] for each in events)


def until(wanted: tuple[int, str], ask: Callable[[], tuple[int, str]]) -> Counter[tuple[int, str]]:
    """Ask until an answer is as wanted, for a few seconds; count the others.

    Args:
        wanted: the status and the code.
        ask: asks once, and returns them.
    """
    others: Counter[tuple[int, str]] = Counter()
    ends = time.monotonic() + KNOWN_WITHIN + 1
    while True:
        began = time.monotonic()
        if (answer := ask()) == wanted:
            return others
        others[answer] += 1
        assert began < ends, others
        time.sleep(0.5)
