"""The travel-gpt command on the fake AWS, run by the owner of the account."""

import json
from subprocess import CompletedProcess

from testbed.fake_aws import FakeAws
from tests.support.clone import ROOT
from tests.support.deployer import BAD_KEY, GOOD_KEY, NEW_KEY
from tests.support.secret_leaks import holds

PYTHON = ROOT / ".venv" / "run" / "bin" / "python"


class Doctor:
    """The command, run by the owner of the account."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws

    def run(self, *options: str, given: str | None = None, **environment: str) -> CompletedProcess[str]:
        """Run it, and see that it shows nothing of a key."""
        command = [str(PYTHON), "-W", "error", "-m", "travel_gpt.cli", *options]
        done = self.aws.run(*command, env={**self.aws.through_proxy, **environment}, input=given)
        for key in (GOOD_KEY, NEW_KEY, BAD_KEY):
            assert not holds(done.stdout + done.stderr, key)
        return done

    def findings(self, *options: str) -> list[dict[str, str]]:
        """What it finds, but for what is well."""
        done = self.run("doctor", "--env", "prod", "--json", *options)
        found: list[dict[str, str]] = json.loads(done.stdout)["findings"]
        problems = [each for each in found if each["state"] == "problem"]
        assert done.returncode == (1 if problems else 0)
        return [each for each in found if each["state"] != "ok"]
