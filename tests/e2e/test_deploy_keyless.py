"""deploy.sh --keyless: a function under its own role, and a fake of OpenAI's token exchange."""

import json
import re
from typing import Any

import pytest

from tests.fakes import identity
from tests.support.deployer import GOOD_KEY, NEW_KEY, Deployer
from tests.support.permissions import client_as, refused

SECRET = "travel-gpt/openai-api-key"
FUNCTION, STREAMS = "travel-gpt-backend-TravelGPTFunction", "travel-gpt-backend-TravelGPTStreamFunction"
IDS = ("--identity-provider", "wip_acme", "--service-account", "sa_travel")


@pytest.fixture(autouse=True)
def _federation(deployer: Deployer) -> None:
    deployer.aws.federate()


def role_of(deployer: Deployer) -> str:
    return deployer.output("FunctionRoleArn")


def set_up_openai(deployer: Deployer, printed: str) -> None:
    """Do at OpenAI what deploy.sh printed."""
    assert re.search(r"  key +openai\.travel_gpt_backend\n  +value +true\n", printed)
    expression = re.search(r"  expression +assertion\.sub in (\[.*\])\n", printed)
    assert expression, printed
    have_openai_trust(deployer, *json.loads(expression[1]))


def have_openai_trust(deployer: Deployer, *roles: str) -> None:
    """Map the roles to the service account, and wait until no earlier result is shared any more."""
    deployer.aws.openai.upstream.tokens.trust("wip_acme", identity.ISSUER, "sa_travel", *roles)
    for function in (FUNCTION, STREAMS):
        deployer.aws.function(function).restart()


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
    have_openai_trust(deployer, "arn:aws:iam::123456789012:role/another")
    stopped = deployer.deploy("--keyless", "--yes", *IDS)

    # Then it stops, and the key still serves
    assert stopped.returncode == 1
    assert "does not accept the identity" in " ".join(stopped.stderr.split())
    assert "Nothing was taken away" in stopped.stderr
    assert deployer.parameters()["Keyless"] == "prepare"
    secrets = client_as(deployer.aws, role_of(deployer), "secretsmanager")
    assert secrets.get_secret_value(SecretId=SECRET)["SecretString"]
    assert health(deployer)["status"] == "success"

    # When it is set up for one of the roles, as for a version without streams
    have_openai_trust(deployer, role_of(deployer))
    stopped = deployer.deploy("--keyless", "--yes")

    # Then it stops as well
    assert stopped.returncode == 1
    assert "/Prod/travel-gpt/stream answered 503, credential_rejected" in " ".join(stopped.stderr.split())
    assert "Nothing was taken away" in stopped.stderr
    assert "--keyless --parameter Streaming=off" in stopped.stderr
    assert deployer.parameters()["Keyless"] == "prepare"

    # When it is set up as it was said
    set_up_openai(deployer, stopped.stdout)
    deployer.aws.forget_calls()
    done = deployer.deploy("--keyless", "--yes")

    # Then it is switched to its identity first, and loses the secret in a deployment of its own
    assert deployer.changes().count("cloudformation:ExecuteChangeSet") == 2
    # And the function has no key and its role cannot read one
    assert done.returncode == 0, done.stderr
    assert "OpenAI accepted it" in done.stdout
    assert "OpenAI accepted the role of the function that streams" in done.stdout
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
    # And then it says that nothing was measured without a key, and how to do that later
    assert "Whether answers stream was not measured" in " ".join(first.stdout.split())
    assert "travel-gpt doctor --stack travel-gpt-backend --region us-east-1 --stream" in first.stdout
    assert deployer.parameters()["Streaming"] == "on"

    # Then the role gets tokens for OpenAI alone and for minutes alone
    asked = {"Audience": ["https://api.openai.com/v1"], "SigningAlgorithm": "ES384", "DurationSeconds": 300}
    get_token = client_as(deployer.aws, role_of(deployer), "sts").get_web_identity_token
    assert get_token(**asked)["WebIdentityToken"]
    assert refused(get_token, **{**asked, "Audience": ["https://elsewhere.example"]})
    assert refused(get_token, **{**asked, "DurationSeconds": 301})

    # When OpenAI knows the roles
    set_up_openai(deployer, first.stdout)
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
    assert "Verify the functions' identities at OpenAI" in shown.stdout
    assert "Deploy twice more" in shown.stdout
    assert "prepare" in shown.stdout
    assert "--parameter OpenAIModel=gpt-6.1-terra" in " ".join(shown.stdout.split())
    assert deployer.changes() == []


def test_a_mapping_of_the_first_role_alone_fails_streams_and_is_said(deployer: Deployer) -> None:
    # Given a stack without a key, whose mapping was made for a version without streams
    set_up_openai(deployer, deployer.deploy("--keyless", "--yes", *IDS).stdout)
    assert deployer.deploy("--keyless", "--yes").returncode == 0
    have_openai_trust(deployer, role_of(deployer))

    # When it is deployed
    done = deployer.deploy("--yes")

    # Then it is said what to set up, and the commands to try are still the last
    assert done.returncode == 0, done.stderr
    assert "Note: Streams do not work" in done.stdout
    assert "Next, ask it something" in done.stdout.rpartition("Note: Streams")[2]

    # And a stream says what is wrong, while queries are answered
    gateway = deployer.aws.client("apigateway")
    key = gateway.get_api_key(apiKey=deployer.output("ApiKeyId"), includeValue=True)["value"]

    def ask(path: str) -> Any:
        headers = ("-H", f"x-api-key: {key}", "-H", "content-type: application/json")
        url = deployer.output("ApiUrl") + path
        asked = deployer.aws.run("curl", "--silent", url, *headers, "-d", '{"query": "Porto?"}')
        return json.loads(asked.stdout)

    assert ask("")["status"] == "success"
    refused = ask("/stream")
    assert refused["code"] == "credential_rejected"
    assert "docs/operations/keyless.md" in refused["message"]

    # When that is set up, then both work
    set_up_openai(deployer, done.stdout)
    done = deployer.deploy("--yes")
    assert "OpenAI accepted the role of the function that streams" in done.stdout
    assert "Note: Streams" not in done.stdout


def test_back_to_a_key(deployer: Deployer) -> None:
    # Given a stack that had a key once, and its owner revoked that
    deployer.deploy("--yes", key=GOOD_KEY)
    set_up_openai(deployer, deployer.deploy("--keyless", "--yes", *IDS).stdout)
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
    assert f"remove the mapping of {role_of(deployer)} and " in " ".join(plan.split())
    at_the_end = " ".join(rest.partition("ask it something")[2].split())
    streams = deployer.output("StreamFunctionRoleArn")
    for said in (role_of(deployer), streams, "wip_acme", "sa_travel", "inherits the trust"):
        assert said in at_the_end
