"""benchmarks/itineraries.py: the trips that it has planned, and its table."""

import json
from itertools import pairwise
from typing import Any

import pytest
from pydantic import TypeAdapter

from benchmarks.itineraries import Kind, Planned, report
from benchmarks.itinerary_author import BROKEN, broken_days, write
from travel_gpt.advisor.wire import SHAPES
from travel_gpt.local.model_apis import Asked, count_tokens

TASKS = {"outline": "trip_outline", "day": "trip_day", "revise": "trip_revised_day"}


def written(task: str, **about: Any) -> tuple[dict[str, Any], int]:
    """A part that the author writes, and its tokens."""
    text = write(Asked(json.dumps({"task": task, **about}), TASKS[task], None))
    TypeAdapter[Any](SHAPES[TASKS[task]]).validate_json(text)
    return json.loads(text), count_tokens(text)


@pytest.mark.parametrize("days", [3, 7, 14])
def test_a_trip_has_the_size_of_a_models(days: int) -> None:
    sizes = set()
    for trip in range(5):
        request = f"Trip {trip}"
        outline, tokens = written("outline", request=request, number_of_days=days)
        assert len(outline["days"]) == days
        assert 0.89 * (350 + 90 * days) < tokens < 1.11 * (350 + 90 * days)
        sizes.add(tokens)
        for day in range(1, days + 1):
            _, tokens = written("day", request=request, outline=outline, day=day)
            assert 345 < tokens < 435
            sizes.add(tokens)
    assert len(sizes) > days, "they differ"
    assert written("outline", request="Trip 4", number_of_days=days)[0] == outline


def test_days_overlap_where_that_is_asked_for_until_they_are_revised() -> None:
    about: dict[str, Any] = {"request": f"Trip {BROKEN}"}
    about["outline"], _ = written("outline", **about, number_of_days=7)
    frame: dict[str, Any] = {"town": "Lisbon", "title": "A day", "legs": [], "night": None}

    def overlapping(plan: dict[str, Any]) -> bool:
        visits = plan["visits"]
        return any(each["end"] > later["start"] for each, later in pairwise(visits))

    plans = {number: written("day", **about, day=number)[0] for number in range(1, 8)}
    assert [number for number, plan in plans.items() if overlapping(plan)] == list(broken_days(7)) == [2, 5]
    revised, tokens = written("revise", **about, day=2, plan={**frame, **plans[2]})
    assert not overlapping(revised)
    assert 375 < tokens < 465
    about["request"] = "Trip"
    assert not any(overlapping(written("day", **about, day=number)[0]) for number in range(1, 8))


def test_the_table_counts_what_was_complete() -> None:
    kind, other = Kind(70, False, True, 7), Kind(130, True, False, 14)
    planned = [
        Planned(kind, 20.0, "complete", "done"),
        Planned(kind, 22.0, "complete", "no_time"),
        Planned(kind, 28.0, "incomplete", "not_needed"),
        Planned(kind, 28.0, "upstream_timeout", ""),
        *[Planned(other, 15.0, "complete", "not_needed")] * 4,
    ]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in report(planned).splitlines()[4:]]
    assert rows == [
        [
            *("70", "buffered, 28 s", "yes", "7", "50 %", "25.0 [21.5-28.0]"),
            *("incomplete 1, upstream_timeout 1", "done 1, no_time 1"),
        ],
        ["130", "streamed, 90 s", "no", "14", "100 %", "15.0 [15.0-15.0]", "-", "-"],
    ]
