"""The commands of clients, with an account of moto and an API that knows its keys and clients."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.fakes.dynamodb import TABLE, FakeTable
from tests.fakes.loopback_server import Answer, LoopbackServer
from tests.support.secret_leaks import files_with, holds
from tests.unit.cli.conftest import Done, Person
from travel_gpt.api.responses import status_of
from travel_gpt.aws.table import Table
from travel_gpt.cli.client import commands, plan
from travel_gpt.cli.errors import DONE, FAILED, USAGE
from travel_gpt.errors import LimitError, TravelGPTError
from travel_gpt.guard.clients import Client, ClientDirectory
from travel_gpt.guard.limits import Limits
from travel_gpt.settings import Settings

STACK = "travel-gpt-backend"
MONTH = f"{datetime.now(UTC):%Y-%m}"


class Api(LoopbackServer):
    """The API of the stack: API Gateway's keys and usage plan, and the function's own clients.

    The statuses are those of docs/openapi.json: 403 for a key that is unknown, disabled or in no usage plan,
    and 400 for an empty body. That a new key takes a while to be known is assumed.

    Attributes:
        unknown_for: POSTs until a key is known.
        seen: the headers of each request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unknown_for = 0
        self.seen: list[dict[str, str]] = []

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Answer one POST."""
        assert (request.command, body) == ("POST", b"")
        self.seen.append({name.lower(): value for name, value in request.headers.items()})
        status, code = self._refusal(self.seen[-1].get("x-api-key", ""))
        return status, {"Content-Type": "application/json"}, json.dumps({"code": code}).encode()

    def _refusal(self, value: str) -> tuple[int, str]:
        self.unknown_for -= 1
        key_id = key_of(value)
        if self.unknown_for >= 0 or key_id is None:
            return 403, "forbidden"
        try:
            client_of(key_id)
        except TravelGPTError as refused:
            return status_of(refused), refused.code
        return 400, "invalid_json"


def key_of(value: str) -> str | None:
    """The id of the key that API Gateway lets through by its value."""
    gateway: Any = boto3.client("apigateway")
    (usage_plan,) = gateway.get_usage_plans()["items"]
    planned = {each["id"] for each in gateway.get_usage_plan_keys(usagePlanId=usage_plan["id"])["items"]}
    for each in gateway.get_api_keys(includeValues=True)["items"]:
        if each["value"] == value and each["enabled"] and each["id"] in planned:
            return str(each["id"])
    return None


def client_of(key_id: str) -> Client:
    """What the function makes of a key's id."""
    settings = Settings.load({"OWNER_API_KEY_ID": owner_key_id()})
    return ClientDirectory(settings, Table(TABLE, send=FakeTable().send)).client_of_key(key_id)


def owner_key_id() -> str:
    outputs = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    return next(each["OutputValue"] for each in outputs if each["OutputKey"] == "ApiKeyId")


def make_stack(name: str, parameters: dict[str, str] | None = None, **outputs: str) -> None:
    template = {
        "Parameters": {
            parameter: {"Type": "String", "Default": value} for parameter, value in (parameters or {}).items()
        },
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


@pytest.fixture
def api(person: Person, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:  # noqa: ARG001 - its account
    """The stack with its table, usage plan and API."""
    gateway = boto3.client("apigateway")
    usage_plan = gateway.create_usage_plan(
        name=STACK, throttle={"rateLimit": 5, "burstLimit": 10}, quota={"limit": 1000, "period": "DAY"}
    )
    own = gateway.create_api_key(name=f"{STACK}-owner", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=usage_plan["id"], keyId=own["id"], keyType="API_KEY")
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    monkeypatch.setattr(plan, "_PAUSE", 0.0)
    monkeypatch.setattr(plan, "WAIT", 5)
    monkeypatch.setattr("travel_gpt.cli.client.commands.time.sleep", lambda _: None)
    with Api() as served:
        make_stack(
            STACK,
            ApiUrl=f"{served.url}/Prod/travel-gpt",
            ApiKeyId=own["id"],
            UsagePlanId=usage_plan["id"],
            ClientTableName=TABLE,
            ApiAccess="api-key",
        )
        yield served


Call = Callable[[str, dict[str, Any]], None]


def before_each_call(monkeypatch: pytest.MonkeyPatch, before: Call) -> None:
    """Have something done before each call to AWS, with its operation and parameters."""
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        before(operation, parameters)
        return real(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


def fail(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """Have AWS deny one operation."""
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}

    def refuse(called: str, _: dict[str, Any]) -> None:
        if called == operation:
            raise ClientError(denied, operation)  # type: ignore[arg-type]

    before_each_call(monkeypatch, refuse)


def items() -> dict[str, dict[str, Any]]:
    """The table, by partition key."""
    return {each["pk"]["S"]: each for each in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]}


def put(pk: str, sk: str = "record", **attributes: int | str) -> None:
    values = {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in attributes.items()
    }
    boto3.client("dynamodb").put_item(TableName=TABLE, Item={"pk": {"S": pk}, "sk": {"S": sk}, **values})


def keys() -> set[str]:
    """The ids of the clients' keys at API Gateway."""
    made: Any = boto3.client("apigateway").get_api_keys()["items"]
    return {each["id"] for each in made if each["id"] != owner_key_id()}


def add(person: Person, name: str = "ann", *options: str) -> str:
    """Add a client, and return its key, which is standard output alone."""
    done = person.run("client", "add", name, *options)
    assert done.out.count("\n") == 1
    return done.out.strip()


def shown(person: Person, name: str = "ann") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(person.run("client", "show", name, "--json").out)
    return found


def test_a_new_client_gets_a_key_that_works_when_it_is_shown(person: Person, api: Api) -> None:
    api.unknown_for = 3

    done = person.run(
        "client",
        "add",
        "ann",
        "--per-minute",
        "10",
        "--per-day",
        "500",
        "--budget",
        "2/month",
        "--expires",
        "30d",
    )

    key = done.out.strip()
    assert len(api.seen) == 4
    key_id = key_of(key)
    assert key_id is not None
    client = client_of(key_id)
    assert client.name == "ann"
    assert client.limits == Limits(per_minute=10, per_day=500, budget_per_month=2_000_000_000)
    assert 29 < (client.expires_at - datetime.now(UTC).timestamp()) / 86_400 <= 30
    assert done.out == f"{key}\n"
    assert "Waiting until the new key works" in done.err
    assert "It works.\n" in done.err
    assert done.err.rstrip().endswith("travel-gpt client show ann")
    (made,) = (each for each in boto3.client("apigateway").get_api_keys()["items"] if each["id"] == key_id)
    assert made["tags"] == {"travel-gpt:stack": STACK}
    event = person.audited()[-1]
    assert (event["event"], event["outcome"], event["key_id"]) == ("client.add", "success", key_id)
    assert (event["client"], event["client_name"]) == (client.id, "ann")


def test_a_key_is_on_standard_output_once_and_nowhere_else(person: Person, api: Api) -> None:
    rest: list[str] = []

    def run(*arguments: str, status: int = DONE) -> Done:
        done = person.run("--verbose", *arguments, status=status)
        rest.append(done.err)
        return done

    first = run("client", "add", "ann", "--budget", "1/day").out
    second = run("client", "rotate", "ann").out
    shows = (
        ("client", "list"),
        ("client", "list", "--json"),
        ("client", "show", "ann"),
        ("client", "show", "ann", "--json"),
        ("client", "limit", "ann", "--per-minute", "5"),
        ("client", "disable", "ann"),
        ("client", "enable", "ann"),
        ("usage",),
        ("usage", "--json"),
        ("pause",),
        ("resume",),
    )
    rest += [run(*arguments).out for arguments in shows]
    run("client", "add", "ann", status=USAGE)
    rest.append(json.dumps(items()))
    rest.append(run("client", "remove", "ann", "--yes").out)
    stack: Any = boto3.client("cloudformation").describe_stacks()["Stacks"][0]
    rest.append(json.dumps(stack, default=str))

    assert first != second
    for key in (first.strip(), second.strip()):
        assert len(key) >= 20
        assert any(key == each["x-api-key"] for each in api.seen)
        assert not [text for text in rest if holds(text, key)]
        assert not files_with(key, person.here.parent)
    assert person.audited()[-1]["event"] == "client.remove"


def test_a_name_belongs_to_one_client(person: Person, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    add(person)
    before = keys()
    for name in ("ann", "owner", shown(person)["id"]):
        done = person.run("client", "add", name, status=USAGE, says="already. Choose another name")
        assert not done.out
    for name in ("stack", "address"):
        person.run("client", "add", name, status=USAGE, says=f"The name {name} cannot be a client's")

    # Another person adds the same one at the same moment: after the names were read.
    monkeypatch.setattr("travel_gpt.cli.client.records.ClientRecords.require_new", lambda *_: None)
    person.run("client", "add", "ann", status=USAGE, says="There is a client ann already")

    assert keys() == before
    assert sum(key.startswith("client#") for key in items()) == 1


def test_nothing_is_left_where_the_table_refuses(
    person: Person, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, "TransactWriteItems")

    done = person.run("client", "add", "ann", status=FAILED, says="does not allow you")

    assert not done.out
    assert not keys()
    assert not items()
    assert not api.seen
    assert person.audited()[-1]["outcome"] == "failed"


def test_nothing_is_left_where_the_usage_plan_refuses(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail(monkeypatch, "CreateUsagePlanKey")

    person.run("client", "add", "ann", status=FAILED)

    assert not keys()
    assert not items()


def test_a_key_that_could_not_be_deleted_is_named(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(operation: str, _: dict[str, Any]) -> None:
        if operation in ("TransactWriteItems", "DeleteApiKey"):
            raise ReadTimeoutError(endpoint_url="https://aws")

    before_each_call(monkeypatch, refuse)

    done = person.run("client", "add", "ann", status=FAILED, says="belongs to no client")

    (left,) = keys()
    assert left in done.err


def test_an_interrupted_wait_shows_the_key_nevertheless(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "works", interrupt)

    done = person.run("client", "add", "ann", status=130)
    old = done.out.strip()
    assert key_of(old) in keys()

    done = person.run("client", "rotate", "ann", status=130)
    new = done.out.strip()
    assert {key_of(old), key_of(new)} == keys()
    assert "The old key was kept" in done.err
    assert "It works" not in done.err


def test_a_key_that_stays_unknown_is_shown_with_a_remark(
    person: Person, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.unknown_for = 1000
    monkeypatch.setattr(plan, "WAIT", 0)

    done = person.run("client", "add", "ann")

    assert done.out.strip()
    assert "does not work yet" in done.err
    assert "It works" not in done.err


@pytest.mark.parametrize("options", [("--expires", "1h"), ()])
def test_an_api_that_refuses_for_another_reason_knows_the_key(
    person: Person, api: Api, options: tuple[str, ...]
) -> None:
    person.run("pause")

    add(person, "ann", *options)

    assert len(api.seen) == 1


def test_where_anyone_may_ask_there_is_nothing_to_wait_for(person: Person, api: Api) -> None:
    usage_plan: Any = boto3.client("apigateway").get_usage_plans()["items"][0]["id"]
    make_stack(
        "travel-gpt-backend-dev",
        ApiUrl=api.url,
        ApiKeyId=owner_key_id(),
        UsagePlanId=usage_plan,
        ClientTableName=TABLE,
        ApiAccess="open",
    )

    done = person.run("client", "add", "ann", "--env", "dev")

    assert not api.seen
    assert "POST is open" in done.err
    assert done.err.rstrip().endswith("travel-gpt client show ann --env dev")


IMPOSSIBLE_LIMITS = [
    (("--per-minute", "0"), "--per-minute 0 lets nothing through. For no limit: --per-minute none."),
    (
        ("--per-day", "000"),
        "--per-day 0 lets nothing through. For no limit: --per-day none. To refuse every ",
    ),
    (("--parallel", "0"), "travel-gpt client disable NAME"),
    (("--parallel", "-1"), "--parallel must be a number from 1 to 100, or none for no limit."),
    (("--parallel", "101"), "--parallel must be a number from 1 to 100, or none for no limit."),
    (("--per-day", "1.5"), "--per-day must be a number from 1"),
    (("--per-day", "1000001"), "--per-day must be a number from 1"),
    (("--per-minute", "9" * 5000), "--per-minute must be a number from 1"),
    (("--per-minute", "٣"), "--per-minute must be a number from 1"),
    (("--per-minute", "hunter2"), "--per-minute must be a number from 1"),
    (("--budget", "0/day"), "A budget of 0 lets nothing through. For no budget: --budget none/day."),
    (("--budget", "0.000000/month"), "For no budget: --budget none/month. To refuse every query of a client"),
    (("--budget", "2"), "such as 2/month or 0.50/day. For no budget: --budget none/month, none/day, or none"),
    (("--budget", "0"), "such as 2/month"),
    (("--budget", "hunter2/month"), "such as 2/month"),
    (("--budget", "1/day", "--budget", "2/day"), "twice"),
    (("--budget", "none", "--budget", "2/day"), "twice"),
    (("--expires", "soon"), "--expires must be"),
    (("--expires", "none"), "--expires must be a time such as 12h, 30d or 8w, or never."),
    (("--per-minute", "301"), "lets 300 queries a minute of each key through"),
    (("--per-minute", "301"), "./deploy.sh --parameter ThrottleRate=6\n"),
    (("--per-day", "1001"), "./deploy.sh --parameter DailyQuota=1001\n"),
]


def test_an_impossible_limit_is_refused(person: Person, api: Api) -> None:
    add(person, "bob")
    before = items(), keys(), len(api.seen)

    for options, says in IMPOSSIBLE_LIMITS:
        for command, name in (("add", "ann"), ("limit", "bob")):
            done = person.run("client", command, name, *options, status=USAGE, says=says)
            assert "hunter2" not in done.err

    assert (items(), keys(), len(api.seen)) == before


def test_an_impossible_name_is_refused(person: Person, api: Api) -> None:
    for name in ("", "Ann", "a b", "-ann", "a" * 64, "hunter#2"):
        for command in ("add", "show", "disable", "rotate", "remove"):
            done = person.run("client", command, "--", name, status=USAGE, says="The name of a client")
            assert not name or name not in done.err
    assert not api.seen


def test_a_client_that_does_not_exist(person: Person, api: Api) -> None:
    for command in ("show", "limit", "disable", "enable", "rotate", "remove"):
        options = ("--per-day", "5") if command == "limit" else ()
        person.run("client", command, "ann", *options, status=USAGE, says="There is no client ann")
    assert not api.seen
    assert not items()


COMMANDS = [
    ("client", "add", "ann"),
    ("client", "list"),
    ("client", "show", "ann"),
    ("client", "limit", "ann", "--per-day", "5"),
    ("client", "disable", "ann"),
    ("client", "enable", "ann"),
    ("client", "rotate", "ann"),
    ("client", "remove", "ann"),
    ("usage",),
    ("pause",),
    ("resume",),
]


def test_a_stack_that_cannot_have_clients(person: Person) -> None:
    for command in COMMANDS:
        person.run(*command, status=USAGE, says="There is no stack travel-gpt-backend in this account")
        person.run(*command, "--env", "dev", "--stack", "x", status=USAGE, says="not both")
    make_stack(STACK, ApiUrl="https://api.example", ApiKeyId="abc")
    for command in COMMANDS:
        person.run(*command, status=USAGE, says="older version")


def test_a_table_that_was_deleted(person: Person, api: Api) -> None:
    boto3.client("dynamodb").delete_table(TableName=TABLE)

    for command in COMMANDS:
        person.run(*command, status=USAGE, says=f"The table {TABLE} of the stack does not exist")

    assert not keys()
    assert not api.seen


def test_limit_changes_what_is_given_and_nothing_else(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(person, "ann", "--per-minute", "10", "--budget", "2/month", "--expires", "30d")
    before = shown(person)

    person.run("client", "limit", "ann", "--per-day", "300", "--expires", "never")

    after = shown(person)
    assert after["limits"] == before["limits"] | {"per_day": 300}
    assert after["expires_at"] == 0
    assert after["key_ids"] == before["key_ids"]
    person.run("client", "limit", "ann", status=USAGE, says="No limit was given")
    event = person.audited()[-1]
    assert (event["event"], event["per_day"], event["outcome"]) == ("client.limit", 300, "success")

    # Another person disables the client while its limits are being changed.
    def disable(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "UpdateItem" and ":2" in parameters.get("ExpressionAttributeValues", {}):
            put(f"client#{after['id']}", name="ann", disabled=1)

    before_each_call(monkeypatch, disable)
    person.run("client", "limit", "ann", "--per-day", "200", "--parallel", "2")
    assert shown(person)["disabled"] is True


def test_a_limit_is_lifted_and_the_others_stay(person: Person, api: Api) -> None:  # noqa: ARG001
    limits = ("--per-minute", "10", "--per-day", "300", "--parallel", "2", "--expires", "30d")
    add(person, "ann", *limits, "--budget", "1/day", "--budget", "2/month")
    left = dict(shown(person)["limits"])
    assert all(left.values())

    for options, fields in (
        (("--per-minute", "none"), ["per_minute"]),
        (("--budget", "none/month"), ["budget_per_month"]),
        (("--per-day", "none"), ["per_day"]),
        (("--parallel", "none"), ["parallel"]),
        (("--budget", "none/day", "--expires", "never"), ["budget_per_day"]),
    ):
        done = person.run("client", "limit", "ann", *options)
        left |= dict.fromkeys(fields, 0)
        found = shown(person)
        assert found["limits"] == left
        assert person.audited()[-1][fields[0]] == 0
        assert done.out.count("no limit") == list(left.values()).count(0)
        assert done.out.rstrip().endswith("travel-gpt client list")
    assert found["expires_at"] == 0
    assert "none" in person.run("client", "list").out.splitlines()[-1]

    person.run("client", "limit", "ann", "--budget", "1/day", "--budget", "2/month")
    person.run("client", "limit", "ann", "--budget", "none", "--per-day", "7")
    assert shown(person)["limits"] == left | {"per_day": 7}
    # The function reads it so too.
    (key_id,) = keys()
    assert client_of(key_id).limits == Limits(per_day=7)


def test_a_client_may_be_added_without_a_limit_in_so_many_words(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person, "ann", "--per-minute", "none", "--budget", "none", "--expires", "never")

    assert not any(shown(person)["limits"].values())


def test_a_next_command_is_about_the_same_stack(person: Person, api: Api) -> None:
    usage_plan: Any = boto3.client("apigateway").get_usage_plans()["items"][0]["id"]
    make_stack(
        "travel-gpt-backend-dev",
        ApiUrl=f"{api.url}/Prod/travel-gpt",
        ApiKeyId=owner_key_id(),
        UsagePlanId=usage_plan,
        ClientTableName=TABLE,
        ApiAccess="api-key",
    )
    place = ("--env", "dev", "--region", "us-east-1")

    def said(*arguments: str, status: int = DONE) -> str:
        done = person.run(*arguments, *place, status=status)
        return done.err + done.out

    flags = " --env dev --region us-east-1"
    for arguments, following in (
        (("client", "add", "ann"), "travel-gpt client show ann"),
        (("client", "limit", "ann", "--per-day", "5"), "travel-gpt client list"),
        (("client", "disable", "ann"), "travel-gpt client enable ann"),
        (("client", "enable", "ann"), "travel-gpt client show ann"),
        (("client", "rotate", "ann"), "travel-gpt client show ann"),
        (("pause",), "travel-gpt resume"),
        (("resume",), "travel-gpt usage"),
        (("client", "remove", "ann", "--yes"), "travel-gpt client list"),
    ):
        assert f"{following}{flags}\n" in said(*arguments)
    add(person)
    for arguments, following in (
        (("client", "add", "ann"), "travel-gpt client show ann" + flags),
        (("client", "show", "bob"), "travel-gpt client list" + flags),
        (("client", "rotate", "owner"), "travel-gpt client disable owner" + flags),
        (
            ("client", "limit", "ann", "--per-day", "2000"),
            "./deploy.sh --env dev --region us-east-1 --parameter DailyQuota=2000",
        ),
    ):
        assert said(*arguments, status=USAGE).endswith(f"{following}\n")
    said("pause")
    assert f"travel-gpt resume{flags}\n" in said("client", "list")
    put(f"client#{shown(person)['id']}", name="ann", per_minute="ten")
    assert said("client", "show", "ann").endswith(f"travel-gpt client limit ann{flags}\n")
    nowhere = person.run("usage", "--env", "staging", status=USAGE, says="There is no stack")
    assert "Deploy it with ./deploy.sh --env staging, or" in nowhere.err


def test_a_client_that_is_removed_meanwhile_does_not_come_back(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(person)

    def remove(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "UpdateItem":
            boto3.client("dynamodb").delete_item(TableName=TABLE, Key=parameters["Key"])

    before_each_call(monkeypatch, remove)

    person.run("client", "limit", "ann", "--per-day", "5", status=FAILED, says="removed meanwhile")
    assert not [key for key in items() if key.startswith("client#")]


def test_the_owners_record_is_made_by_its_first_limit(person: Person, api: Api) -> None:
    assert shown(person, "owner")["limits"] == dict.fromkeys(Limits._fields, 0)

    person.run("client", "limit", "owner", "--per-day", "7", "--budget", "0.50/day")

    assert client_of(owner_key_id()).limits == Limits(per_day=7, budget_per_day=500_000_000)
    for command in ("rotate", "remove"):
        person.run("client", command, "owner", status=USAGE, says="the API key of the stack itself")
    assert shown(person, "owner")["key_ids"] == [owner_key_id()]
    assert not api.seen


@pytest.mark.parametrize("name", ["ann", "owner"])
def test_disable_writes_the_table_first_and_then_api_gateway(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    key_id = owner_key_id() if name == "owner" else key_of(add(person))
    assert key_id
    calls: list[str] = []
    before_each_call(monkeypatch, lambda operation, _: calls.append(operation))

    done = person.run("client", "disable", name, says="is disabled")

    assert calls.index("UpdateItem") < calls.index("UpdateApiKey")
    assert not boto3.client("apigateway").get_api_key(apiKey=key_id)["enabled"]
    with pytest.raises(LimitError, match="disabled"):
        client_of(key_id)
    assert done.out.rstrip().endswith(f"travel-gpt client enable {name}")

    person.run("client", "enable", name)
    assert boto3.client("apigateway").get_api_key(apiKey=key_id)["enabled"]
    assert client_of(key_id).name == name
    assert [each["event"] for each in person.audited()[-2:]] == ["client.disable", "client.enable"]


def test_disable_says_when_api_gateway_did_not_do_it(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key_id = key_of(add(person))
    assert key_id
    fail(monkeypatch, "UpdateApiKey")

    done = person.run("client", "disable", "ann", status=FAILED, says="disabled in the table")

    assert "could not be disabled at API Gateway" in done.err
    with pytest.raises(LimitError):
        client_of(key_id)
    assert person.audited()[-1]["outcome"] == "failed"


def test_a_key_that_was_deleted_at_api_gateway(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person)
    for key_id in keys():
        boto3.client("apigateway").delete_api_key(apiKey=key_id)

    person.run("client", "disable", "ann")
    person.run("client", "enable", "ann", status=FAILED, says="no API key any more")
    assert shown(person)["disabled"] is True
    assert person.run("client", "rotate", "ann").out.strip()
    person.run("client", "enable", "ann")
    assert shown(person)["may_ask"] is True


def test_rotate_ends_the_old_key_once_the_new_one_works(person: Person, api: Api) -> None:
    old = add(person, "ann", "--per-day", "9")
    before = shown(person)
    api.unknown_for = 2
    calls = len(api.seen)

    new = person.run("client", "rotate", "ann").out.strip()

    assert len(api.seen) - calls == 3
    assert key_of(old) is None
    assert keys() == {key_of(new)}
    after = shown(person)
    assert after == before | {"key_ids": [key_of(new)]}
    assert f"key#{before['key_ids'][0]}" not in items()
    assert person.audited()[-1]["key_id"] == key_of(new)


def test_rotate_keeps_the_old_key_until_the_new_one_works(
    person: Person, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = add(person)
    with monkeypatch.context() as patch:
        patch.setattr(plan, "WAIT", 0)
        api.unknown_for = 1000
        done = person.run("client", "rotate", "ann", status=FAILED, says="The old key was kept")
    api.unknown_for = 0
    second = done.out.strip()
    for key in (old, second):
        key_id = key_of(key)
        assert key_id
        assert client_of(key_id).name == "ann"

    # Each key of an unfinished rotation is disabled, and the next rotation ends all of them.
    person.run("client", "disable", "ann")
    assert key_of(old) is key_of(second) is None
    person.run("client", "enable", "ann")
    third = person.run("client", "rotate", "ann").out.strip()
    assert keys() == {key_of(third)}
    assert sum(key.startswith("key#") for key in items()) == 1


def test_rotate_leaves_no_key_where_the_table_refuses(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = add(person)
    fail(monkeypatch, "PutItem")

    done = person.run("client", "rotate", "ann", status=FAILED)

    assert not done.out
    assert keys() == {key_of(old)}


def test_the_new_key_of_a_disabled_client_is_disabled_too(person: Person, api: Api) -> None:
    add(person)
    person.run("client", "disable", "ann")
    calls = len(api.seen)

    done = person.run("client", "rotate", "ann")
    new = done.out.strip()

    assert key_of(new) is None
    assert len(keys()) == 1
    assert len(api.seen) == calls
    assert "is disabled, and so is the new key" in done.err
    assert done.err.rstrip().endswith("travel-gpt client enable ann")
    person.run("client", "enable", "ann")
    assert keys() == {key_of(new)}


def test_enabling_an_expired_client_says_that_it_may_not_ask(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person)
    put(f"client#{shown(person)['id']}", name="ann", expires_at=1, disabled=1)

    done = person.run("client", "enable", "ann", says="it expired on 1970-01-01")

    assert "may ask again" not in done.out
    assert done.out.rstrip().endswith("travel-gpt client limit ann --expires 30d")
    assert shown(person)["disabled"] is False
    person.run("client", "limit", "ann", "--expires", "30d")
    assert shown(person)["may_ask"] is True


def test_remove_asks_and_then_erases_everything_of_the_client(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person, "bob")
    kept = items()
    add(person)
    client_id = shown(person)["id"]
    put(f"usage#{client_id}", "2026-10", cost=1)
    put(f"usage#{client_id}", MONTH, cost=1)
    put(f"idempotency#{client_id}#abc", answer="a trip")
    put(f"usage#{client_id}0", MONTH, cost=1)
    before = items()

    person.run("client", "remove", "ann", status=USAGE, says="add --yes")
    done = person.run("client", "remove", "ann", given="n\n", at_terminal=True, says="Nothing was changed")
    assert "Remove the client ann of travel-gpt-backend" in done.err
    assert items() == before
    done = person.run("client", "remove", "ann", given="y\n", at_terminal=True, says="Removed the client ann")

    left = items()
    assert left.keys() == kept.keys() | {f"usage#{client_id}0"}
    assert not [item for item in left.values() if client_id == item.get("client", {}).get("S")]
    assert len(keys()) == 1
    event = person.audited()[-1]
    assert (event["event"], event["outcome"], event["items"]) == ("client.remove", "success", 6)
    # Its name is free again.
    add(person)


def test_a_removal_that_failed_can_be_repeated(
    person: Person,
    api: Api,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = add(person)
    key_id = key_of(key)
    assert key_id
    with monkeypatch.context() as patch:
        fail(patch, "DeleteItem")
        person.run("client", "remove", "ann", "--yes", status=FAILED)
    # It may not ask any more, whatever is left of it.
    assert key_of(key) is None
    with pytest.raises(LimitError):
        client_of(key_id)

    person.run("client", "remove", "ann", "--yes")
    assert not items()


def test_a_damaged_record_is_listed_and_repaired(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person, "ann", "--per-day", "9")
    client_id = shown(person)["id"]
    put(f"client#{client_id}", name="ann", per_minute="ten", budget_per_day=-1, per_day=9, created_at="then")

    assert "damaged" in person.run("client", "list").out
    assert "--budget (USD/day), --per-minute" in person.run("client", "show", "ann").out
    done = person.run("client", "limit", "ann", "--per-minute", "5", status=USAGE, says="damaged")
    assert "--budget (USD/day)." in done.err
    person.run("client", "limit", "ann", "--per-minute", "5", "--budget", "1/day")

    found = shown(person)
    assert (found["may_ask"], found["damaged"]) == (True, [])
    assert found["limits"] | {"per_day": 9, "per_minute": 5} == found["limits"]


def test_a_damaged_end_of_sessions_is_listed_and_repaired(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person)
    put(f"client#{shown(person)['id']}", name="ann", sessions_after="then")

    assert "damaged" in person.run("client", "list").out
    assert "Any limit, given again, repairs that" in person.run("client", "show", "ann").out
    person.run("client", "limit", "ann", "--per-minute", "5")

    found = shown(person)
    assert (found["may_ask"], found["damaged"]) == (True, [])


def test_show_reads_well(person: Person, api: Api) -> None:  # noqa: ARG001
    add(person, "ann", "--per-minute", "10", "--budget", "0.125/day", "--expires", "12h")

    shows = person.run("client", "show", "ann").out

    for line in ("May ask", "yes", "Queries a minute", "USD a day", "0.125", "no limit", "UTC"):
        assert line in shows
    client_id = shown(person)["id"]
    assert f"ann ({client_id})" in shows
    assert person.run("client", "show", client_id).out == shows


def test_pause_and_resume(person: Person, api: Api) -> None:  # noqa: ARG001
    done = person.run("pause", says="503 paused")
    assert done.out.rstrip().endswith("travel-gpt resume")
    with pytest.raises(TravelGPTError) as paused:
        client_of(owner_key_id())
    assert paused.value.code == "paused"
    assert "The API is paused" in person.run("client", "list").out

    person.run("resume", says="Resumed")
    assert client_of(owner_key_id()).id == "owner"
    assert [each["event"] for each in person.audited()] == ["api.pause", "api.resume"]
