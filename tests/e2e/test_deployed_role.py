"""What the deployed function may do with its role, IAM enforced: read one secret and write its log."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.fake_aws import FakeAws, start_fake_aws
from tests.support.clone import make_built_clone
from tests.support.permissions import FAILURE_TTL, client_as, refused

KEY = "sk-proj-Deployed3Role7Key1Qw"
OWN = "travel-gpt/openai-api-key"
# The first three begin with its name; six characters after a dash are what AWS itself puts there.
NEIGHBOURS = [
    "travel-gpt/openai-api-key-backup",
    "travel-gpt/openai-api-key-abcdef",
    "travel-gpt/openai-api-key-abcdef-ghijkl",
    "travel-gpt-dev/openai-api-key",
    "somebody-else",
]


class Deployed:
    """The stack, deployed by the real ``sam``, with secrets of others beside its own."""

    def __init__(self, aws: FakeAws, clone: Path) -> None:
        self.aws = aws
        self.secrets = aws.client("secretsmanager")
        for name in [OWN, *NEIGHBOURS]:
            self.secrets.create_secret(Name=name, SecretString=json.dumps({"api_key": KEY}))
        aws.openai.accept(KEY)
        aws.make_logging_role()
        done = aws.run("sam", "deploy", cwd=clone)
        assert done.returncode == 0, done.stdout + done.stderr
        stack = aws.client("cloudformation").describe_stacks(StackName="travel-gpt-backend")["Stacks"][0]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        self.function = aws.function(self.outputs["FunctionName"])
        self.role = self.function.configuration["Role"].rsplit("/", 1)[-1]

    def caller_key(self) -> str:
        """The value of the API key that the stack made."""
        gateway = self.aws.client("apigateway")
        key = gateway.get_api_key(apiKey=self.outputs["ApiKeyId"], includeValue=True)
        return str(key["value"])

    def ask(self, query: str, key: str) -> Any:
        """What the deployed API answers to a query."""
        headers = ["--header", f"x-api-key: {key}", "--header", "content-type: application/json"]
        return self.curl(*headers, "--data", json.dumps({"query": query}))

    def lines(self, group: str) -> list[str]:
        """The lines of a log group."""
        found = self.aws.client("logs").filter_log_events(logGroupName=group)["events"]
        return [each["message"] for each in found]

    def as_the_role(self, service: str, region: str | None = None) -> Any:
        """A client with the credentials that Lambda would give the function."""
        return client_as(self.aws, self.function.configuration["Role"], service, region)

    def send(self, path: str, *arguments: str) -> tuple[int, str]:
        """The status and the body that a path below the API's address answers."""
        show = ["--silent", "--show-error", "--no-buffer", "--write-out", "\n%{http_code}"]
        done = self.aws.run("curl", *show, self.outputs["ApiUrl"] + path, *arguments)
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def curl(self, *arguments: str) -> Any:
        """What the deployed API answers."""
        done = self.aws.run("curl", "--silent", "--show-error", self.outputs["ApiUrl"], *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    own = folder / "aws"
    own.mkdir()
    with start_fake_aws(own) as aws:
        yield Deployed(aws, make_built_clone(folder / "clone"))


class TestItsOwnSecret:
    @pytest.mark.parametrize("by", ["name", "arn"])
    def test_is_readable(self, deployed: Deployed, by: str) -> None:
        asked = OWN if by == "name" else deployed.secrets.describe_secret(SecretId=OWN)["ARN"]

        found = deployed.as_the_role("secretsmanager").get_secret_value(SecretId=asked)

        assert json.loads(found["SecretString"]) == {"api_key": KEY}

    def test_can_be_described(self, deployed: Deployed) -> None:
        assert deployed.as_the_role("secretsmanager").describe_secret(SecretId=OWN)["Name"] == OWN

    def test_is_enough_to_answer_a_query(self, deployed: Deployed) -> None:
        deployed.aws.forget_calls()
        deployed.function.restart()

        health = deployed.curl()
        answer = deployed.ask("Two days in Porto?", deployed.caller_key())

        assert health["status"] == "success"
        assert "Two days in Porto?" in answer["answer"]
        assert [call.key for call in deployed.aws.openai.requests][-1] == KEY
        # Then: in all of that, its role was used to read the secret once, for limits, and to write its log.
        made = [c.name for c in deployed.aws.calls(mutating=False) if c.caller == deployed.role]
        assert Counter(name for name in made if not name.startswith("logs:")) == {
            "secretsmanager:GetSecretValue": 1,
            # The client's record and the flag; the counters of the client and the stack, before and after.
            "dynamodb:BatchGetItem": 1,
            "dynamodb:UpdateItem": 4,
        }

    @pytest.mark.parametrize(
        ("action", "arguments"),
        [
            ("put_secret_value", {"SecretString": "{}"}),
            ("update_secret", {"Description": "mine"}),
            ("delete_secret", {}),
            ("restore_secret", {}),
            ("tag_resource", {"Tags": [{"Key": "a", "Value": "b"}]}),
            ("put_resource_policy", {"ResourcePolicy": "{}"}),
            ("update_secret_version_stage", {"VersionStage": "AWSCURRENT"}),
            ("rotate_secret", {}),
            ("list_secret_version_ids", {}),
        ],
    )
    def test_cannot_be_changed(self, deployed: Deployed, action: str, arguments: dict[str, Any]) -> None:
        client = deployed.as_the_role("secretsmanager")

        refused(getattr(client, action), SecretId=OWN, **arguments)

        assert json.loads(deployed.secrets.get_secret_value(SecretId=OWN)["SecretString"])["api_key"] == KEY

    @pytest.mark.parametrize("how", [{"RecoveryWindowInDays": 7}, {"ForceDeleteWithoutRecovery": True}])
    def test_is_distinguished_from_a_denied_one_when_it_is_gone(
        self, deployed: Deployed, how: dict[str, Any]
    ) -> None:
        deployed.function.restart()
        deployed.secrets.delete_secret(SecretId=OWN, **how)
        try:
            health = deployed.curl()
        finally:
            if "RecoveryWindowInDays" in how:
                deployed.secrets.restore_secret(SecretId=OWN)
            else:
                deployed.secrets.create_secret(Name=OWN, SecretString=json.dumps({"api_key": KEY}))

        assert (health["status"], health["code"], health["has_api_key"]) == (
            "error",
            "secret_not_found",
            False,
        )
        # Then: it is found again without a new deployment, once the remembered failure is over.
        time.sleep(FAILURE_TTL)
        assert deployed.curl()["status"] == "success"


class TestSecretsOfOthers:
    @pytest.mark.parametrize("name", NEIGHBOURS)
    @pytest.mark.parametrize("action", ["get_secret_value", "describe_secret", "put_secret_value"])
    def test_are_refused(self, deployed: Deployed, name: str, action: str) -> None:
        client = deployed.as_the_role("secretsmanager")
        arguments = {"SecretString": "{}"} if action == "put_secret_value" else {}

        message = refused(getattr(client, action), SecretId=name, **arguments)

        # It names the resource as the caller did: see testbed.access.
        assert f"on resource: {name} because" in message

    def test_of_the_same_name_in_another_region_is_refused(self, deployed: Deployed) -> None:
        elsewhere = deployed.aws.client("secretsmanager", "eu-west-1")
        elsewhere.create_secret(Name=OWN, SecretString="{}")

        refused(deployed.as_the_role("secretsmanager", "eu-west-1").get_secret_value, SecretId=OWN)

    def test_cannot_be_listed_or_read_in_bulk(self, deployed: Deployed) -> None:
        client = deployed.as_the_role("secretsmanager")

        refused(client.list_secrets)
        refused(client.batch_get_secret_value, SecretIdList=[OWN, NEIGHBOURS[0]])

    def test_are_distinguished_in_health_when_one_is_configured(self, deployed: Deployed) -> None:
        functions, name = deployed.aws.client("lambda"), deployed.outputs["FunctionName"]
        before = deployed.function.environment
        pointed = {**before, "OPENAI_SECRET_NAME": NEIGHBOURS[0]}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": pointed})
        try:
            health = deployed.curl()
        finally:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})

        assert (health["status"], health["code"], health["has_api_key"]) == ("error", "access_denied", False)


def record(key: str, **attributes: str) -> dict[str, Any]:
    """An item as the command writes it: a client, an API key's client, or a flag."""
    return {"pk": {"S": key}, "sk": {"S": "record"}, **{name: {"N": n} for name, n in attributes.items()}}


class Table:
    """The stack's table, as the role and as its owner."""

    def __init__(self, deployed: Deployed) -> None:
        self.name = deployed.outputs["ClientTableName"]
        self.aws = deployed.aws
        self.stream_role = deployed.outputs["StreamFunctionRoleArn"]
        self.role = deployed.as_the_role("dynamodb")
        self.owner = deployed.aws.client("dynamodb")

    def update(self, key: str, table: str = "") -> dict[str, Any]:
        """The arguments of an update that counts one request of a minute."""
        return {
            "TableName": table or self.name,
            "Key": record(key),
            "UpdateExpression": "ADD per_minute :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }

    def read(self, *keys: str) -> dict[str, Any]:
        """The arguments of a read of several items."""
        return {"RequestItems": {self.name: {"Keys": [record(key) for key in keys]}}}

    def items(self) -> list[Any]:
        """Everything in it."""
        found: list[Any] = self.owner.scan(TableName=self.name)["Items"]
        return sorted(found, key=str)


@pytest.fixture
def table(deployed: Deployed) -> Iterator[Table]:
    """The table with a client that may send 10 requests a minute."""
    table = Table(deployed)
    items = [record("client#acme", per_minute="10"), record("key#acme"), record("flag#paused")]
    for item in items:
        table.owner.put_item(TableName=table.name, Item=item)
    yield table
    for item in items:
        table.owner.delete_item(TableName=table.name, Key={name: item[name] for name in ("pk", "sk")})


CONFIGURATION = ["client#acme", "key#acme", "flag#paused"]
COUNTERS = ["usage#acme", "idempotency#acme#1"]
REDEEMED = ["invitation#1", "redemption#1", "guess#address-1"]


class TestItsTable:
    def test_configuration_is_readable_and_counters_are_countable(self, table: Table) -> None:
        found = table.role.batch_get_item(**table.read(*CONFIGURATION))["Responses"][table.name]
        for key in COUNTERS:
            table.role.update_item(**table.update(key))

        assert sorted(each["pk"]["S"] for each in found) == sorted(CONFIGURATION)

    @pytest.mark.parametrize("key", CONFIGURATION)
    def test_configuration_cannot_be_changed(self, table: Table, key: str) -> None:
        before = table.items()
        where = {"TableName": table.name}
        written = {"PutRequest": {"Item": record(key, per_minute="1000")}}

        refused(table.role.update_item, **table.update(key))
        refused(table.role.put_item, **where, Item=record(key, per_minute="1000"))
        refused(table.role.delete_item, **where, Key=record(key))
        refused(table.role.batch_write_item, RequestItems={table.name: [written]})
        refused(table.role.transact_write_items, TransactItems=[{"Update": table.update(key)}])
        refused(table.role.execute_statement, Statement=f"DELETE FROM \"{table.name}\" WHERE pk='{key}'")
        assert table.items() == before

    def test_sessions_are_readable_and_writable_and_so_is_what_is_redeemed(self, table: Table) -> None:
        for key in ("session#1", *REDEEMED):
            table.role.update_item(**table.update(key))
        # With what a request reads at once.
        for keys in (["session#1"], REDEEMED, ["usage#acme", "usage#stack"]):
            table.role.batch_get_item(**table.read(*keys))

    @pytest.mark.parametrize("key", ["idempotency#acme#1", "name#acme", "Client#acme", "clients"])
    def test_nothing_else_can_be_read(self, table: Table, key: str) -> None:
        refused(table.role.batch_get_item, **table.read(key))
        refused(table.role.batch_get_item, **table.read("client#acme", key))

    @pytest.mark.parametrize("key", ["name#acme", "session", "usage", "Usage#acme", " usage#acme"])
    def test_nothing_else_can_be_updated(self, table: Table, key: str) -> None:
        refused(table.role.update_item, **table.update(key))

    def test_it_cannot_be_listed_or_changed_as_a_whole(self, table: Table) -> None:
        where = {"TableName": table.name}
        condition = {
            "KeyConditionExpression": "pk = :key",
            "ExpressionAttributeValues": {":key": {"S": "client#acme"}},
        }

        refused(table.role.scan, **where)
        refused(table.role.query, **where, **condition)
        refused(table.role.get_item, **where, Key=record("client#acme"))
        refused(table.role.describe_table, **where)
        refused(table.role.update_table, **where, DeletionProtectionEnabled=False)
        refused(table.role.delete_table, **where)
        refused(table.role.list_tables)
        refused(
            table.role.update_time_to_live,
            **where,
            TimeToLiveSpecification={"AttributeName": "per_minute", "Enabled": True},
        )

    def test_another_table_is_refused(self, table: Table) -> None:
        name = f"{table.name}-2"
        table.owner.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        both = table.read("client#acme")["RequestItems"]

        refused(table.role.update_item, **table.update("usage#acme", name))
        refused(table.role.batch_get_item, RequestItems={**both, name: both[table.name]})


class TestAStream:
    """The second function, started by the program that the package has for it."""

    def arguments(self, deployed: Deployed, query: str) -> list[str]:
        key = f"x-api-key: {deployed.caller_key()}"
        return [
            *("--header", key, "--header", "content-type: application/json"),
            *("--data", json.dumps({"query": query})),
        ]

    def test_is_answered_with_events_under_a_role_of_its_own(self, deployed: Deployed) -> None:
        deployed.aws.forget_calls()

        status, body = deployed.send("/stream", *self.arguments(deployed, "A day in Évora?"))

        assert status == 200, body
        events = [part.partition("\n")[0].removeprefix("event: ") for part in body.strip().split("\n\n")]
        assert (events[0], events[-2:]) == ("start", ["usage", "done"]), body
        assert set(events[1:-2]) == {"delta"}
        role = deployed.aws.function(deployed.outputs["StreamFunctionName"]).configuration["Role"]
        assert role == deployed.outputs["StreamFunctionRoleArn"] != deployed.function.configuration["Role"]
        made = [c.name for c in deployed.aws.calls(mutating=False) if c.caller == role.rsplit("/", 1)[-1]]
        assert Counter(name for name in made if not name.startswith("logs:")) == {
            "secretsmanager:GetSecretValue": 1,
            "dynamodb:BatchGetItem": 1,
            "dynamodb:UpdateItem": 4,
        }
        written = deployed.lines(deployed.outputs["StreamLogGroupName"])
        (line,) = [json.loads(each) for each in written if '"message":"Answered a request"' in each]
        assert (line["stream"], line["outcome"], line["client"]) == (True, "success", "owner")

    def test_is_refused_as_every_query_is(self, deployed: Deployed) -> None:
        arguments = self.arguments(deployed, "A day in Évora?")

        assert deployed.send("/stream", *arguments[2:])[0] == 403
        status, body = deployed.send("/stream", *arguments[:-1], '{"query": ""}')
        assert (status, json.loads(body)["code"]) == (400, "invalid_query")

    def test_is_stopped_by_the_other_function_which_cannot_read_the_flag(self, table: Table) -> None:
        # A stop request updates the flag; the function that streams reads it, and can set none.
        stream = client_as(table.aws, table.stream_role, "dynamodb")

        table.role.update_item(**table.update("stop#acme#1"))
        refused(table.role.batch_get_item, **table.read("stop#acme#1"))
        found = stream.batch_get_item(**table.read("stop#acme#1", "client#acme"))["Responses"][table.name]
        assert sorted(each["pk"]["S"] for each in found) == ["client#acme", "stop#acme#1"]
        refused(stream.update_item, **table.update("stop#acme#1"))
        refused(stream.update_item, **table.update("client#acme"))
        for key in COUNTERS:
            stream.update_item(**table.update(key))
            refused(stream.batch_get_item, **table.read(key))

    def test_uses_sessions_and_redeems_nothing(self, table: Table) -> None:
        stream = client_as(table.aws, table.stream_role, "dynamodb")

        stream.update_item(**table.update("session#1"))
        stream.batch_get_item(**table.read("session#1"))
        for key in REDEEMED:
            refused(stream.batch_get_item, **table.read(key))
            refused(stream.update_item, **table.update(key))

    def test_has_a_role_that_can_read_no_other_secret(self, deployed: Deployed) -> None:
        secrets = client_as(deployed.aws, deployed.outputs["StreamFunctionRoleArn"], "secretsmanager")

        assert json.loads(secrets.get_secret_value(SecretId=OWN)["SecretString"]) == {"api_key": KEY}
        for name in NEIGHBOURS:
            refused(secrets.get_secret_value, SecretId=name)
        refused(secrets.put_secret_value, SecretId=OWN, SecretString="{}")


class TestAQueryOfTheOwner:
    def test_is_counted_in_the_table_with_its_cost(self, deployed: Deployed) -> None:
        table = Table(deployed)

        def counted() -> dict[str, Counter[str]]:
            return {
                item["pk"]["S"]: Counter({n: int(value["N"]) for n, value in item.items() if "N" in value})
                for item in table.items()
                if item["pk"]["S"] in ("usage#owner", "usage#stack")
            }

        before = counted()
        answer = deployed.ask("Two days in Porto?", deployed.caller_key())
        after = counted()

        cost = round(answer["usage"]["cost_usd"] * 1e9)
        assert cost > 0
        assert set(after) == {"usage#owner", "usage#stack"}
        for name, counters in after.items():
            grown = counters - before.get(name, Counter())
            (requests,) = (n for key, n in grown.items() if key.endswith(".requests"))
            # What was reserved was replaced by what the answer cost.
            assert (grown["cost"], requests) == (cost, 1)
            assert not [key for key in counters if key.startswith("r") and "." in key]
        # And the caller's key is nowhere in the table, nor OpenAI's.
        written = json.dumps(table.items())
        assert deployed.caller_key() not in written
        assert KEY not in written


class TestEverythingElse:
    @pytest.mark.parametrize(
        ("service", "action", "arguments"),
        [
            ("secretsmanager", "create_secret", {"Name": f"{OWN}-mine", "SecretString": "{}"}),
            ("iam", "put_role_policy", {"RoleName": "ROLE", "PolicyName": "more", "PolicyDocument": "{}"}),
            ("iam", "list_roles", {}),
            ("sts", "assume_role", {"RoleArn": "ROLE_ARN", "RoleSessionName": "again"}),
            ("lambda", "update_function_configuration", {"FunctionName": "FUNCTION", "Timeout": 900}),
            ("lambda", "invoke", {"FunctionName": "FUNCTION"}),
            ("apigateway", "get_api_keys", {"includeValues": True}),
            ("cloudformation", "describe_stacks", {}),
            ("s3", "list_buckets", {}),
            ("sns", "list_topics", {}),
            (
                "cloudwatch",
                "put_metric_data",
                {"Namespace": "TravelGPT", "MetricData": [{"MetricName": "a"}]},
            ),
            ("logs", "describe_log_groups", {}),
        ],
    )
    def test_is_refused(
        self, deployed: Deployed, service: str, action: str, arguments: dict[str, Any]
    ) -> None:
        own = {
            "ROLE": deployed.role,
            "ROLE_ARN": deployed.function.configuration["Role"],
            "FUNCTION": deployed.outputs["FunctionName"],
        }
        given = {name: own.get(str(value), value) for name, value in arguments.items()}

        refused(getattr(deployed.as_the_role(service), action), **given)

    def test_its_own_log_group_can_be_written(self, deployed: Deployed) -> None:
        logs, where = deployed.as_the_role("logs"), {"logGroupName": deployed.outputs["LogGroupName"]}

        logs.create_log_stream(**where, logStreamName="stream")
        logs.put_log_events(
            **where, logStreamName="stream", logEvents=[{"timestamp": 1795184559000, "message": "a line"}]
        )

        refused(logs.delete_log_group, **where)
        refused(logs.get_log_events, **where, logStreamName="stream")

    @pytest.mark.parametrize("group", ["/aws/lambda/travel-gpt-backend-TravelGPTFunction-2", "/aws/other"])
    def test_log_groups_of_others_cannot_be_written(self, deployed: Deployed, group: str) -> None:
        deployed.aws.client("logs").create_log_group(logGroupName=group)

        refused(deployed.as_the_role("logs").create_log_stream, logGroupName=group, logStreamName="mine")


class TestLogs:
    def test_sam_shows_the_functions(self, deployed: Deployed) -> None:
        health = deployed.curl()

        printed = deployed.aws.run(
            *("sam", "logs", "--name", "TravelGPTFunction", "--stack-name", "travel-gpt-backend")
        )

        assert printed.returncode == 0, printed.stderr
        assert health["request_id"] in printed.stdout

    def test_access_logs_tell_who_called_and_never_with_which_key(self, deployed: Deployed) -> None:
        group, key = deployed.outputs["AccessLogGroupName"], deployed.caller_key()
        before = len(deployed.lines(group))

        answered = deployed.ask("Two days in Porto?", key)
        turned_away = deployed.ask("Two days in Porto?", f"{key}-not")

        lines = deployed.lines(group)[before:]
        first, second = map(json.loads, lines)
        assert (first["request_id"], second["request_id"]) == (
            answered["request_id"],
            turned_away["request_id"],
        )
        assert (first["status"], first["api_key_id"]) == ("200", deployed.outputs["ApiKeyId"])
        assert (second["status"], second["refusal"]) == ("403", "INVALID_API_KEY")
        assert not [line for line in lines if key[:10] in line]

    def test_neither_key_is_in_the_functions_log(self, deployed: Deployed) -> None:
        key = deployed.caller_key()
        deployed.aws.openai.reject(KEY)
        try:
            answer = deployed.ask("Two days in Porto?", key)
        finally:
            deployed.aws.openai.accept(KEY)

        lines = deployed.lines(deployed.outputs["LogGroupName"])
        assert answer["code"] == "credential_rejected"
        assert [line for line in lines if answer["request_id"] in line]
        assert not [line for line in lines if KEY[:12] in line or key[:10] in line]
