"""deploy.sh --keyless: a function under its own role, and a fake of OpenAI's token exchange."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.fake_aws import FakeAws
from tests.fakes import identity
from tests.support.deployer import GOOD_KEY, NEW_KEY, Deployer
from tests.support.permissions import client_as

SECRET = "travel-gpt/openai-api-key"
FUNCTION = "travel-gpt-backend-TravelGPTFunction"
IDS = ("--identity-provider", "wip_acme", "--service-account", "sa_travel")


@pytest.fixture
def deployer(aws: FakeAws, tmp_path: Path) -> Deployer:
    aws.federate()
    return Deployer(aws, tmp_path / "clone")


def role_of(deployer: Deployer) -> str:
    configuration = deployer.aws.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    role: str = configuration["Role"]
    return role


def set_up_openai(deployer: Deployer, subject: str | None = None) -> None:
    """Do at OpenAI what deploy.sh says, and wait until no earlier result is shared any more."""
    exchange = deployer.aws.openai.upstream.tokens
    exchange.trust("wip_acme", identity.ISSUER, "sa_travel", subject or role_of(deployer))
    deployer.aws.function(FUNCTION).restart()


def health(deployer: Deployer, query: str = "") -> dict[str, Any]:
    stack = deployer.stack()
    assert stack is not None
    (url,) = (each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "ApiUrl")
    done = deployer.aws.run("curl", "--silent", url + query)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def as_the_role(deployer: Deployer, service: str) -> Any:
    return client_as(deployer.aws, role_of(deployer), service)


def may_read_the_secret(deployer: Deployer) -> bool:
    client = as_the_role(deployer, "secretsmanager")
    try:
        client.get_secret_value(SecretId=SECRET)
    except ClientError as refused:
        return refused.response["Error"]["Code"] != "AccessDeniedException"
    return True


def test_from_a_key_to_none_without_an_hour_in_between(deployer: Deployer) -> None:
    # Given a stack with a key
    assert deployer.deploy("--yes", key=GOOD_KEY).returncode == 0

    # When the owner asks to do without, and OpenAI knows nothing of it yet
    first = deployer.deploy("--keyless", "--yes")

    # Then it says what to set up, with this stack's values, and the key serves on
    assert first.returncode == 0, first.stderr
    for value in (identity.ISSUER, "https://api.openai.com/v1", role_of(deployer)):
        assert value in first.stdout
    assert first.stdout.rstrip().endswith("./deploy.sh --keyless --identity-provider ID --service-account ID")
    assert deployer.parameters()["Keyless"] == "prepare"
    assert health(deployer)["credential_source"] == "secrets-manager"

    # When it is set up for another role by mistake
    set_up_openai(deployer, subject="arn:aws:iam::123456789012:role/another")
    refused = deployer.deploy("--keyless", "--yes", *IDS)

    # Then it stops, and the key still serves
    assert refused.returncode == 1
    assert "does not accept the identity" in " ".join(refused.stderr.split())
    assert "Nothing was taken away" in refused.stderr
    assert deployer.parameters()["Keyless"] == "prepare"
    assert may_read_the_secret(deployer)
    assert health(deployer)["status"] == "success"

    # When it is set up as it was said
    set_up_openai(deployer)
    deployer.aws.forget_calls()
    done = deployer.deploy("--keyless", "--yes")

    # Then it is switched to its identity first, and loses the secret in a deployment of its own
    assert deployer.changes().count("cloudformation:ExecuteChangeSet") == 2
    # And the function has no key and its role cannot read one
    assert done.returncode == 0, done.stderr
    assert "OpenAI accepted it" in done.stdout
    assert "aws secretsmanager delete-secret" in done.stdout
    assert deployer.parameters()["Keyless"] == "on"
    assert not may_read_the_secret(deployer)
    assert health(deployer, "?verify=true")["credential_source"] == "workload-identity"
    # And what OpenAI got last was a token of its own
    assert deployer.aws.openai.requests[-1].key in deployer.aws.openai.upstream.tokens.given

    # When the secret is gone, too
    deployer.aws.client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)

    # Then a later deploy asks for no key and keeps it so
    again = deployer.deploy("--yes", "--parameter", "LogRetentionDays=7")
    assert again.returncode == 0, again.stderr
    assert deployer.parameters()["Keyless"] == "on"
    assert deployer.secret() is None
    assert health(deployer, "?verify=true")["verified"] is True


def test_a_new_stack_never_has_a_key(deployer: Deployer) -> None:
    # Given no secret, no stack and no key; the ids are known, the role is not made yet
    first = deployer.deploy("--keyless", "--yes", *IDS)
    assert first.returncode == 1
    assert role_of(deployer) in first.stdout

    # When OpenAI knows the role
    set_up_openai(deployer)
    done = deployer.deploy("--keyless", "--yes")

    # Then it answers, and no secret was ever made
    assert done.returncode == 0, done.stderr
    assert health(deployer, "?verify=true")["status"] == "success"
    assert "secretsmanager:CreateSecret" not in deployer.changes()
    assert "delete-secret" not in done.stdout


def test_the_role_gets_tokens_for_openai_alone_and_for_minutes_alone(deployer: Deployer) -> None:
    deployer.deploy("--keyless", "--yes")
    sts = as_the_role(deployer, "sts")
    asked = {"Audience": ["https://api.openai.com/v1"], "SigningAlgorithm": "ES384", "DurationSeconds": 300}

    assert sts.get_web_identity_token(**asked)["WebIdentityToken"]
    for change in ({"Audience": ["https://elsewhere.example"]}, {"DurationSeconds": 301}):
        with pytest.raises(ClientError) as refused:
            sts.get_web_identity_token(**{**asked, **change})
        assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_without_federation_it_stops_before_anything_and_names_the_command(deployer: Deployer) -> None:
    deployer.aws.federate(False)

    stopped = deployer.deploy("--keyless", "--yes")

    assert stopped.returncode == 1
    assert "aws iam enable-outbound-web-identity-federation" in stopped.stderr
    assert deployer.changes() == []


def test_where_that_is_hidden_from_the_caller_it_goes_on_and_says_so(deployer: Deployer) -> None:
    deployer.aws.deny("iam:GetOutboundWebIdentityFederationInfo")

    done = deployer.deploy("--keyless", "--yes")

    assert done.returncode == 0, done.stderr
    assert "hidden from you" in done.stdout
    assert "the IssuerIdentifier of: aws iam get-outbound-web-identity-federation-info" in done.stdout


def test_a_dry_run_tells_both_deployments_and_changes_nothing(deployer: Deployer) -> None:
    shown = deployer.deploy("--keyless", "--dry-run", *IDS)

    assert shown.returncode == 0, shown.stderr
    assert "Verify the function's identity at OpenAI" in shown.stdout
    assert "Deploy twice more" in shown.stdout
    assert "prepare" in shown.stdout
    assert deployer.changes() == []


def test_what_the_secret_says_beside_the_key_is_not_lost_in_silence(deployer: Deployer) -> None:
    secrets = deployer.aws.client("secretsmanager")
    secrets.create_secret(
        Name=SECRET, SecretString=json.dumps({"api_key": GOOD_KEY, "model": "gpt-6.1-terra"})
    )

    shown = deployer.deploy("--keyless", "--dry-run")

    assert shown.returncode == 0, shown.stderr
    assert "--parameter OpenAIModel=gpt-6.1-terra" in " ".join(shown.stdout.split())


@pytest.mark.parametrize("where", ["the secret", "the stack"])
def test_another_server_than_openais_needs_its_key(deployer: Deployer, where: str) -> None:
    server = "https://llm.example.com/v1"
    stored = {"api_key": GOOD_KEY, **({"base_url": server} if where == "the secret" else {})}
    deployer.aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(stored))
    given = ("--parameter", f"OpenAIBaseUrl={server}") if where == "the stack" else ()
    deployer.aws.forget_calls()

    stopped = deployer.deploy("--keyless", "--yes", *given)

    assert stopped.returncode == 1
    assert "good for OpenAI alone" in " ".join(stopped.stderr.split())
    assert deployer.changes() == []


def test_back_to_a_key(deployer: Deployer) -> None:
    # Given a stack that had a key once, and its owner revoked that
    deployer.deploy("--yes", key=GOOD_KEY)
    deployer.deploy("--keyless", "--yes", *IDS)
    set_up_openai(deployer)
    assert deployer.deploy("--keyless", "--yes").returncode == 0
    deployer.aws.openai.reject(GOOD_KEY)
    deployer.aws.forget_calls()

    # When a key is given to the function that has none, then it says what to do
    refused = deployer.deploy("--replace-key", "--yes", key=NEW_KEY)
    assert refused.returncode == 1
    assert refused.stderr.rstrip().endswith("./deploy.sh --parameter Keyless=off --replace-key")

    # When it is to have the stored key again, then that is verified before anything is changed
    stopped = deployer.deploy("--parameter", "Keyless=off", "--yes")
    assert stopped.returncode == 1
    assert "cannot be used any more" in " ".join(stopped.stderr.split())
    assert deployer.changes() == []

    # When there is a new key, then the role may read it before the function is to use it
    done = deployer.deploy("--parameter", "Keyless=off", "--replace-key", "--yes", key=NEW_KEY)
    assert done.returncode == 0, done.stderr
    assert deployer.changes().count("cloudformation:ExecuteChangeSet") == 2
    # The deployed function of these tests finds its model server on loopback, not at OpenAI.
    assert "the model server accepted it" in done.stdout
    assert deployer.secret() == {"api_key": NEW_KEY}
    assert health(deployer)["credential_source"] == "secrets-manager"

    # And the mapping that OpenAI keeps is named before the first change and at the end
    plan, _, rest = done.stdout.partition("Giving the function its key back")
    assert f"remove the mapping of the role {role_of(deployer)}" in " ".join(plan.split())
    at_the_end = " ".join(rest.partition("ask it something")[2].split())
    for said in (role_of(deployer), "wip_acme", "sa_travel", "inherits the trust"):
        assert said in at_the_end


@pytest.mark.parametrize("options", [("--replace-key",), ("--parameter", "Keyless=on")])
def test_options_that_contradict_it_are_refused(deployer: Deployer, options: tuple[str, ...]) -> None:
    stopped = deployer.deploy("--keyless", "--yes", *options)

    assert stopped.returncode == 2
    assert "--keyless" in stopped.stderr
    assert deployer.changes() == []
