"""What an account's limit of concurrency means for the throttle, and for a reservation."""

import re
from typing import Any

import pytest

from testbed import reservation
from tests.support.recorded import differences, recording
from tests.unit.cli.deploy.conftest import ScriptedAws, aws_error, options
from travel_gpt.cli.deploy import concurrency
from travel_gpt.cli.errors import CliError

DEFAULTS = {"ReservedConcurrency": "", "ThrottleRate": "5", "ThrottleBurst": "10", "LogLevel": "INFO"}
FLAGS = " --region eu-west-1"


def account(limit: int, unreserved: int | None = None) -> ScriptedAws:
    limits = {
        "ConcurrentExecutions": limit,
        "UnreservedConcurrentExecutions": limit if unreserved is None else unreserved,
    }
    return ScriptedAws({"GetAccountSettings": {"AccountLimit": limits, "AccountUsage": {}}})


def check(aws: ScriptedAws, *typed: str, current: Any = None, **values: str) -> str:
    given = options(*typed)
    return concurrency.check(aws, given, {**DEFAULTS, **values}, current or {}, FLAGS)


def test_what_the_limit_of_a_new_account_means_is_printed_in_figures() -> None:
    said = check(account(10))

    for figure in (
        "Lambda runs 10 requests at the same time",
        "10 of them unreserved",
        "about 8 s, so that is about 1.2 answers a second",
        "lets 5 queries a second through (ThrottleRate), 10 at once (ThrottleBurst)",
        "--parameter ThrottleRate=1 --parameter ThrottleBurst=10",
    ):
        assert figure in said
    assert said.endswith("--quota-code L-B99A9384 --desired-value 1000 --region eu-west-1")


DENIED = aws_error("GetAccountSettings", "AccessDeniedException", "not authorized")


@pytest.mark.parametrize(
    ("aws", "values"),
    [
        (account(1000), {}),
        (account(1000), {"ThrottleRate": "100", "ThrottleBurst": "800"}),
        (account(10), {"ThrottleRate": "1"}),
        (account(10), {"ReservedConcurrency": "0"}),
        (account(10), {"ThrottleRate": "fast"}),
        (account(10), {"ReservedConcurrency": "some"}),
        (ScriptedAws({"GetAccountSettings": DENIED}), {}),
    ],
    ids=["default", "high", "new-and-low", "stopped", "no-number", "no-count", "hidden"],
)
def test_nothing_is_said_where_the_limit_suffices_or_cannot_be_compared(
    aws: ScriptedAws, values: dict[str, str]
) -> None:
    assert check(aws, **values) == ""


@pytest.mark.parametrize("values", [{"ThrottleRate": "500"}, {"ThrottleBurst": "5000"}])
def test_a_usual_account_with_a_high_throttle_is_warned_too(values: dict[str, str]) -> None:
    assert "Lambda runs 1000 requests" in check(account(1000), **values)


def test_where_the_lowest_throttle_is_too_high_only_the_limit_can_be_raised() -> None:
    said = check(account(1000, unreserved=3), ThrottleRate="1", ThrottleBurst="1")

    assert "Lower the throttle" not in said
    assert "Ask AWS for a higher limit" in said


def test_it_is_not_asked_again_while_nothing_about_it_changes() -> None:
    aws = account(10)

    assert (check(aws, current={**DEFAULTS, "LogLevel": "ERROR"}), aws.calls) == ("", [])


class TestAReservation:
    # AWS keeps 100 unreserved, or all of a lower limit.
    @pytest.mark.parametrize(
        ("limit", "unreserved", "wanted", "most"),
        [(10, 10, "1", 0), (50, 50, "1", 0), (100, 100, "5", 0), (1000, 150, "51", 50), (1000, 60, "1", 0)],
    )
    def test_that_the_account_cannot_give_stops_it(
        self, limit: int, unreserved: int, wanted: str, most: int
    ) -> None:
        aws = account(limit, unreserved)

        with pytest.raises(CliError) as stopped:
            check(aws, "--yes", "--parameter", f"ReservedConcurrency={wanted}", ReservedConcurrency=wanted)

        said = str(stopped.value)
        assert f"ReservedConcurrency={wanted} is more than this account can set aside" in said
        assert re.search(rf"\b{most} to reserve\. Nothing was changed", said)
        assert "    ./deploy.sh --yes --parameter ReservedConcurrency=\n" in said

    @pytest.mark.parametrize(
        ("unreserved", "wanted", "current"),
        [(150, "50", ""), (1000, "900", ""), (100, "50", "50"), (120, "70", "50"), (60, "40", "50")],
    )
    def test_that_the_account_can_give_is_made(self, unreserved: int, wanted: str, current: str) -> None:
        before = {**DEFAULTS, "ReservedConcurrency": current}

        check(account(1000, unreserved), current=before if current else None, ReservedConcurrency=wanted)

    @pytest.mark.parametrize("limit", [10, 100, 150, 1000])
    @pytest.mark.parametrize("elsewhere", [0, 40])
    @pytest.mark.parametrize("wanted", [1, 10, 50, 60, 900])
    def test_is_stopped_exactly_where_lambda_refuses_it(
        self, limit: int, elsewhere: int, wanted: int
    ) -> None:
        aws = account(limit, limit - elsewhere)
        refused = bool(reservation.refusal(wanted, limit=limit, reserved_elsewhere=elsewhere))

        try:
            check(aws, ReservedConcurrency=str(wanted))
        except CliError:
            assert refused
        else:
            assert not refused

    def test_is_refused_in_the_recorded_words(self) -> None:
        recorded = recording("lambda/PutFunctionConcurrency/below-unreserved-minimum")

        said = reservation.refusal(1, limit=10, reserved_elsewhere=0)

        assert not differences(recorded.error[1], said)

    def test_that_is_too_small_for_the_throttle_is_a_note(self) -> None:
        said = check(account(1000), ReservedConcurrency="4")

        assert said.startswith("ReservedConcurrency lets 4 requests run. ")
        assert said.endswith("or raise it.")
