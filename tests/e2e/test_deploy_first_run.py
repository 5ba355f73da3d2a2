"""A stranger's first run of deploy.sh, build and all; and where its key was seen meanwhile."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.cloud.bed import start_cloud
from tests.support.owner import GOOD_KEY, Owner
from tests.support.witness import ProcessWatch, files_with, holds, record_tools

# One run for all of them (with pytest -n and --dist loadgroup).
pytestmark = pytest.mark.xdist_group("first run")

STACK = "travel-gpt-backend"
RECORDED = ("aws", "sam", "curl", "make", "dirname")


@dataclass(frozen=True)
class FirstRun:
    owner: Owner
    done: subprocess.CompletedProcess[str]
    watch: ProcessWatch
    records: Path
    temporary: Path


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstRun]:
    folder = tmp_path_factory.mktemp("first")
    temporary = folder / "tmp"
    temporary.mkdir()
    with start_cloud(folder) as cloud:
        owner = Owner(cloud, folder / "clone", built=False)
        # With this setting aws writes what it sends and receives into a file under HOME.
        (cloud.home / ".aws").mkdir()
        (cloud.home / ".aws" / "config").write_text("[default]\ncli_history = enabled\n")
        record_tools(Path(cloud.env["PATH"]), RECORDED, folder / "records")
        with ProcessWatch(GOOD_KEY) as watch:
            done = owner.deploy("--yes", key=f" {GOOD_KEY}\n", env={"TMPDIR": str(temporary)})
        yield FirstRun(owner, done, watch, folder / "records", temporary)


def outputs(owner: Owner) -> dict[str, str]:
    stack = owner.stack()
    assert stack is not None
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def answer_to(owner: Owner, command: str) -> Any:
    """What a printed command prints when it is pasted into a shell."""
    done = owner.cloud.run("bash", "-c", f"{command} --silent --show-error", cwd=owner.clone)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_deploys_the_stack_and_stores_the_key(first_run: FirstRun) -> None:
    assert first_run.done.returncode == 0, first_run.done.stdout + first_run.done.stderr
    assert first_run.owner.secret() == {"api_key": GOOD_KEY}
    stack = first_run.owner.stack()
    assert stack is not None
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_proves_the_key_with_one_models_call(first_run: FirstRun) -> None:
    calls = [call for call in first_run.owner.cloud.openai.requests if call.path == "/v1/models"]

    assert [(call.method, call.key) for call in calls][:1] == [("GET", GOOD_KEY)]


def test_says_where_with_what_and_what_will_happen_before_it_happens(first_run: FirstRun) -> None:
    cloud = first_run.owner.cloud

    plan, _, _ = first_run.done.stdout.partition("Building the package")

    for fact in (cloud.account_id, cloud.region, "prod", STACK, "travel-gpt/openai-api-key"):
        assert fact in plan
    for name in first_run.owner.parameters():
        assert f"\n  {name} " in plan
    assert "1. Build" in plan
    assert "Create the secret travel-gpt/openai-api-key" in plan


def test_passes_every_parameter_of_the_template_to_sam(first_run: FirstRun) -> None:
    calls = [record.read_text() for record in first_run.records.glob("sam.*")]

    deploy = next(call for call in calls if "\ndeploy\n" in call)

    for name, value in first_run.owner.parameters().items():
        assert f'\n{name}="{value}"\n' in deploy


def test_deploys_without_access_logs_and_says_so_where_there_is_no_role_for_them(first_run: FirstRun) -> None:
    assert first_run.owner.parameters()["AccessLogs"] == "disabled"
    assert "without access logs" in first_run.done.stdout
    assert "--create-logging-role" in first_run.done.stdout


def test_says_what_health_says_and_ends_with_the_next_command(first_run: FirstRun) -> None:
    shown = first_run.done.stdout

    assert "OpenAI API key is configured" in shown
    assert f"sam logs -n TravelGPTFunction --stack-name {STACK} --region us-east-1 --tail" in shown
    answer = answer_to(first_run.owner, shown.rstrip().splitlines()[-1].strip())
    assert answer["status"] == "success", answer


def test_prints_curl_commands_that_work_as_they_stand(first_run: FirstRun) -> None:
    lines = [line.strip() for line in first_run.done.stdout.splitlines()]
    curls = [line for line in lines if line.startswith("curl")]

    assert curls[0] == f"curl {outputs(first_run.owner)['ApiUrl']}"
    assert answer_to(first_run.owner, curls[0])["has_api_key"] is True
    assert answer_to(first_run.owner, curls[1])["status"] == "success"


def test_prints_how_to_read_the_api_key(first_run: FirstRun) -> None:
    cloud = first_run.owner.cloud
    line = next(line for line in first_run.done.stdout.splitlines() if "get-api-key" in line)

    read = cloud.run("bash", "-c", line.strip())

    words = shlex.split(line)
    key_id = words[words.index("--api-key") + 1]
    known = cloud.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)["value"]
    assert read.stdout.strip() == known


class TestTheKeyIsNowhereElse:
    def test_in_what_was_printed(self, first_run: FirstRun) -> None:
        assert not holds(first_run.done.stdout + first_run.done.stderr, GOOD_KEY)

    def test_in_the_arguments_and_environment_of_a_tool(self, first_run: FirstRun) -> None:
        records = list(first_run.records.iterdir())

        assert {record.stem for record in records} == set(RECORDED)
        assert [record.name for record in records if holds(record.read_bytes(), GOOD_KEY)] == []

    def test_in_a_process_of_this_machine(self, first_run: FirstRun) -> None:
        # pip runs as python, and so does deploy.sh itself.
        assert {"sam", "aws"} <= first_run.watch.looked_at
        assert any(name.startswith("python") for name in first_run.watch.looked_at)
        assert first_run.watch.seen == set()

    def test_in_a_file(self, first_run: FirstRun) -> None:
        owner = first_run.owner

        assert files_with(GOOD_KEY, owner.clone, owner.cloud.home, first_run.temporary) == []
        # The history that would have held it is on, and was kept for what is no secret.
        assert list((owner.cloud.home / ".aws/cli/history").glob("history.db*"))

    def test_in_a_request_to_aws_but_the_one_that_stores_it(self, first_run: FirstRun) -> None:
        calls = first_run.owner.cloud.calls(mutating=False)

        told = {call.name for call in calls if holds(json.dumps(call.parameters, default=str), GOOD_KEY)}

        assert told <= {"secretsmanager:CreateSecret"}

    def test_in_the_stack(self, first_run: FirstRun) -> None:
        client = first_run.owner.cloud.client("cloudformation")

        template = client.get_template(StackName=STACK)["TemplateBody"]

        assert not holds(json.dumps([first_run.owner.stack(), template], default=str), GOOD_KEY)
