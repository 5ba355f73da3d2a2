"""`make run` with clients: the commands of docs/clients.md, and a key that has a source of its own."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.loopback_aws import LoopbackAws
from tests.fakes.openai import FakeOpenAI
from tests.integration.test_local_server import KEY, LocalServer, with_secret
from tests.support.markdown import Page

PAGE = Page.read("docs/clients.md")
SECTION = Page(PAGE.path, PAGE.section("Try it on your machine"))


@cache
def blocks(marker: str) -> list[str]:
    """The blocks of shell with a text in them."""
    found = [text for language, text in SECTION.fenced if language == "sh" and marker in text]
    assert found, marker
    return found


def serve(command: str, home: Path) -> LocalServer:
    """Start what a documented `make run` starts."""
    *variables, make, run, options = shlex.split(command)
    assert (make, run, options.partition("=")[0]) == ("make", "run", "OPTIONS")
    environment = dict(each.split("=", 1) for each in variables)
    return LocalServer(home, *shlex.split(options.partition("=")[2]), **environment)


def keys(server: LocalServer) -> dict[str, str]:
    """The variables that the page has its reader set, from what the server printed."""
    owner = server.wait_for(r"x-api-key: (\S+) \(made up").group(1)
    return {"OWNER": owner} | {
        name.upper(): key for name, key in re.findall(r"  client  (\w+): (\S+)", server.printed)
    }


def send(block: str, server: LocalServer) -> list[dict[str, Any]]:
    """Run a block, and return the answers in the order of their arrival."""
    here = block.replace("curl http://127.0.0.1:3000/Prod/travel-gpt", f"curl -sS {server.url}")
    assert here != block
    bash = shutil.which("bash")
    assert bash
    environment = {"PATH": os.environ["PATH"], **keys(server)}
    done = subprocess.run([bash, "-c", here], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    answers, rest = [], done.stdout
    while rest.strip():
        answer, end = json.JSONDecoder().raw_decode(rest.lstrip())
        answers.append(answer)
        rest = rest.lstrip()[end:]
    return answers


def outcomes(answers: list[dict[str, Any]]) -> list[str]:
    return sorted(answer.get("code", "success") for answer in answers)


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The server that the page starts first, with its file of clients."""
    home = tmp_path_factory.mktemp("home")
    (text,) = [text for language, text in SECTION.fenced if language == "text"]
    (home / "clients.txt").write_text(text)
    with serve(blocks("--clients")[0], home) as server:
        yield server


curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")


def test_the_page_has_its_reader_copy_each_key_that_is_printed(documented: LocalServer) -> None:
    (copying,) = blocks("OWNER=")
    assert set(re.findall(r"^(\w+)=", copying, re.MULTILINE)) == keys(documented).keys()
    assert "budget  5 USD a day, 50 USD a month" in documented.printed
    assert not documented.errors


@curl
def test_a_query_without_a_key_is_forbidden(documented: LocalServer) -> None:
    (block,) = [each for each in blocks("curl") if "x-api-key" not in each]
    assert outcomes(send(block, documented)) == ["forbidden"]


@curl
def test_the_third_query_of_a_minute_is_refused(documented: LocalServer) -> None:
    block = blocks("$ANN")[0]
    answers = send(block, documented)
    if "rate_limited" not in outcomes(answers):
        # A new minute began meanwhile.
        answers = send(block, documented)
    assert "rate_limited" in outcomes(answers)
    answered = next(answer for answer in answers if answer["status"] == "success")
    assert 0 < answered["usage"]["cost_usd"] < 0.001
    assert (answered["budget"]["whose"], answered["budget"]["limit_usd"]) == ("client", 0.01)


@curl
def test_of_two_queries_at_once_a_small_budget_lets_one_through(documented: LocalServer) -> None:
    assert outcomes(send(blocks("$BOB")[0], documented)) == ["budget_exhausted", "success"]
    # The rest of the reservation is there again.
    assert documented.post("To Oslo", x_api_key=keys(documented)["BOB"])[0] == 200


@curl
def test_an_expired_client_is_refused(documented: LocalServer) -> None:
    assert outcomes(send(blocks("$CLEO")[0], documented)) == ["client_expired"]


@curl
def test_a_repeated_query_waits_and_gets_the_same_answer(documented: LocalServer) -> None:
    at_once, later = blocks("Idempotency-Key")

    answers = send(at_once, documented)
    assert outcomes(answers) == ["request_in_progress", "success"]
    first = next(answer for answer in answers if answer["status"] == "success")
    again, other = send(later, documented)
    assert (again["answer"], again["request_id"]) == (first["answer"], first["request_id"])
    assert other["code"] == "idempotency_key_reused"


@curl
def test_the_gateway_refuses_above_its_throttle_and_its_quota(tmp_path: Path) -> None:
    with serve(blocks("THROTTLE_RATE=")[0], tmp_path) as server:
        answers = send(blocks("$ANN")[-1], server)

    refused = [answer for answer in answers if answer["status"] == "error"]
    assert {answer["code"] for answer in refused} == {"rate_limited"}
    assert not [answer for answer in refused if "timestamp" in answer]
    messages = {answer["message"] for answer in refused}
    assert "The quota of this key is used up for today." in messages
    assert "Too many requests at once. Try again in a second." in messages
    assert answers[2]["message"] == "The quota of this key is used up for today."


def test_a_key_that_is_in_aws_is_still_read_there(tmp_path: Path, upstream: FakeOpenAI) -> None:
    # Given an account in another region than that of the local table, at an address of its own
    with LoopbackAws() as aws:
        environment = with_secret(aws, upstream)
        # When the server has clients as well
        with LocalServer(
            tmp_path, "--access", "api-key", "--client", "ann per-day=1", **environment
        ) as server:
            key = keys(server)["ANN"]
            statuses = [server.post("Rome?", x_api_key=key)[0] for _ in range(2)]

    # Then the key is that of the account, and the limits are kept
    assert [call.key for call in upstream.calls] == [KEY]
    assert statuses == [200, 429]


def test_without_aws_credentials_the_limits_are_kept_too(tmp_path: Path, upstream: FakeOpenAI) -> None:
    environment = {
        "CREDENTIAL_SOURCE": "environment",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": upstream.base_url,
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # Of a deployed stack: it is not this server's table.
        "TABLE_NAME": "of-a-stack",
    }
    with LocalServer(tmp_path, "--access", "api-key", "--client", "ann per-day=1", **environment) as server:
        assert [server.post("Rome?", x_api_key=keys(server)["ANN"])[0] for _ in range(2)] == [200, 429]
    assert KEY not in server.printed
