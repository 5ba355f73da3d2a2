"""What --delete does with the API keys of clients, and what it prints about their table."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.cli.deploy.conftest import Person, ScriptedAws, aws_error
from travel_gpt.cli.client.plan import TAG
from travel_gpt.cli.deploy.clients import Clients, delete_keys, find, show_table
from travel_gpt.cli.stack import Stack

STACK = Stack("travel-gpt-backend", "CREATE_COMPLETE", outputs={"ClientTableName": "clients-1"})


def tagged(key: str, **tags: str) -> dict[str, Any]:
    return {"id": key, "name": "travel-gpt-backend-ann", "tags": tags}


def test_keys_with_the_tag_of_this_stack_are_found_on_every_page() -> None:
    pages = {
        "": {
            "items": [tagged("a", **{TAG: STACK.name}), tagged("b", **{TAG: f"{STACK.name}-dev"})],
            "position": "2",
        },
        "2": {"items": [{"id": "c"}, {"id": "d", "tags": None}, tagged("e", **{TAG: STACK.name, "x": "y"})]},
    }
    aws = ScriptedAws({"GetApiKeys": lambda asked: pages[asked.get("position", "")]})

    assert find(aws, STACK) == Clients(("a", "e"), "clients-1")
    assert [asked.get("includeValues") for _, asked in aws.calls] == [False, False], "no value is fetched"


def test_a_stack_without_clients_has_no_step_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    aws = ScriptedAws({"GetApiKeys": {"items": []}})
    clients = find(aws, Stack("travel-gpt-backend"))

    delete_keys(aws, Person(), clients)
    show_table(Person(), clients, "")

    assert (clients.steps, aws.operations, capsys.readouterr().out) == ([], ["GetApiKeys"], "")


@pytest.mark.parametrize(
    ("keys", "said"), [(("a",), "the API key of 1 client."), (("a", "b"), "keys of 2 clients.")]
)
def test_the_plan_counts_them(keys: tuple[str, ...], said: str) -> None:
    (step,) = Clients(keys, "").steps

    assert said in step


def test_a_key_that_is_gone_is_no_failure_and_another_one_is() -> None:
    gone = aws_error("DeleteApiKey", "NotFoundException", "Invalid API Key identifier specified")
    aws = ScriptedAws({"DeleteApiKey": lambda asked: gone if asked["apiKey"] == "a" else {}})

    delete_keys(aws, Person(), Clients(("a", "b"), ""))

    assert [asked["apiKey"] for _, asked in aws.calls] == ["a", "b"]
    aws.answers["DeleteApiKey"] = aws_error("DeleteApiKey", "TooManyRequestsException", "Rate exceeded")
    with pytest.raises(ClientError, match="Rate exceeded"):
        delete_keys(aws, Person(), Clients(("a", "b"), ""))


def test_the_table_stays_with_the_commands_that_delete_it(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(Person(), Clients((), "clients-1"), " --region eu-west-1")

    said = capsys.readouterr().out
    assert "The table clients-1 stays" in said
    off, delete = (line.strip() for line in said.splitlines() if line.startswith("  aws"))
    named = "--table-name clients-1 --region eu-west-1"
    assert off == f"aws dynamodb update-table --no-deletion-protection-enabled {named}"
    assert delete == f"aws dynamodb delete-table {named}"
