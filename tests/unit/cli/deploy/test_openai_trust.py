"""What deploy.sh says about the mapping at OpenAI, which outlives the role that it names."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.cli.deploy.conftest import Person, ScriptedAws, aws_error, options
from travel_gpt.cli.aws_session import Account
from travel_gpt.cli.deploy import openai_trust
from travel_gpt.cli.deploy.main import remove
from travel_gpt.cli.deploy.openai_trust import (
    WHERE,
    Trust,
    find_trust,
    show_setup,
    trust_ended_by,
    trust_shown_at_the_end,
    upgrade_step,
    verify_streams,
)
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.stack import Health, Stack

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
    assert f"remove the mapping of {ROLE} and {STREAMS}" in " ".join(plan.split())
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
    assert find_trust(stack("off", **IDS)) == Trust(
        (ROLE, STREAMS), "openai.travel_gpt_backend", "wip_acme", "sa_travel"
    )


def test_without_ids_or_outputs_it_says_what_to_look_for(capsys: pytest.CaptureFixture[str]) -> None:
    trust = find_trust(Stack("mine", "DELETE_FAILED", parameters={"Keyless": "prepare"}))

    assert trust is not None
    trust.show(Person())
    shown = capsys.readouterr().out
    assert "mine-TravelGPTFunctionRole" in shown
    assert "look for the mapping of these roles" in shown


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


def test_what_to_set_up_is_one_mapping_for_both_roles(capsys: pytest.CaptureFixture[str]) -> None:
    show_setup(Person(), stack("prepare"), "https://issuer.example")

    shown = capsys.readouterr().out
    assert f'    expression              assertion.sub in ["{ROLE}", "{STREAMS}"]\n' in shown
    assert "Attribute transformation  openai.travel_gpt_backend\n" in shown
    assert shown.count("openai.travel_gpt_backend") == 2
    assert "    value                   true\n" in shown
    assert "https://issuer.example" in shown


class TestAStackOfAnEarlierVersion:
    @pytest.mark.parametrize(
        ("before", "after", "said"),
        [
            (("on", False), {"Keyless": "on", "Streaming": "on"}, True),
            (("switch", False), {"Keyless": "switch", "Streaming": "on"}, True),
            (("on", True), {"Keyless": "on", "Streaming": "on"}, False),
            (("on", False), {"Keyless": "on", "Streaming": "off"}, False),
            (("on", False), {"Keyless": "off", "Streaming": "on"}, False),
            (("prepare", False), {"Keyless": "prepare", "Streaming": "on"}, False),
            (("off", False), {"Keyless": "off", "Streaming": "on"}, False),
        ],
    )
    def test_the_plan_says_what_streams_need(
        self, before: tuple[str, bool], after: dict[str, str], said: bool
    ) -> None:
        keyless, streams = before
        there = stack(keyless, **IDS)
        outputs = dict(there.outputs) if streams else {"FunctionRoleArn": ROLE}

        step = upgrade_step(replace(there, outputs=outputs), after)

        assert ("credential_rejected" in step) is said
        assert bool(step) is said


class TestVerifyingTheStreams:
    URL = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/Prod/travel-gpt"
    KEY = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3A"

    @pytest.fixture
    def sent(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
        sent: list[tuple[str, str]] = []

        def verify(url: str, api_key: str) -> Health:
            sent.append((url, api_key))
            return Health(200, "answered 200", {"status": "success", "has_api_key": False})

        monkeypatch.setattr(openai_trust, "verify_stream_identity", verify)
        return sent

    def deployed(self, access: str) -> Stack:
        outputs = {"ApiUrl": self.URL, "ApiAccess": access, "ApiKeyId": "a1b2c3"}
        return replace(stack("prepare"), outputs=outputs)

    def test_it_is_asked_with_the_key_of_the_stack_which_is_masked(
        self, sent: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        aws, console = ScriptedAws({"GetApiKey": {"value": self.KEY}}), Person()

        assert verify_streams(aws, console, self.deployed("api-key")).is_good

        assert aws.calls == [("GetApiKey", {"apiKey": "a1b2c3", "includeValue": True})]
        assert sent == [(f"{self.URL}/stream", self.KEY)]
        console.say(self.KEY)
        assert self.KEY[:12] not in capsys.readouterr().out

    def test_an_open_api_is_asked_without_one(self, sent: list[tuple[str, str]]) -> None:
        assert verify_streams(ScriptedAws({}), Person(), self.deployed("open")).is_good
        assert sent == [(f"{self.URL}/stream", "")]

    def test_a_key_that_may_not_be_read_is_said(self, sent: list[tuple[str, str]]) -> None:
        aws = ScriptedAws({"GetApiKey": aws_error("GetApiKey", "AccessDeniedException", "Not yours.")})

        health = verify_streams(aws, Person(), self.deployed("api-key"))

        assert not health.is_good
        assert "apigateway:GET" in health.sentence
        assert sent == []
