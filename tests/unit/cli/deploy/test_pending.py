"""A version that a rotation left as AWSPENDING: what deploy.sh makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from travel_gpt.cli.deploy import pending, rotation
from travel_gpt.cli.deploy.console import CliError
from travel_gpt.cli.deploy.options import Options, read_options
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.deploy.secret import Secret
from travel_gpt.cli.deploy.shell import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from travel_gpt.cli.deploy.console import Console
    from travel_gpt.cli.deploy.shell import Commands

NAME, ADMIN = "travel-gpt/openai-api-key", "travel-gpt/openai-admin-key"
FLAGS = " --region eu-west-1"
LEFT = {"v1": ["AWSCURRENT"], "v2": ["AWSPENDING"]}
# Source: recorded secretsmanager/ListSecretVersionIds/AWSCURRENT-and-AWSPENDING-same-version.
ENDED = {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT", "AWSPENDING"]}
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
SECRET = Secret(NAME, exists=True)


class Aws:
    """The aws command line, of an account with the secret and the one with the admin key."""

    def __init__(self, stages: Mapping[str, list[str]], *, denied: bool = False) -> None:
        self.stages, self.denied = stages, denied
        self.called: list[tuple[str, ...]] = []

    def aws(self, *arguments: str) -> Any:
        self.called.append(arguments)
        if arguments[1] == "describe-secret" and arguments[-1] == ADMIN:
            return {"VersionIdsToStages": {"a": ["AWSCURRENT"]}}
        if self.denied:
            raise AwsError(" ".join(arguments[:2]), "An error occurred (AccessDeniedException): no")
        return {"VersionIdsToStages": self.stages} if arguments[1] == "describe-secret" else None


class Person:
    """The person at the terminal, or none."""

    def __init__(self, answer: bool | None = None) -> None:
        self.terminal, self.answer = answer is not None, answer
        self.shown: list[str] = []

    def say(self, text: str = "") -> None:
        self.shown.append(text)

    text = step = good = say

    def ask(self, question: str) -> bool:
        self.shown.append(question)
        assert self.answer is not None, "a question without a person to answer it"
        return self.answer


def options(*given: str) -> Options:
    read = read_options(list(given))
    assert read is not None
    return read


def settle(
    aws: Aws, person: Person, *given: str, before: Mapping[str, str] = ON, after: Mapping[str, str] = ON
) -> rotation.Rotation:
    return rotation.resolve(
        cast("Commands", aws), cast("Console", person), options(*given), after, before, SECRET, FLAGS
    )


def in_one_line(text: object) -> str:
    return " ".join(str(text).split())


COMMAND = (
    f"aws secretsmanager update-secret-version-stage --secret-id {NAME} --version-stage AWSPENDING "
    f"--remove-from-version-id v2{FLAGS}"
)
OTHER_PERIOD = {**ON, "RotationDays": "60"}


class TestWhereTheRotationStaysAsItIs:
    def test_it_is_a_note_with_the_command(self) -> None:
        decided = settle(Aws(LEFT), Person())

        assert decided.discard == ""
        (note,) = decided.notes
        assert "Version v2" in note
        assert COMMAND in in_one_line(note)

    @pytest.mark.parametrize("stages", [{"v1": ["AWSCURRENT"]}, ENDED], ids=["none", "ended"])
    def test_what_a_rotation_that_ended_leaves_is_no_note(self, stages: dict[str, list[str]]) -> None:
        assert settle(Aws(stages), Person(True)) == rotation.Rotation()

    def test_where_the_caller_may_not_look_nothing_is_claimed(self) -> None:
        assert settle(Aws(LEFT, denied=True), Person(True)).notes == ()


class TestWhereTheRotationsSettingsChange:
    @pytest.mark.parametrize("before", [{}, OTHER_PERIOD], ids=["turned-on", "other-period"])
    @pytest.mark.parametrize("given", [(), ("--yes",)])
    def test_without_an_answer_it_stops_before_the_stack_would_be_rolled_back(
        self, before: dict[str, str], given: tuple[str, ...]
    ) -> None:
        aws = Aws(LEFT)

        with pytest.raises(CliError) as stopped:
            settle(aws, Person(True if given else None), *given, before=before)

        said = in_one_line(stopped.value)
        assert "rolled back" in said
        assert "Nothing was changed" in said
        assert COMMAND in said
        assert {arguments[1] for arguments in aws.called} == {"describe-secret"}

    def test_a_dry_run_says_it_in_a_note(self) -> None:
        decided = settle(Aws(LEFT), Person(True), "--dry-run", before=OTHER_PERIOD)

        assert decided.discard == ""
        assert COMMAND in in_one_line(decided.notes)

    def test_at_a_terminal_no_stops_it(self) -> None:
        with pytest.raises(CliError, match="Nothing was changed"):
            settle(Aws(LEFT), Person(False), before=OTHER_PERIOD)

    def test_at_a_terminal_yes_discards_it_as_a_step(self) -> None:
        aws, person = Aws(LEFT), Person(True)

        decided = settle(aws, person, before=OTHER_PERIOD)

        assert decided.discard == "v2"
        assert "Discard it before deploying?" in person.shown
        # Deciding changes nothing.
        assert {arguments[1] for arguments in aws.called} == {"describe-secret"}
        pending.discard(cast("Commands", aws), cast("Console", person), NAME, decided.discard)
        assert "aws " + " ".join(aws.called[-1]) + FLAGS == COMMAND

    def test_a_secret_that_does_not_exist_yet_is_not_asked_for(self) -> None:
        aws = Aws(LEFT)

        assert pending.find(cast("Commands", aws), Secret(NAME)) == ""
        assert aws.called == []


ENDED_WELL = {"v1": ["AWSCURRENT"]}


class TestAnotherApi:
    CHAT: ClassVar = {**ON, "OpenAIApi": "chat"}

    def test_a_key_of_the_rotation_may_not_use_it_so_rotating_comes_next(self) -> None:
        (note,) = settle(Aws(ENDED_WELL), Person(), after=self.CHAT).notes

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
        assert settle(Aws(ENDED_WELL), Person(), **{"after": self.CHAT, **chosen}).notes == ()


def days(new: str, old: str | None = None) -> list[Parameter]:
    return [Parameter("Other", "x", "x", "x"), Parameter("RotationDays", old, new, "30")]


class TestTheLongestPeriod:
    @pytest.mark.parametrize("kept", ["1", "30", "182"])
    def test_what_the_template_accepts_stays(self, kept: str) -> None:
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

    def test_what_is_no_number_is_left_to_cloudformation(self) -> None:
        assert rotation.limit(days("often", "often")) == (days("often", "often"), "")
