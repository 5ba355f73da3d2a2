"""What deploy.sh says about the mapping at OpenAI, which outlives the role that it names."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.cli.deploy.conftest import Person, ScriptedAws, aws_error, options
from travel_gpt.cli.aws_session import Account
from travel_gpt.cli.deploy.keyless import WHERE, Trust, find_trust, trust_ended_by, trust_shown_at_the_end
from travel_gpt.cli.deploy.main import remove
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Stack

ROLE = "arn:aws:iam::123456789012:role/travel-gpt-backend-TravelGPTFunctionRole-Ab12Cd34"
STREAMS = "arn:aws:iam::123456789012:role/travel-gpt-backend-StreamFunctionRole-Ab12Cd34"
IDS = {"OpenAIIdentityProviderId": "wip_acme", "OpenAIServiceAccountId": "sa_travel"}
ACCOUNT = Account("123456789012", "arn:aws:iam::123456789012:user/owner", "us-east-1")


def stack(keyless: str, *, status: str = "UPDATE_COMPLETE", **parameters: str) -> Stack:
    return Stack(
        "travel-gpt-backend",
        status,
        "arn:aws:cloudformation:us-east-1:123456789012:stack/travel-gpt-backend/1",
        parameters={"Keyless": keyless, **parameters},
        outputs={"FunctionRoleArn": ROLE, "StreamFunctionRoleArn": STREAMS},
    )


def described(one: Stack) -> dict[str, Any]:
    return {
        "StackName": one.name,
        "StackStatus": one.status,
        "StackId": one.id,
        "CreationTime": datetime(2026, 11, 1, tzinfo=UTC),
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {"SecretName": "travel-gpt/openai-api-key", **one.parameters}.items()
        ],
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in one.outputs.items()],
    }


def account_with(one: Stack) -> ScriptedAws:
    """An account with a stack, which is gone once it is deleted, and no secret."""
    gone = aws_error("DescribeStacks", "ValidationError", "Stack does not exist")
    nothing = aws_error("DescribeSecret", "ResourceNotFoundException", "Not there.")
    aws = ScriptedAws(
        {
            "GetApiKeys": {"items": []},
            "DescribeStacks": lambda _: (
                gone if "DeleteStack" in aws.operations else {"Stacks": [described(one)]}
            ),
            "DeleteStack": {},
            "DescribeSecret": nothing,
        }
    )
    return aws


@pytest.mark.parametrize("keyless", ["prepare", "switch", "on"])
def test_deleting_a_keyless_stack_names_the_mapping_before_the_question_and_at_the_end(
    keyless: str, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person("travel-gpt-backend")

    remove(account_with(stack(keyless, **IDS)), person, options("--delete"), ACCOUNT)

    plan, _, at_the_end = capsys.readouterr().out.partition("Deleting the stack")
    assert f"remove the mapping of the role {ROLE}" in " ".join(plan.split())
    for said in (ROLE, "wip_acme", "sa_travel", WHERE, "inherits the trust"):
        assert said in " ".join(at_the_end.split())


def test_a_dry_run_of_a_deletion_names_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    remove(account_with(stack("on", **IDS)), Person(), options("--delete", "--dry-run"), ACCOUNT)

    assert ROLE in capsys.readouterr().out


def test_deleting_a_stack_that_had_a_key_says_nothing_of_a_mapping(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # A service account alone is what rotation has.
    aws = account_with(stack("off", OpenAIServiceAccountId="sa_travel"))

    remove(aws, Person(assume_yes=True), options("--delete", "--yes"), ACCOUNT)

    assert "mapping" not in capsys.readouterr().out


def test_a_stack_that_was_keyless_once_may_still_be_trusted() -> None:
    assert find_trust(stack("off", **IDS)) == Trust(f"{ROLE} and {STREAMS}", "wip_acme", "sa_travel")


def test_without_ids_or_outputs_it_says_what_to_look_for(capsys: pytest.CaptureFixture[str]) -> None:
    trust = find_trust(Stack("mine", "DELETE_FAILED", parameters={"Keyless": "prepare"}))

    assert trust is not None
    trust.show(Person())
    shown = capsys.readouterr().out
    assert "mine-TravelGPTFunctionRole" in shown
    assert "look for the mapping with this role" in shown


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        (stack("on", **IDS), "off", True),
        (stack("switch", **IDS), "off", True),
        (stack("prepare"), "off", True),
        (stack("on", **IDS), "on", False),
        (stack("prepare"), "on", False),
        (stack("off", **IDS), "off", False),
        (Stack("new"), "off", False),
        (stack("prepare", status="ROLLBACK_COMPLETE"), "prepare", True),
    ],
)
def test_a_deployment_that_ends_the_identity_is_recognised(before: Stack, after: str, ends: bool) -> None:
    assert (trust_ended_by(before, {"Keyless": after}) is not None) is ends


def test_it_is_shown_also_where_the_last_step_stops(capsys: pytest.CaptureFixture[str]) -> None:
    trust = find_trust(stack("on", **IDS))

    with pytest.raises(CliError), trust_shown_at_the_end(Person(), trust):
        raise CliError("The stack is deployed, and its health says 503")

    assert ROLE in capsys.readouterr().out
