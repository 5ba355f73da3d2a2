"""How long code takes for a trip of 14 days: to fill it in, and to check it.

.venv/dev/bin/python -m benchmarks.trip_checks
"""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import date
from statistics import quantiles
from time import process_time

from pydantic import TypeAdapter

from benchmarks.itinerary_author import write
from travel_gpt.advisor.checks.run import check_trip
from travel_gpt.advisor.constraints import Constraints
from travel_gpt.advisor.filling import fill
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.advisor.wire import DayPlan, Outline
from travel_gpt.local.model_apis import Asked

DAYS = 14
TIMES = 200


def main() -> None:
    """Measure, and print the medians and quartiles in milliseconds of processor time."""
    request = {"request": "two weeks", "number_of_days": DAYS}
    outline = TypeAdapter(Outline).validate_json(_written({**request, "task": "outline"}))
    frame = {"outline": {"days": [None] * DAYS}}
    plan = TypeAdapter(DayPlan)
    days = {
        number: plan.validate_json(_written({**request, **frame, "task": "day", "day": number}))
        for number in range(1, DAYS + 1)
    }
    asked = Constraints(start=date(2027, 5, 3), nights=DAYS - 1)
    with closing(Reference.open()) as reference:
        trip = fill(outline, days, asked, reference)
        parts = sum(len(day.legs) + len(day.visits) for day in trip.days)
        print(f"{DAYS} days with {parts} legs and visits, {TIMES} times, ms of processor time")
        _print("fill in", lambda: fill(outline, days, asked, reference))
        _print("check", lambda: check_trip(trip, asked))


def _written(about: dict[str, object]) -> str:
    return write(Asked(json.dumps(about), schema="", cap=None))


def _print(what: str, action: Callable[[], object]) -> None:
    taken = []
    for _ in range(TIMES):
        began = process_time()
        action()
        taken.append((process_time() - began) * 1000)
    first, median, third = quantiles(taken, n=4)
    print(f"{what:8} {median:.1f} [{first:.1f}-{third:.1f}], the longest {max(taken):.1f}")


if __name__ == "__main__":
    main()
