"""Plans a trip: the model proposes, code checks, and what is wrong goes back to the model once."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, Final

from pydantic_core import to_jsonable_python

from travel_gpt.advisor.at_once import at_once
from travel_gpt.advisor.budget_shares import left_for_day, with_share
from travel_gpt.advisor.checks.concerned_days import concerned_days
from travel_gpt.advisor.checks.result import Severity
from travel_gpt.advisor.checks.run import Verdict, check_trip
from travel_gpt.advisor.constraints import Constraints, as_request
from travel_gpt.advisor.filling import fill
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.steps import Step
from travel_gpt.advisor.trip import MissingReason, Trip
from travel_gpt.advisor.trip_text import trip_text
from travel_gpt.advisor.trip_writer import Ask, TripWriter
from travel_gpt.advisor.understanding import merge
from travel_gpt.advisor.wire import Outline
from travel_gpt.advisor.written_days import WrittenDay, as_written
from travel_gpt.deadline import Deadline
from travel_gpt.errors import (
    ContentRefused,
    InvalidConstraint,
    InvalidItinerary,
    LimitError,
    TravelGPTError,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from travel_gpt.llm.model_api import Answer
from travel_gpt.telemetry import logger

MOST_AT_ONCE: Final = 15
"""Calls of the model that one request makes at the same time."""

MIN_REPAIR_SECONDS: Final = 1.0
"""Seconds without which no repair is begun."""

LONGEST_WAIT: Final = 20.0
"""Seconds that a missing day waits because the model's server asks for it."""

TO_CHECK: Final = 0.6
"""Seconds that are kept before the deadline for the checks and the reply."""

TOO_LONG: Final = (
    "The model took too long for the outline of this trip. Ask for fewer days, or ask "
    "POST /travel-gpt/stream, which has more time."
)


def plan(
    query: str,
    given: Constraints,
    ask: Ask,
    reference: Reference,
    today: date,
    most_days: int,
    deadline: Deadline,
) -> Generator[Step | Answer]:
    """Plan a trip.

    Args:
        query: what the traveller wrote.
        given: what the caller gave as fields.
        ask: asks the model.
        reference: what is known of places.
        today: the date.
        most_days: days of the longest trip that is planned; 0 for none.
        deadline: when the trip must be complete. Days that are not ready then are left out.

    Yields:
        The outline, each day, each day that the repair changed, and the trip.

    Raises:
        InvalidConstraint: the currency is not known, or the trip longer than is planned.
        InvalidItinerary: the model gave no usable outline, or every day failed.
        TravelGPTError: it could not be asked.
    """
    return _Planning(query, given, ask, reference, today, most_days, deadline).run()


class _Planning:
    def __init__(
        self,
        query: str,
        given: Constraints,
        ask: Ask,
        reference: Reference,
        today: date,
        most_days: int,
        deadline: Deadline,
    ) -> None:
        self._given, self._today, self._most_days = given, today, most_days
        self._reference = reference
        self._deadline = deadline.before(TO_CHECK)
        about = {"today": today.isoformat(), "request": query, "constraints": as_request(given)}
        self._writer = TripWriter(ask, self._deadline, about)
        self._days: dict[int, WrittenDay] = {}
        self._failures: dict[int, TravelGPTError] = {}
        self._left_for_day: float | None = None

    def run(self) -> Generator[Step | Answer]:
        """Plan."""
        if not self._most_days:
            raise InvalidConstraint(
                "itineraries are turned off",
                message='This API plans no itineraries. Leave out "format" for an answer in prose.',
            )
        self._require_known_currency()
        self._require_short_enough((self._given.nights or 0) + 1)
        self._outline = self._write_outline()
        self._asked, from_query = self._understood(self._outline)
        self._require_short_enough(max(len(self._outline.days), (self._asked.nights or 0) + 1))
        self._constraints = as_request(self._asked)
        trip = self._trip()
        yield Step("outline", {"itinerary": to_jsonable_python(trip)})
        for number in self._write_days(trip):
            yield Step("day", {"day": to_jsonable_python(self._trip().days[number - 1])})
        self._require_a_day()
        trip = self._trip()
        verdict = check_trip(trip, self._asked)
        before = [
            result.rule
            for result in verdict.results
            if result.violations and result.severity is not Severity.NOTE
        ]
        outcome, changed, verdict = self._repair(trip, verdict)
        trip = self._trip()
        for number in changed:
            yield Step("revised", {"day": to_jsonable_python(trip.days[number - 1])})
        repair = {"outcome": outcome, "days": changed, "before": before}
        yield self._planned(trip, verdict, from_query, repair)

    def _require_known_currency(self) -> None:
        budget = self._given.budget
        if budget is not None and self._reference.currency(budget.currency) is None:
            raise InvalidConstraint(
                "the currency of the budget is not known",
                message='"budget.currency" must be a currency of ISO 4217 that is in use, such as EUR.',
            )

    def _require_short_enough(self, days: int) -> None:
        if days > self._most_days:
            raise InvalidConstraint(
                f"a trip of {days} days",
                message=f"The trip has {days} days; this API plans {self._most_days} at most. Ask for its "
                "first part, and for the rest in another request.",
            )

    def _write_outline(self) -> Outline:
        days = None if self._given.nights is None else self._given.nights + 1
        try:
            return self._writer.outline(days, self._most_days, self._problems)
        except UpstreamTimeout as late:
            late.message = TOO_LONG
            raise

    def _problems(self, outline: Outline) -> list[str]:
        """Return what is wrong with an outline so that days which follow it would be wrong too."""
        asked, _ = self._understood(outline)
        found: list[str] = []
        if asked.nights is None:
            if len(outline.days) > self._most_days:
                found.append(f"days: there may be {self._most_days} at most")
        elif len(outline.days) != (wanted := asked.nights + 1):
            found.append(f"days: there must be {wanted}, one for each calendar day, not {len(outline.days)}")
        currency = outline.currency.strip().upper()
        if asked.budget is not None and asked.budget.currency != currency:
            found.append(f"currency: all costs must be in {asked.budget.currency}, that of the budget")
        elif self._reference.currency(currency) is None:
            found.append("currency: it must be the code of a currency of ISO 4217")
        return found

    def _understood(self, outline: Outline) -> tuple[Constraints, tuple[str, ...]]:
        decimal_places = self._reference.currency
        return merge(self._given, outline.understood, self._today, outline.currency, decimal_places)

    def _write_days(self, frame: Trip) -> Iterator[int]:
        self._left_for_day = left_for_day(frame, self._asked)
        calls = {number: self._call_for_day(number) for number in range(1, len(self._outline.days) + 1)}
        for number, day in at_once(calls, MOST_AT_ONCE, self._deadline):
            if isinstance(day, Exception):
                self._note(number, day)
            else:
                self._days[number] = day
                yield number

    def _require_a_day(self) -> None:
        """Raise the first failure, if no day could be written. Days that were late are only missing."""
        if not self._days and self._failures:
            raise next(iter(self._failures.values()))

    def _repair(self, trip: Trip, verdict: Verdict) -> tuple[str, tuple[int, ...], Verdict]:
        """Have days written anew, and keep those that make the trip better.

        Args:
            trip: the trip as it is.
            verdict: what the rules report about it.

        Returns:
            How it ended, which days were changed, and the verdict now.
        """
        calls = self._repairs(trip, verdict)
        if not calls:
            return "not_possible" if verdict.errors or verdict.warnings else "not_needed", (), verdict
        # A revised day has legs and a night besides, so it takes longer than the longest day did.
        if self._deadline.left() < max(self._writer.longest * 1.3, MIN_REPAIR_SECONDS):
            return "no_time", (), verdict
        revised: dict[int, WrittenDay] = {}
        refused = False
        for number, day in at_once(calls, MOST_AT_ONCE, self._deadline):
            if isinstance(day, Exception):
                refused |= isinstance(day, LimitError)
                self._note(number, day)
            else:
                revised[number] = day
        if not revised:
            return ("no_budget" if refused else "failed"), (), verdict
        changed, now = self._keep_better(revised, trip, verdict)
        if not changed:
            return "failed", (), verdict
        return "partly" if self._repairs(self._trip(), now) else "done", changed, now

    def _keep_better(
        self, revised: Mapping[int, WrittenDay], trip: Trip, verdict: Verdict
    ) -> tuple[tuple[int, ...], Verdict]:
        """Take over those of the revised days with which the trip is best.

        Args:
            revised: the revised days, by their numbers.
            trip: the trip without them.
            verdict: what the rules report about it.

        Returns:
            The days that were changed, and the verdict now.
        """
        before = self._days

        def judged(days: Mapping[int, WrittenDay]) -> tuple[tuple[int, int, int], Verdict]:
            self._days = {**before, **days}
            changed = self._trip()
            found = check_trip(changed, self._asked)
            return _faults(changed, found), found

        kept = dict(revised)
        best, now = judged(kept)
        for number in revised:
            if not any(best) or not self._deadline.left():
                break
            fewer = {other: day for other, day in kept.items() if other != number}
            faults, found = judged(fewer)
            if faults < best:
                kept, best, now = fewer, faults, found
        if best >= _faults(trip, verdict):
            kept, now = {}, verdict
        self._days = {**before, **kept}
        return tuple(sorted(kept)), now

    def _repairs(self, trip: Trip, verdict: Verdict) -> dict[int, Callable[[], WrittenDay]]:
        """Return the calls for the days that are missing or break rules, by the number of the day."""
        calls: dict[int, Callable[[], WrittenDay]] = {}
        concerned = concerned_days(trip, verdict.results)
        for number, violations in concerned.items():
            calls[number] = partial(
                self._writer.revised,
                self._outline,
                number,
                self._constraints,
                as_written(trip.days[number - 1]),
                [with_share(violation, concerned) for violation in violations],
            )
        for number in trip.missing_days:
            calls[number] = self._call_again(number)
        return calls

    def _call_again(self, number: int) -> Callable[[], WrittenDay]:
        """Return the call for a missing day, which waits for as long as the model's server asked."""
        call, failure = self._call_for_day(number), self._failures.get(number)
        seconds = failure.retry_after if isinstance(failure, UpstreamRateLimited) else None
        if not seconds or min(self._deadline.left() - self._writer.longest, LONGEST_WAIT) < seconds:
            return call

        def later() -> WrittenDay:
            time.sleep(seconds)
            return call()

        return later

    def _call_for_day(self, number: int) -> Callable[[], WrittenDay]:
        return partial(self._writer.day, self._outline, number, self._constraints, self._left_for_day)

    def _note(self, number: int, failure: Exception) -> None:
        if not isinstance(failure, TravelGPTError):
            raise failure
        self._failures[number] = failure
        logger.warning(
            "A day of a trip is missing",
            extra={"day": number, "code": failure.code, "detail": failure.detail},
        )

    def _trip(self) -> Trip:
        trip = fill(self._outline, self._days, self._asked, self._reference)
        reasons = {number: _reason(self._failures.get(number)) for number in trip.missing_days}
        return replace(trip, missing_because=reasons)

    def _planned(
        self, trip: Trip, verdict: Verdict, from_query: Sequence[str], repair: Mapping[str, Any]
    ) -> Answer:
        return Answer(
            text=trip_text(trip, self._asked, verdict),
            model=self._writer.model,
            usage=self._writer.usage,
            truncated=bool(trip.missing_days),
            credential_version=self._writer.credential_version,
            fields={
                "itinerary": to_jsonable_python(trip),
                "understood": {**self._constraints, "from_query": list(from_query)},
                "checks": verdict.as_json(),
                "repair": repair,
            },
        )


def _faults(trip: Trip, verdict: Verdict) -> tuple[int, int, int]:
    """Return what a repair is to lower, the worst first."""
    return len(trip.missing_days), verdict.errors, verdict.warnings


def _reason(failure: TravelGPTError | None) -> MissingReason:
    match failure:
        case None | UpstreamTimeout():
            return "no_time"
        case LimitError():
            return "no_budget"
        case InvalidItinerary():
            return "invalid"
        case ContentRefused():
            return "refused"
        case _:
            return "upstream"
