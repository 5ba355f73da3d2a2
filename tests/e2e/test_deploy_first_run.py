"""A stranger's first run of deploy.sh, build and all; and where its key was seen meanwhile."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.account import Call
from testbed.fake_aws import FakeAws
from tests.support.deployer import Deployer
from tests.support.secret_leaks import ProcessWatch, files_with, holds, record_tools

STACK = "travel-gpt-backend"
# Of this test alone: others run at the same time, and all processes of the machine are looked at.
KEY = "sk-proj-Tv2yC7kPb9Ws4Mf6Xa1E"
RECORDED = ("sam", "make", "dirname")


@dataclass(frozen=True)
class FirstRun:
    deployer: Deployer
    done: subprocess.CompletedProcess[str]
    calls: list[Call]
    watch: ProcessWatch
    records: Path
    temporary: Path


def run(aws: FakeAws, folder: Path) -> FirstRun:
    temporary = folder / "tmp"
    temporary.mkdir()
    aws.use_real_commands()
    deployer = Deployer(aws, folder / "clone", built=False)
    # It builds, whatever was built before: sam would refuse this.
    (deployer.clone / ".aws-sam/build").mkdir(parents=True)
    (deployer.clone / ".aws-sam/build/template.yaml").write_text("of an earlier build")
    aws.openai.accept(KEY)
    # Who signs in without it needs no AWS CLI.
    (aws.tools / "aws").unlink()
    record_tools(aws.tools, RECORDED, folder / "records")
    with ProcessWatch(KEY) as watch:
        done = deployer.deploy("--yes", key=f" {KEY}\n", env={"TMPDIR": str(temporary)})
    return FirstRun(deployer, done, aws.calls(mutating=False), watch, folder / "records", temporary)


def answer_to(deployer: Deployer, command: str) -> Any:
    """What a printed command prints when it is pasted into a shell."""
    done = deployer.aws.run("bash", "-c", f"{command} --silent --show-error", cwd=deployer.clone)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def builds_deploys_the_stack_and_stores_the_key(first_run: FirstRun) -> None:
    assert first_run.done.returncode == 0, first_run.done.stdout + first_run.done.stderr
    assert "Package ready" in first_run.done.stdout
    assert first_run.deployer.secret() == {"api_key": KEY}


def verifies_the_key_with_one_models_call(first_run: FirstRun) -> None:
    calls = first_run.deployer.aws.openai.requests

    assert [(call.method, call.key) for call in calls if call.path == "/v1/models"] == [("GET", KEY)]


def says_where_with_what_and_what_will_happen_before_it_happens(first_run: FirstRun) -> None:
    aws = first_run.deployer.aws

    plan, _, _ = first_run.done.stdout.partition("Building the package")

    for fact in (aws.account_id, aws.region, "prod", STACK, "travel-gpt/openai-api-key"):
        assert fact in plan
    for name in first_run.deployer.parameters():
        assert f"\n  {name} " in plan
    assert "1. Build" in plan
    assert "Create the secret travel-gpt/openai-api-key" in plan


def passes_every_parameter_of_the_template_to_sam(first_run: FirstRun) -> None:
    calls = [record.read_text() for record in first_run.records.glob("sam.*")]

    deploy = next(call for call in calls if "\ndeploy\n" in call)

    for name, value in first_run.deployer.parameters().items():
        assert f'\n{name}="{value}"\n' in deploy


def says_what_health_says_and_ends_with_the_next_command(first_run: FirstRun) -> None:
    shown = first_run.done.stdout

    assert "OpenAI API key is configured" in shown
    assert f"sam logs -n TravelGPTFunction --stack-name {STACK} --region us-east-1 --tail" in shown
    answer = answer_to(first_run.deployer, shown.rstrip().splitlines()[-1].strip())
    assert answer["status"] == "success", answer


def prints_curl_commands_that_work_as_they_stand(first_run: FirstRun) -> None:
    lines = [line.strip() for line in first_run.done.stdout.splitlines()]
    curls = [line for line in lines if line.startswith("curl")]

    assert curls[0] == f"curl {first_run.deployer.output('ApiUrl')}"
    assert answer_to(first_run.deployer, curls[0])["has_api_key"] is True
    assert answer_to(first_run.deployer, curls[1])["status"] == "success"


def answers_over_tls_1_2_or_newer_and_asks_browsers_for_tls(first_run: FirstRun) -> None:
    aws, url = first_run.deployer.aws, first_run.deployer.output("ApiUrl")
    (deployed,) = aws.client("apigateway").get_rest_apis()["items"]

    # The gateway's own refusals as well as the function's answers.
    headers = [aws.run("curl", "-sD-", "-o/dev/null", *more, url).stdout for more in ([], ["-d", "{}"])]

    assert deployed["securityPolicy"] == first_run.deployer.output("TlsPolicy")
    assert [text.split()[1] for text in headers] == ["200", "403"]
    assert all("strict-transport-security: max-age=31536000" in text.lower() for text in headers)
    # Nothing changes for a caller of a new API.
    assert "TLS policy" not in first_run.done.stdout


def serves_the_page_and_says_how_to_invite_somebody(first_run: FirstRun) -> None:
    aws, page = first_run.deployer.aws, first_run.deployer.output("PageUrl")
    root = page.removesuffix("/travel-gpt/app")

    def get(url: str) -> tuple[str, str]:
        done = aws.run("curl", "-sSi", "--suppress-connect-headers", url)
        head, _, body = done.stdout.partition("\n\n")
        return head.lower(), body

    # The root of the stage leads to the page, and the page to its script.
    for url in (root, f"{root}/"):
        assert "\nlocation: /prod/travel-gpt/app\n" in get(url)[0]
    head, html = get(page)
    assert " 200" in head.splitlines()[0]
    assert "\ncontent-security-policy: default-src 'none'; " in head
    (script,) = re.findall(r'src="(/Prod/travel-gpt/app/assets/[^"]+)"', html)
    assert "immutable" in get(root.removesuffix("/Prod") + script)[0]
    lines = [line.strip() for line in first_run.done.stdout.splitlines()]
    assert lines[lines.index(page) + 1].startswith("travel-gpt invite NAME ")


def prints_how_to_read_the_api_key(first_run: FirstRun) -> None:
    aws = first_run.deployer.aws
    line = next(line for line in first_run.done.stdout.splitlines() if "travel-gpt api-key" in line)

    read = aws.run("bash", "-c", line.strip(), cwd=first_run.deployer.clone)

    key_id = first_run.deployer.output("ApiKeyId")
    known = aws.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)["value"]
    assert read.stdout.strip() == known, read.stderr


def keeps_the_key_out_of_what_was_printed(first_run: FirstRun) -> None:
    assert not holds(first_run.done.stdout + first_run.done.stderr, KEY)


def keeps_the_key_out_of_the_arguments_and_environment_of_a_tool(first_run: FirstRun) -> None:
    records = list(first_run.records.iterdir())

    assert {record.stem for record in records} == set(RECORDED)
    assert [record.name for record in records if holds(record.read_bytes(), KEY)] == []


def keeps_the_key_out_of_a_process_of_this_machine(first_run: FirstRun) -> None:
    # pip runs as python, and so does deploy.sh itself.
    assert "sam" in first_run.watch.looked_at
    assert any(name.startswith("python") for name in first_run.watch.looked_at)
    assert first_run.watch.seen == set()


def keeps_the_key_out_of_a_file(first_run: FirstRun) -> None:
    deployer = first_run.deployer

    assert files_with(KEY, deployer.clone, deployer.aws.home, first_run.temporary) == []


def keeps_the_key_out_of_a_request_to_aws_but_the_one_that_stores_it(first_run: FirstRun) -> None:
    sent = {call.name for call in first_run.calls if holds(json.dumps(call.parameters, default=str), KEY)}

    assert sent <= {"secretsmanager:CreateSecret"}


def keeps_the_key_out_of_the_stack(first_run: FirstRun) -> None:
    client = first_run.deployer.aws.client("cloudformation")

    template = client.get_template(StackName=STACK)["TemplateBody"]

    assert not holds(json.dumps([first_run.deployer.stack(), template], default=str), KEY)


CLAIMS = (
    builds_deploys_the_stack_and_stores_the_key,
    verifies_the_key_with_one_models_call,
    says_where_with_what_and_what_will_happen_before_it_happens,
    passes_every_parameter_of_the_template_to_sam,
    says_what_health_says_and_ends_with_the_next_command,
    prints_curl_commands_that_work_as_they_stand,
    answers_over_tls_1_2_or_newer_and_asks_browsers_for_tls,
    serves_the_page_and_says_how_to_invite_somebody,
    prints_how_to_read_the_api_key,
    keeps_the_key_out_of_what_was_printed,
    keeps_the_key_out_of_the_arguments_and_environment_of_a_tool,
    keeps_the_key_out_of_a_process_of_this_machine,
    keeps_the_key_out_of_a_file,
    keeps_the_key_out_of_a_request_to_aws_but_the_one_that_stores_it,
    keeps_the_key_out_of_the_stack,
)


def test_a_strangers_first_run(aws: FakeAws, tmp_path: Path, subtests: pytest.Subtests) -> None:
    # One test for all claims, so that pytest -n does not deploy once for each worker.
    first_run = run(aws, tmp_path)
    for claim in CLAIMS:
        with subtests.test(claim.__name__):
            claim(first_run)
