"""A version that a rotation left as AWSPENDING: what deploy.sh makes of it."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from tests.unit.cli.deploy.conftest import Person, ScriptedAws, aws_error, options
from travel_gpt.cli.deploy import rotation, secret
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.errors import CliError

NAME, ADMIN = "travel-gpt/openai-api-key", "travel-gpt/openai-admin-key"
V1, V2 = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-000000000000"
FLAGS = " --region eu-west-1"
LEFT = {V1: ["AWSCURRENT"], V2: ["AWSPENDING"]}
# Source: recorded secretsmanager/ListSecretVersionIds/AWSCURRENT-and-AWSPENDING-same-version.
ENDED = {V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT", "AWSPENDING"]}
ON = {
    "OpenAIProjectId": "proj_1",
    "OpenAIServiceAccountId": "user-1",
    "AdminSecretName": ADMIN,
    "SecretName": NAME,
    "OpenAIBaseUrl": "",
    "RotationDays": "30",
    "Keyless": "off",
    "OpenAIApi": "responses",
    "RotationKeyScopes": "",
}


def described(name: str, stages: Mapping[str, list[str]]) -> dict[str, Any]:
    arn = f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-Ab12Cd"
    return {"ARN": arn, "Name": name, "VersionIdsToStages": stages}


def account(stages: Mapping[str, list[str]], *, denied: bool = False) -> ScriptedAws:
    """An account with the secret, and the one with the admin key."""
    no = aws_error("DescribeSecret", "AccessDeniedException", "no")

    def describe(given: dict[str, Any]) -> Any:
        if given["SecretId"] == ADMIN:
            return described(ADMIN, {"a": ["AWSCURRENT"]})
        return no if denied else described(NAME, stages)

    value = {"SecretString": "sk-proj-0123456789abcdef", "VersionId": V1}
    return ScriptedAws({"DescribeSecret": describe, "GetSecretValue": value, "UpdateSecretVersionStage": {}})


def resolve(
    aws: ScriptedAws,
    person: Person,
    *given: str,
    before: Mapping[str, str] = ON,
    after: Mapping[str, str] = ON,
) -> rotation.Rotation:
    return rotation.resolve(aws, person, options(*given), after, before, secret.read(aws, NAME), FLAGS)


def in_one_line(text: object) -> str:
    return " ".join(str(text).split())


COMMAND = f"travel-gpt secret discard-pending --secret {NAME}{FLAGS}"
OTHER_PERIOD = {**ON, "RotationDays": "60"}


class TestWhereTheRotationStaysAsItIs:
    def test_it_is_a_note_with_the_command(self) -> None:
        decided = resolve(account(LEFT), Person())

        assert decided.discard == ""
        (note,) = decided.notes
        assert f"Version {V2}" in note
        assert COMMAND in in_one_line(note)

    @pytest.mark.parametrize("stages", [{V1: ["AWSCURRENT"]}, ENDED], ids=["none", "ended"])
    def test_what_a_rotation_that_ended_leaves_is_no_note(self, stages: dict[str, list[str]]) -> None:
        assert resolve(account(stages), Person("y")) == rotation.Rotation()

    def test_where_the_caller_may_not_look_nothing_is_claimed(self) -> None:
        assert resolve(account(LEFT, denied=True), Person("y")).notes == ()


class TestWhereTheRotationsSettingsChange:
    @pytest.mark.parametrize("before", [{}, OTHER_PERIOD], ids=["turned-on", "other-period"])
    @pytest.mark.parametrize(("given", "answers"), [((), ()), (("--yes",), ("y",)), ((), ("n",))])
    def test_without_a_yes_at_a_terminal_it_stops_before_the_stack_would_be_rolled_back(
        self, before: dict[str, str], given: tuple[str, ...], answers: tuple[str, ...]
    ) -> None:
        aws = account(LEFT)

        with pytest.raises(CliError) as stopped:
            resolve(aws, Person(*answers), *given, before=before)

        said = in_one_line(stopped.value)
        assert "rolled back" in said
        assert "Nothing was changed" in said
        assert COMMAND in said
        assert set(aws.operations) == {"DescribeSecret", "GetSecretValue"}

    def test_a_dry_run_says_it_in_a_note(self) -> None:
        decided = resolve(account(LEFT), Person("y"), "--dry-run", before=OTHER_PERIOD)

        assert decided.discard == ""
        assert COMMAND in in_one_line(decided.notes)

    def test_at_a_terminal_yes_discards_it_as_a_step(self) -> None:
        aws, person = account(LEFT), Person("y")

        decided = resolve(aws, person, before=OTHER_PERIOD)

        assert decided.discard == V2
        assert "Discard it before deploying?" in person.asked[0]
        # Deciding changes nothing.
        assert set(aws.operations) == {"DescribeSecret", "GetSecretValue"}
        secret.discard_pending(aws, person, NAME, decided.discard)
        label = {"SecretId": NAME, "VersionStage": "AWSPENDING", "RemoveFromVersionId": V2}
        assert aws.calls[-1] == ("UpdateSecretVersionStage", label)

    def test_a_secret_that_does_not_exist_yet_is_not_asked_for(self) -> None:
        decision = secret.resolve_pending(Person("y"), options(), Secret(NAME), FLAGS, changes=True)

        assert decision == secret.Pending()


ENDED_WELL = {V1: ["AWSCURRENT"]}


class TestAnotherApi:
    CHAT: ClassVar = {**ON, "OpenAIApi": "chat"}

    def test_a_key_of_the_rotation_may_not_use_it_so_rotating_comes_next(self) -> None:
        (note,) = resolve(account(ENDED_WELL), Person(), after=self.CHAT).notes

        assert "from responses to chat" in note
        assert f"aws secretsmanager rotate-secret --secret-id {NAME}{FLAGS}" in note

    @pytest.mark.parametrize(
        "chosen",
        [
            {"before": {}},
            {"before": {**ON, "OpenAIApi": "chat"}},
            {"after": {**CHAT, "RotationKeyScopes": "all"}},
        ],
        ids=["turned-on", "as-before", "scopes-chosen"],
    )
    def test_elsewhere_there_is_nothing_to_say(self, chosen: dict[str, Any]) -> None:
        assert resolve(account(ENDED_WELL), Person(), **{"after": self.CHAT, **chosen}).notes == ()


def days(new: str, old: str | None = None) -> list[Parameter]:
    return [Parameter("Other", "x", "x", "x"), Parameter("RotationDays", old, new, "30")]


class TestTheLongestPeriod:
    @pytest.mark.parametrize("kept", ["1", "30", "182", "often"])
    def test_what_the_template_accepts_stays_and_no_number_is_left_to_cloudformation(self, kept: str) -> None:
        assert rotation.limit(days(kept, kept)) == (days(kept, kept), "")

    @pytest.mark.parametrize("kept", ["183", "365"])
    def test_what_an_older_template_accepted_is_lowered_and_said(self, kept: str) -> None:
        parameters, note = rotation.limit(days(kept, kept))

        assert parameters == days("182", kept)
        assert f"RotationDays is {kept} and becomes 182" in note
        assert "365 days" in note

    @pytest.mark.parametrize("old", [None, "30"])
    def test_what_is_given_now_is_refused(self, old: str | None) -> None:
        with pytest.raises(CliError, match=r"RotationDays must be at most 182, not 183") as stopped:
            rotation.limit(days("183", old))

        assert stopped.value.status == 2
