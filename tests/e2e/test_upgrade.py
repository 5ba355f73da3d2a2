"""The stack of the last release is updated to this commit, rolled back, and deployed as it was.

``tests/infrastructure/released/VERSION.tar.xz`` holds the template and the packaged code of that release. Its
code runs with the dependencies of this commit's lock. Neither deploy.sh nor sam takes part:
the code is uploaded here, and the change sets are made with the CloudFormation API.
"""

import io
import json
import tarfile
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.package_contents import copy_travel_gpt
from testbed.fake_aws import FakeAws
from tests.support.clone import ROOT
from tests.support.deployer import GOOD_KEY

(RELEASED,) = (ROOT / "tests/infrastructure/released").glob("*.tar.xz")
STACK = "travel-gpt-backend"
SECRET = "travel-gpt/openai-api-key"
UNPACKAGED = "CodeUri: .\n"
NEW = {
    "ClientTable",
    *("Budget50Alarm", "Budget80Alarm", "Budget100Alarm", "ClientBudgetAlarm"),
    *("RefusedKeysAlarm", "OverReservationAlarm", "LimitsUnavailableAlarm"),
    *("TravelGPTStreamFunction", "StreamFunctionRole", "StreamFunctionLogGroup"),
    *("StreamErrorsAlarm", "StreamFailuresAlarm", "StreamThrottlesAlarm"),
    *("ApiMayInvokeFunctionForStreams", "ApiMayInvokeStreamFunction"),
    *("ApiMayInvokeFunctionForHome", "ApiMayInvokeFunctionForPage", "ApiMayInvokeStreamFunctionForPage"),
}
"""What the last release does not have."""


def released() -> dict[str, bytes]:
    """The files of the last release, by path."""
    with tarfile.open(RELEASED) as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read() for name, file in members.items() if file is not None}


def present(folder: Path) -> dict[str, bytes]:
    """The same files of this commit."""
    copy_travel_gpt(ROOT / "travel_gpt", folder)
    code = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {"template.yaml": (ROOT / "template.yaml").read_bytes(), **code}


class Upgraded:
    """A stack, its API key, and requests to it."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.formation = aws.client("cloudformation")
        self.answers: Counter[tuple[str, int]] = Counter()
        self.refusals: list[str] = []
        aws.make_logging_role()
        aws.openai.accept(GOOD_KEY)
        secret = json.dumps({"api_key": GOOD_KEY})
        aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=secret)
        aws.client("s3").create_bucket(Bucket="packages")

    def deploy(self, name: str, files: Mapping[str, bytes], **parameters: str) -> str:
        """Deploy as sam does, and return the stack's status.

        Args:
            name: of the version.
            files: its template and code.
            parameters: those with another value than the template's default.
        """
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as package:
            for path, content in files.items():
                package.writestr(zipfile.ZipInfo(path), content)
        self.aws.client("s3").put_object(Bucket="packages", Key=name, Body=packed.getvalue())
        template = files["template.yaml"].decode()
        assert UNPACKAGED in template
        made = self.formation.create_change_set(
            StackName=STACK,
            ChangeSetName=f"to-{name}",
            ChangeSetType="CREATE" if name == "released" else "UPDATE",
            TemplateBody=template.replace(UNPACKAGED, f"CodeUri: s3://packages/{name}\n"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        self.formation.execute_change_set(ChangeSetName=made["Id"])
        return str(self.stack["StackStatus"])

    @property
    def stack(self) -> Any:
        """The stack's description."""
        return self.formation.describe_stacks(StackName=STACK)["Stacks"][0]

    @property
    def outputs(self) -> dict[str, str]:
        """The values of the stack's outputs."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.stack["Outputs"]}

    @property
    def resources(self) -> dict[str, str]:
        """The physical id of each resource. A deployment is a copy of the API, made anew for each change."""
        found = self.formation.describe_stack_resources(StackName=STACK)["StackResources"]
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in found
            if each["ResourceType"] != "AWS::ApiGateway::Deployment"
        }

    @property
    def api_key(self) -> str:
        """The value of the caller's key."""
        gateway = self.aws.client("apigateway")
        return str(gateway.get_api_key(apiKey=self.outputs["ApiKeyId"], includeValue=True)["value"])

    @property
    def deployed_code(self) -> str:
        """The digest of the function's package."""
        configuration = self.aws.function(self.outputs["FunctionName"]).configuration
        return str(configuration["CodeSha256"])

    def ask(self, url: str, key: str) -> None:
        """Send GET and POST once."""
        query = ["-H", f"x-api-key: {key}", "-H", "Content-Type: application/json", "-d", '{"query": "A"}']
        for method, options in (("GET", []), ("POST", query)):
            done = self.aws.run("curl", "--silent", "-o", "-", "-w", "\n%{http_code}", *options, url)
            body, _, status = done.stdout.rpartition("\n")
            self.answers[method, int(status)] += 1
            if status != "200":
                self.refusals.append(body)

    def ask_without_key(self) -> int:
        """Send a query without an API key, and return the status."""
        query = ["-H", "Content-Type: application/json", "-d", '{"query": "A"}', self.outputs["ApiUrl"]]
        done = self.aws.run("curl", "--silent", "-o", "-", "-w", "\n%{http_code}", *query)
        return int(done.stdout.rpartition("\n")[2])

    @contextmanager
    def requests(self) -> Iterator[None]:
        """Send requests, one after the other, from before a change until after it."""
        url, key = self.outputs["ApiUrl"], self.api_key
        finished = threading.Event()

        def send() -> None:
            while not finished.is_set():
                self.ask(url, key)

        self.ask(url, key)
        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield
        finally:
            finished.set()
            sender.join()
        self.ask(url, key)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    return {"released": released(), "present": present(tmp_path_factory.mktemp("present"))}


def test_an_update_and_both_ways_back_replace_nothing_and_answer_all_the_while(
    aws: FakeAws, versions: dict[str, dict[str, bytes]]
) -> None:
    # Given the stack of the last release
    stack = Upgraded(aws)
    before, after = versions["released"], versions["present"]
    assert stack.deploy("released", before) == "CREATE_COMPLETE", stack.stack
    resources, key, old_code = stack.resources, stack.api_key, stack.deployed_code

    # When it is updated, a further update fails and is rolled back, and the old one is deployed again
    with stack.requests():
        assert stack.deploy("present", after) == "UPDATE_COMPLETE", stack.stack
        new_code, present_resources = stack.deployed_code, stack.resources
        assert present_resources.items() > resources.items()
        assert {*present_resources} - {*resources} == NEW
        # And there is no page that its owner did not ask for.
        page = aws.run("curl", "--silent", "--show-error", stack.outputs["PageUrl"])
        assert json.loads(page.stdout)["code"] == "page_disabled"
    with stack.requests():
        # The way back: CloudFormation takes the table from the role before it takes the new code from the
        # function, whose budget would refuse queries meanwhile.
        assert stack.deploy("leaving", after, BudgetWhenUnavailable="allow") == "UPDATE_COMPLETE", stack.stack
        aws.refuse("AWS::CloudWatch::Alarm", "scripted")
        assert stack.deploy("failing", before, AlarmEmail="o@example.com") == "UPDATE_ROLLBACK_COMPLETE"
        aws.refuse("AWS::CloudWatch::Alarm", None)
        assert stack.deployed_code == new_code
        assert stack.resources == present_resources
    with stack.requests():
        assert stack.deploy("released-again", before) == "UPDATE_COMPLETE", stack.stack

    # Then the function had the other code, nothing was replaced, the keys are the same, and all was answered
    assert stack.deployed_code == old_code != new_code
    assert stack.resources == resources
    assert stack.api_key == key
    value = aws.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]
    assert json.loads(value) == {"api_key": GOOD_KEY}
    assert set(stack.answers) == {("GET", 200), ("POST", 200)}, stack.refusals
    # And the table is left with what was counted.
    (table,) = aws.client("dynamodb").list_tables()["TableNames"]
    assert table == present_resources["ClientTable"]


def test_opening_the_api_and_closing_it_again_keeps_keys_plan_and_counters(
    aws: FakeAws, versions: dict[str, dict[str, bytes]]
) -> None:
    # Given a stack with a further client's key in its plan
    stack, present = Upgraded(aws), versions["present"]
    assert stack.deploy("released", versions["released"]) == "CREATE_COMPLETE", stack.stack
    assert stack.deploy("present", present) == "UPDATE_COMPLETE", stack.stack
    gateway, plan = aws.client("apigateway"), stack.outputs["UsagePlanId"]
    client = gateway.create_api_key(name="client", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=client["id"], keyType="API_KEY")
    resources = stack.resources

    def keys() -> list[str]:
        return sorted(each["id"] for each in gateway.get_usage_plan_keys(usagePlanId=plan)["items"])

    before = keys()
    assert before == sorted([client["id"], stack.outputs["ApiKeyId"]])

    # When it is opened and closed again, with requests all the while
    with stack.requests():
        unlimited = {"ApiAccess": "open", "OpenPerMinute": "0", "OpenPerDay": "0"}
        assert stack.deploy("open", present, **unlimited) == "UPDATE_COMPLETE", stack.stack
        assert (stack.resources, keys()) == (resources, before)
        assert stack.ask_without_key() == 200
        assert stack.deploy("closed", present, ApiAccess="api-key") == "UPDATE_COMPLETE", stack.stack

    # Then every key is as it was, and callers need one again
    assert (stack.resources, keys()) == (resources, before)
    assert stack.ask_without_key() == 403
    # The function and the stage do not change in the same moment. Meanwhile the function may ask for a key
    # that the stage does not pass on.
    assert set(stack.answers) <= {("GET", 200), ("POST", 200), ("POST", 403)}, stack.refusals
    stack.answers.clear()
    stack.ask(stack.outputs["ApiUrl"], stack.api_key)
    assert set(stack.answers) == {("GET", 200), ("POST", 200)}, stack.refusals


class TestWhatTheStageServes:
    """Each parameter of the API, changed on a stack, and read where API Gateway applies it."""

    CHANGES: tuple[tuple[str, str, str, object], ...] = (
        ("ApiAccess", "open", "needs a key", False),
        ("ThrottleRate", "7", "POST rate", 7.0),
        ("ThrottleBurst", "9", "POST burst", 9),
        ("HealthThrottleRate", "3", "GET rate", 3.0),
        ("HealthThrottleBurst", "4", "GET burst", 4),
        ("DailyQuota", "77", "quota", 77),
        ("AccessLogs", "disabled", "logs", False),
    )

    def served(self, stack: Upgraded) -> dict[str, object]:
        """What the stage and the usage plan apply now."""
        gateway, outputs = stack.aws.client("apigateway"), stack.outputs
        api = outputs["ApiUrl"].removeprefix("https://").partition(".")[0]
        stage = gateway.get_stage(restApiId=api, stageName="Prod")
        methods = {name.lstrip("/"): each for name, each in stage["methodSettings"].items()}
        post, get = (methods[f"~1travel-gpt/{method}"] for method in ("POST", "GET"))
        plan = gateway.get_usage_plan(usagePlanId=outputs["UsagePlanId"])
        return {
            "needs a key": stack.ask_without_key() == 403,
            "POST rate": post["throttlingRateLimit"],
            "POST burst": post["throttlingBurstLimit"],
            "GET rate": get["throttlingRateLimit"],
            "GET burst": get["throttlingBurstLimit"],
            "quota": plan["quota"]["limit"],
            "plan": (plan["throttle"]["rateLimit"], plan["throttle"]["burstLimit"]),
            "logs": "destinationArn" in stage.get("accessLogSettings", {}),
        }

    def test_each_parameter_takes_effect_on_the_stage_and_changes_nothing_else(
        self, aws: FakeAws, versions: dict[str, dict[str, bytes]]
    ) -> None:
        stack = Upgraded(aws)
        assert stack.deploy("released", versions["present"]) == "CREATE_COMPLETE", stack.stack
        defaults = self.served(stack)

        for parameter, value, what, applied in self.CHANGES:
            status = stack.deploy(f"with-{parameter}", versions["present"], **{parameter: value})
            assert status == "UPDATE_COMPLETE", stack.stack
            assert defaults[what] != applied
            expected = {**defaults, what: applied}
            if parameter.startswith("Throttle"):
                expected["plan"] = (expected["POST rate"], expected["POST burst"])
            assert self.served(stack) == expected, parameter
