"""The owner of an account who runs deploy.sh from a clone of their own."""

import json
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from testbed.fake_aws import FakeAws
from tests.support.clone import make_built_clone, make_clone
from tests.support.terminal import Terminal, at_terminal

GOOD_KEY = "sk-proj-Qm3vT8xLw2Rk7Yb4Nd6H"
NEW_KEY = "sk-proj-Zc5jF9sGp1Vu0Xe7Ka2M"
BAD_KEY = "sk-proj-Ht6nB4qWy8Dr3Jo5Li9P"


class Deployer:
    """The owner of an account.

    Args:
        cloud: the account.
        folder: where the clone is to be.
        built: whether the clone was built before, for ``--no-build``.
        fresh: whether no logging role was named to API Gateway in this account.
    """

    def __init__(self, aws: FakeAws, folder: Path, *, built: bool = True, fresh: bool = False) -> None:
        self.aws = aws
        self.clone = make_built_clone(folder) if built else make_clone(folder)
        self._built = built
        aws.openai.accept(GOOD_KEY, NEW_KEY)
        if not fresh:
            aws.make_logging_role()

    def deploy(
        self, *options: str, key: str | None = None, env: dict[str, str | None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run deploy.sh without a terminal.

        Args:
            options: its options; --no-build is added where the clone was built.
            key: what is exported in OPENAI_API_KEY.
            env: what else is different in the environment; None takes a variable away.
        """
        given = {**(env or {}), **({} if key is None else {"OPENAI_API_KEY": key})}
        # Seconds. A build on a busy machine takes its time.
        return self.aws.run(*self._command(options), env=given, cwd=self.clone, timeout=400)

    def deploy_at_terminal(
        self, *options: str, key: str | None = None, env: dict[str, str] | None = None
    ) -> AbstractContextManager[Terminal]:
        """Run deploy.sh in a terminal."""
        given = {**self.aws.env, **(env or {}), **({} if key is None else {"OPENAI_API_KEY": key})}
        return at_terminal(self._command(options), given, self.clone)

    def _command(self, options: tuple[str, ...]) -> list[str]:
        return [
            "./deploy.sh",
            *options,
            *(["--no-build"] if self._built and "--delete" not in options else []),
        ]

    def secret(self, name: str = "travel-gpt/openai-api-key") -> Any:
        """What a secret holds, parsed where it is JSON; None where there is no such secret."""
        client = self.aws.client("secretsmanager")
        try:
            text = client.get_secret_value(SecretId=name)["SecretString"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return json.loads(text) if text.startswith("{") else text

    def stack(self, name: str = "travel-gpt-backend") -> Any:
        """A stack as CloudFormation describes it; None where there is none."""
        client = self.aws.client("cloudformation")
        try:
            return client.describe_stacks(StackName=name)["Stacks"][0]
        except client.exceptions.ClientError:
            return None

    def parameters(self, name: str = "travel-gpt-backend") -> dict[str, str]:
        """The parameters of a stack."""
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stack(name)["Parameters"]}

    def output(self, name: str, stack: str = "travel-gpt-backend") -> str:
        """An output of a stack."""
        outputs = self.stack(stack)["Outputs"]
        return str({each["OutputKey"]: each["OutputValue"] for each in outputs}[name])

    def changes(self) -> list[str]:
        """What was changed in the account so far, by action."""
        return [call.name for call in self.aws.calls()]
