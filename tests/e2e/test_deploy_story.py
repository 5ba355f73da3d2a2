"""The story of a deployment: the next runs, a rotation of the key, other environments, the end."""

import json
import re

from tests.fakes.openai import RESPONSES, behaviours
from tests.support.deployer import BAD_KEY, GOOD_KEY, NEW_KEY, Deployer


def test_rotating_the_key_changes_only_the_key_and_an_old_one_does_not_undo_it(deployer: Deployer) -> None:
    # Given a deployed stack
    assert deployer.deploy("--yes", key=GOOD_KEY).returncode == 0
    deployer.aws.forget_calls()

    # When a refused key is to replace the stored one, or one that cannot be verified
    refused = deployer.deploy("--yes", "--replace-key", key=BAD_KEY)
    deployer.aws.openai.upstream.script("models", *[behaviours.unavailable()] * 3)
    unverified = deployer.deploy("--yes", "--replace-key", key=NEW_KEY)

    # Then it stops, and the stored one stays
    assert refused.returncode == 1
    assert "refuses the key" in refused.stderr
    assert unverified.returncode == 1
    assert "could not be verified" in unverified.stderr
    assert deployer.secret() == {"api_key": GOOD_KEY}
    assert deployer.changes() == []

    # When a verified key replaces it, in a secret that holds more than a key
    value = {"api_key": GOOD_KEY, "organization": "org-travel"}
    deployer.aws.client("secretsmanager").put_secret_value(
        SecretId="travel-gpt/openai-api-key", SecretString=json.dumps(value)
    )
    deployer.aws.forget_calls()
    replaced = deployer.deploy("--yes", "--replace-key", key=f"  {NEW_KEY}\n")

    # Then the key is replaced, the rest stays, and so does the stack
    assert replaced.returncode == 0, replaced.stderr
    assert deployer.secret() == {"api_key": NEW_KEY, "organization": "org-travel"}
    assert deployer.changes() == ["secretsmanager:PutSecretValue"]
    assert deployer.aws.openai.requests[-1].headers["openai-organization"] == "org-travel"

    # When the old key is still exported afterwards
    deployer.aws.forget_calls()
    old = deployer.deploy("--yes", key=GOOD_KEY)

    # Then it does not undo the rotation, and the person reads that
    assert old.returncode == 0, old.stderr
    assert deployer.secret()["api_key"] == NEW_KEY
    assert deployer.changes() == []
    assert "Nothing to change" in old.stdout
    assert "it is not used" in old.stdout
    assert "--replace-key" in old.stdout


def before_the_tls_policy(template: str) -> str:
    """The template without the API's TLS policy, and with the stamp of an API without it."""
    without = re.sub(r"^      (SecurityPolicy|EndpointAccessMode): .*\n", "", template, flags=re.MULTILINE)
    without = re.sub(r"^  TlsPolicy:\n(    .*\n)+", "", without, flags=re.MULTILINE)
    assert len(without) < len(template)
    return re.sub(r"(ApiDeployment(?:WithKey|Open))[0-9a-f]{8}", r"\g<1>00000000", without)


def test_an_environment_is_deployed_changed_removed_and_brought_back(newcomer: Deployer) -> None:
    # A first deployment elsewhere made the logging role, and this region's API Gateway does not know it.
    newcomer.aws.make_logging_role("api-gateway-writes-logs", named=False)
    newcomer.aws.hurry_update_account()
    deployer, stack, secret = newcomer, "travel-gpt-backend-dev", "travel-gpt-dev/openai-api-key"

    # Given a first deployment of dev with options, of a release whose API took TLS 1.0
    built = deployer.clone / ".aws-sam/build/template.yaml"
    template = built.read_text("utf-8")
    built.write_text(before_the_tls_policy(template), "utf-8")
    # And given something that collects what streams, on the way to the owner
    slow = behaviours.answer("Lisbon is warm in May, and the evenings are long.", pause=0.05)
    deployer.aws.openai.upstream.default(RESPONSES, slow)
    deployer.aws.gateway.collects_streams = True
    first = deployer.deploy(
        "--env=dev",
        "--yes",
        "--create-logging-role",
        *("--access", "open", "--model", "gpt-6.1-terra", "--alarm-email", "owner@example.com"),
        *("--parameter", "ThrottleRate=2"),
        key=GOOD_KEY,
    )

    # Then they are the stack's, beside what samconfig.toml reports for dev
    assert first.returncode == 0, first.stderr
    # And then: the plan said what the stack costs while unused, and what an open API may spend
    cost = re.search(r"Cost +([\d.]+) USD a month while unused \(1 secret, \d+ alarms", first.stdout)
    assert cost
    assert float(cost[1]) <= 3
    assert "up to 5 USD a day and 50 USD a month" in " ".join(first.stdout.split())
    given = {
        "ApiAccess": "open",
        "OpenAIModel": "gpt-6.1-terra",
        "AlarmEmail": "owner@example.com",
        "ThrottleRate": "2",
        "SecretName": secret,
        "LogRetentionDays": "7",
        "LogLevel": "DEBUG",
        "AccessLogs": "enabled",
        # What a new stack has, and an existing one only if its owner says so.
        "CredentialExpiry": "enforce",
        "WebPage": "enabled",
    }
    assert given.items() <= deployer.parameters(stack).items()
    assert deployer.secret(secret) == {"api_key": GOOD_KEY}
    assert deployer.stack() is None
    assert deployer.secret() is None
    role = deployer.aws.client("apigateway").get_account()["cloudwatchRoleArn"]
    policies = deployer.aws.client("iam").list_attached_role_policies(RoleName=role.split("/")[-1])
    assert [policy["PolicyName"] for policy in policies["AttachedPolicies"]] == [
        "AmazonAPIGatewayPushToCloudWatchLogs"
    ]
    assert role.endswith(":role/api-gateway-writes-logs")
    assert "Name the IAM role api-gateway-writes-logs, which is there" in " ".join(first.stdout.split())
    url = deployer.output("ApiUrl", stack)
    # An open API needs no key, and its page no invitation.
    assert "x-api-key" not in first.stdout
    page = deployer.output("PageUrl", stack)
    assert page == f"{url}/app"
    assert f"on which anybody may ask\n  {page}\n" in first.stdout
    assert "travel-gpt invite" not in first.stdout
    # And then: streaming was turned off after two measurements
    assert deployer.parameters(stack)["Streaming"] == "off"
    assert "because the events arrived in one burst" in " ".join(first.stdout.split())
    assert "./deploy.sh --env dev --parameter Streaming=on" in first.stdout
    assert len(deployer.aws.openai.upstream.calls_to(RESPONSES)) == 2

    # When one of them is changed
    built.write_text(template, "utf-8")
    second = deployer.deploy("--env", "dev", "--yes", "--parameter", "ThrottleRate=3")

    # Then the others stay as the owner set them, and the change is shown
    assert second.returncode == 0, second.stderr
    assert deployer.parameters(stack) == {**deployer.parameters(stack), **given, "ThrottleRate": "3"}
    assert "2 → 3" in second.stdout
    # And then: what the measurement turned off stays off, without a further one, until the owner asks for it
    assert deployer.parameters(stack)["Streaming"] == "off"
    assert len(deployer.aws.openai.upstream.calls_to(RESPONSES)) == 2
    assert "Measure" not in second.stdout
    asked = deployer.deploy("--env", "dev", "--dry-run", "--parameter", "Streaming=on")
    assert "off → on" in asked.stdout
    assert "Measure whether an answer streams" in asked.stdout
    # And then: the same API has a TLS policy now, of which the plan and the end say that it takes its time
    assert deployer.output("ApiUrl", stack) == url
    api = url.split("//")[1].split(".")[0]
    served = deployer.aws.server.control("stage", region="us-east-1", api=api, stage="Prod")
    assert served["securityPolicy"] == deployer.output("TlsPolicy", stack)
    plan, _, after = second.stdout.partition("Updating the stack")
    assert "changes its TLS policy from API Gateway's default" in " ".join(plan.split())
    assert f"get-rest-api --rest-api-id {api} --query apiStatus" in after

    # Given API keys of a client of this stack and of another one
    gateway, table = deployer.aws.client("apigateway"), deployer.output("ClientTableName", stack)
    mine, other = (
        gateway.create_api_key(name=f"{name}-ann", enabled=True, tags={"travel-gpt:stack": name})["id"]
        for name in (stack, "travel-gpt-backend")
    )

    # When the environment is deleted
    removed = deployer.deploy("--env", "dev", "--delete", "--yes")

    # Then the stack is gone and the secret stays
    assert removed.returncode == 0, removed.stderr
    assert deployer.stack(stack) is None
    assert deployer.secret(secret) == {"api_key": GOOD_KEY}
    assert removed.stdout.rstrip().endswith("./deploy.sh --env dev --delete --delete-secret")
    # And then: the client's key is gone, that of the other stack is not, and the table stays
    assert "Delete the API key of 1 client" in removed.stdout
    left = [key["id"] for key in gateway.get_api_keys()["items"]]
    assert (mine in left, other in left) == (False, True)
    assert deployer.aws.client("dynamodb").describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    assert f"aws dynamodb delete-table --table-name {table} --region us-east-1" in removed.stdout

    # When the secret is deleted too
    gone = deployer.deploy("--env", "dev", "--delete", "--delete-secret", "--yes")

    # Then it is scheduled for deletion, and the command to restore it is printed
    assert gone.returncode == 0, gone.stderr
    described = deployer.aws.client("secretsmanager").describe_secret(SecretId=secret)
    assert described["DeletedDate"]
    assert f"aws secretsmanager restore-secret --secret-id {secret} --region us-east-1" in gone.stdout

    # When dev is deployed again, with another key exported
    back = deployer.deploy("--env", "dev", "--yes", key=NEW_KEY)

    # Then the secret is restored as it was, and the key is not used
    assert back.returncode == 0, back.stderr
    assert deployer.secret(secret) == {"api_key": GOOD_KEY}
    assert "Restored" in back.stdout
    assert "it is not used" in back.stdout
    # In dev: the same command without --env would replace the key of production.
    assert "./deploy.sh --env dev --replace-key" in " ".join(back.stdout.split())
