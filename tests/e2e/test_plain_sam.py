"""The stack, deployed by somebody who knows sam and has never heard of deploy.sh."""

import json
from pathlib import Path
from typing import Any

from testbed.fake_aws import FakeAws
from tests.support.clone import make_built_clone
from tests.support.deployer import GOOD_KEY

STACK = "travel-gpt-backend-dev"
SECRET = "travel-gpt-dev/openai-api-key"


class SamUser:
    """Deploys from a built clone, and calls what was deployed."""

    def __init__(self, aws: FakeAws, folder: Path) -> None:
        self.aws = aws
        aws.use_real_commands()
        self.clone = make_built_clone(folder)
        aws.openai.accept(GOOD_KEY)
        aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=GOOD_KEY)

    def deploy(self, **parameters: str) -> str:
        """Run ``sam deploy --config-env dev``, and return what it said."""
        # On the command line the overrides replace samconfig.toml's whole list.
        given = {"SecretName": SECRET, "AccessLogs": "disabled", **parameters}
        pairs = [f"{name}={value}" for name, value in given.items()]
        command = ["sam", "deploy", "--config-env", "dev", "--parameter-overrides", *pairs]
        done = self.aws.run(*command, cwd=self.clone)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def call(self, *options: str) -> tuple[int, dict[str, Any]]:
        """Call the API with curl, and return the status and the JSON of its answer."""
        url = {output["OutputKey"]: output["OutputValue"] for output in self._stack()["Outputs"]}["ApiUrl"]
        done = self.aws.run("curl", "--silent", "--show-error", "-w", "\n%{http_code}", *options, url)
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body)

    def parameter(self, name: str) -> str:
        """Return the value of a parameter of the stack."""
        parameters: dict[str, str] = {
            each["ParameterKey"]: each["ParameterValue"] for each in self._stack()["Parameters"]
        }
        return parameters[name]

    def _stack(self) -> Any:
        return self.aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]

    def query(self) -> tuple[int, dict[str, Any]]:
        """POST a query without an API key."""
        return self.call("-H", "Content-Type: application/json", "-d", '{"query": "A day in Rome?"}')


def test_who_may_ask_follows_the_parameter_both_ways(aws: FakeAws, tmp_path: Path) -> None:
    user = SamUser(aws, tmp_path / "clone")

    # Given a first deployment with the defaults: health is open, a query needs a key
    user.deploy()
    assert user.parameter("CredentialExpiry") == "warn", "sam cannot tell a new stack from an old one"
    assert user.call()[0] == 200
    status, refusal = user.query()
    assert (status, refusal["code"]) == (403, "forbidden")
    assert "x-api-key" in refusal["message"]

    # When nothing is changed, then nothing changes
    aws.forget_calls()
    assert "No changes to deploy" in user.deploy()
    assert [call.name for call in aws.calls() if not call.name.startswith(("s3:", "cloudformation:"))] == []

    # When the API is opened by the parameter alone, then anybody may ask: the stage serves the change
    user.deploy(ApiAccess="open")
    assert user.query()[0] == 200

    # When it is closed again, then it is closed
    user.deploy(ApiAccess="api-key")
    assert user.query()[0] == 403
    assert user.call()[0] == 200
    assert user.call("-X", "DELETE")[0] == 405
