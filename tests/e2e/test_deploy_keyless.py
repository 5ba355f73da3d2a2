"""deploy.sh --keyless: a function under its own role, and a fake of OpenAI's token exchange."""

import json
from typing import Any

import pytest

from tests.fakes import identity
from tests.support.deployer import GOOD_KEY, NEW_KEY, Deployer
from tests.support.permissions import client_as, refused

SECRET = "travel-gpt/openai-api-key"
FUNCTION = "travel-gpt-backend-TravelGPTFunction"
IDS = ("--identity-provider", "wip_acme", "--service-account", "sa_travel")


@pytest.fixture(autouse=True)
def _federation(deployer: Deployer) -> None:
    deployer.aws.federate()


def role_of(deployer: Deployer) -> str:
    return deployer.output("FunctionRoleArn")


def set_up_openai(deployer: Deployer, subject: str | None = None) -> None:
    """Do at OpenAI what deploy.sh says, and wait until no earlier result is shared any more."""
    exchange = deployer.aws.openai.upstream.tokens
    exchange.trust("wip_acme", identity.ISSUER, "sa_travel", subject or role_of(deployer))
    deployer.aws.function(FUNCTION).restart()


def health(deployer: Deployer, query: str = "") -> Any:
    return json.loads(deployer.aws.run("curl", "--silent", deployer.output("ApiUrl") + query).stdout)


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
    stopped = deployer.deploy("--keyless", "--yes", *IDS)

    # Then it stops, and the key still serves
    assert stopped.returncode == 1
    assert "does not accept the identity" in " ".join(stopped.stderr.split())
    assert "Nothing was taken away" in stopped.stderr
    assert deployer.parameters()["Keyless"] == "prepare"
    secrets = client_as(deployer.aws, role_of(deployer), "secretsmanager")
    assert secrets.get_secret_value(SecretId=SECRET)["SecretString"]
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
    assert "secretsmanager:GetSecretValue" in refused(secrets.get_secret_value, SecretId=SECRET)
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
    # Given no secret, no stack and no key; the ids are known, the role is not made yet, and whether it may
    # have tokens is hidden from the caller
    deployer.aws.deny("iam:GetOutboundWebIdentityFederationInfo")
    first = deployer.deploy("--keyless", "--yes", *IDS)
    assert first.returncode == 1
    assert "hidden from you" in first.stdout
    assert "the IssuerIdentifier of: aws iam get-outbound-web-identity-federation-info" in first.stdout
    assert role_of(deployer) in first.stdout

    # Then the role gets tokens for OpenAI alone and for minutes alone
    asked = {"Audience": ["https://api.openai.com/v1"], "SigningAlgorithm": "ES384", "DurationSeconds": 300}
    get_token = client_as(deployer.aws, role_of(deployer), "sts").get_web_identity_token
    assert get_token(**asked)["WebIdentityToken"]
    assert refused(get_token, **{**asked, "Audience": ["https://elsewhere.example"]})
    assert refused(get_token, **{**asked, "DurationSeconds": 301})

    # When OpenAI knows the role
    set_up_openai(deployer)
    done = deployer.deploy("--keyless", "--yes")

    # Then it answers, and no secret was ever made
    assert done.returncode == 0, done.stderr
    assert health(deployer, "?verify=true")["status"] == "success"
    assert "secretsmanager:CreateSecret" not in deployer.changes()
    assert "delete-secret" not in done.stdout


def test_a_dry_run_shows_both_deployments_and_what_is_lost_with_the_secret(deployer: Deployer) -> None:
    value = json.dumps({"api_key": GOOD_KEY, "model": "gpt-6.1-terra"})
    deployer.aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=value)
    deployer.aws.forget_calls()

    shown = deployer.deploy("--keyless", "--dry-run", *IDS)

    assert shown.returncode == 0, shown.stderr
    assert "Verify the function's identity at OpenAI" in shown.stdout
    assert "Deploy twice more" in shown.stdout
    assert "prepare" in shown.stdout
    assert "--parameter OpenAIModel=gpt-6.1-terra" in " ".join(shown.stdout.split())
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
    given = deployer.deploy("--replace-key", "--yes", key=NEW_KEY)
    assert given.returncode == 1
    assert given.stderr.rstrip().endswith("./deploy.sh --parameter Keyless=off --replace-key")

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
