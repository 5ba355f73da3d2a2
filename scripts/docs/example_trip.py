"""A trip with what a person may meet in one: the picture in the documentation shows it, and tests use it.

It is written by hand, in the types of the code: its hotels, times and prices are assumed. It breaks rules, so
that this can be seen.
"""

from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter

from travel_gpt.advisor.checks.run import check_trip
from travel_gpt.advisor.constraints import Budget, Constraints, as_request
from travel_gpt.advisor.trip import (
    Airport,
    Costs,
    Day,
    Holiday,
    Leg,
    Place,
    Stay,
    Travellers,
    Trip,
    Visit,
)

_LISBON: Final = Stay(name="Pensão Graça", kind="guesthouse", place="Lisbon", cost=95)
_PORTO: Final = Stay(name="Hotel da Ribeira", kind="hotel", place="Porto", cost=110, step_free=True)

TRIP: Final = Trip(
    title="Lisbon and Porto by train",
    summary="Two nights on the hills of Lisbon, one night by the Douro, and one train between them.",
    language="en",
    currency="EUR",
    currency_digits=2,
    travellers=Travellers(adults=2, children=(4,)),
    origin="Berlin",
    start=date(2027, 10, 3),
    end=date(2027, 10, 6),
    nights=3,
    places=(
        Place(
            name="Berlin",
            country="DE",
            found="found",
            latitude=52.52,
            longitude=13.41,
            time_zone="Europe/Berlin",
        ),
        Place(
            name="Lisbon",
            country="PT",
            found="found",
            latitude=38.72,
            longitude=-9.14,
            time_zone="Europe/Lisbon",
        ),
        Place(
            name="Porto",
            country="PT",
            found="found",
            latitude=41.15,
            longitude=-8.61,
            time_zone="Europe/Lisbon",
        ),
    ),
    airports=(
        Airport(
            code="BER",
            known=True,
            name="Berlin Brandenburg",
            country="DE",
            latitude=52.37,
            longitude=13.5,
            time_zone="Europe/Berlin",
        ),
        Airport(
            code="LIS",
            known=True,
            name="Lisbon",
            country="PT",
            latitude=38.77,
            longitude=-9.13,
            time_zone="Europe/Lisbon",
        ),
        Airport(
            code="OPO",
            known=True,
            name="Porto",
            country="PT",
            latitude=41.25,
            longitude=-8.68,
            time_zone="Europe/Lisbon",
        ),
    ),
    days=(
        Day(
            number=1,
            date=date(2027, 10, 3),
            title="To Lisbon",
            town="Lisbon",
            legs=(
                Leg(
                    mode="flight",
                    origin="Berlin",
                    destination="Lisbon",
                    depart="09:40",
                    arrive="12:25",
                    from_airport="BER",
                    to_airport="LIS",
                    cost=420,
                    distance_km=2314,
                    minutes=225,
                ),
            ),
            visits=(
                Visit(
                    kind="sight",
                    name="Miradouro da Graça",
                    place="Lisbon",
                    start="15:30",
                    end="16:30",
                    why="A view over the whole town, with a playground.",
                ),
                Visit(
                    kind="meal",
                    name="Dinner in Graça",
                    place="Lisbon",
                    start="18:30",
                    end="20:00",
                    cost=48,
                    diet=("vegetarian",),
                ),
            ),
            stay=_LISBON,
            cost=563,
            holidays=(),
        ),
        Day(
            number=2,
            date=date(2027, 10, 4),
            title="Belém",
            town="Lisbon",
            visits=(
                Visit(
                    kind="sight",
                    name="Mosteiro dos Jerónimos",
                    place="Lisbon",
                    start="10:00",
                    end="11:30",
                    cost=36,
                    why="The cloister is the finest of its time.",
                ),
                Visit(
                    kind="activity",
                    name="Oceanário de Lisboa",
                    place="Lisbon",
                    start="14:00",
                    end="16:30",
                    cost=65,
                    why="One large tank, and sea otters.",
                ),
            ),
            stay=_LISBON,
            cost=196,
            holidays=(),
        ),
        Day(
            number=3,
            date=date(2027, 10, 5),
            title="To Porto",
            town="Porto",
            legs=(
                Leg(
                    mode="train",
                    origin="Lisbon",
                    destination="Porto",
                    depart="09:30",
                    arrive="12:40",
                    cost=78,
                    distance_km=274,
                    minutes=190,
                ),
            ),
            visits=(
                Visit(
                    kind="sight",
                    name="Livraria Lello",
                    place="Porto",
                    start="14:00",
                    end="15:00",
                    cost=20,
                    why="A bookshop with a red staircase.",
                    step_free=False,
                ),
                Visit(
                    kind="activity",
                    name="Boat to the six bridges",
                    place="Porto",
                    start="14:45",
                    end="15:35",
                    cost=45,
                ),
            ),
            stay=_PORTO,
            cost=253,
            holidays=(Holiday(name="Implantação da República", country="PT"),),
        ),
        Day(
            number=4,
            date=date(2027, 10, 6),
            title="Home",
            town="Berlin",
            legs=(
                Leg(
                    mode="flight",
                    origin="Porto",
                    destination="Berlin",
                    depart="13:10",
                    arrive="17:30",
                    from_airport="OPO",
                    to_airport="BER",
                    cost=390,
                    distance_km=2103,
                    minutes=200,
                ),
            ),
            cost=390,
            holidays=(),
        ),
    ),
    costs=Costs(transport=888, lodging=300, meals=48, visits=166, total=1402),
)

ASKED: Final = Constraints(
    origin="Berlin",
    destinations=("Lisbon", "Porto"),
    start=TRIP.start,
    end=TRIP.end,
    nights=TRIP.nights,
    round_trip=True,
    adults=2,
    children=(4,),
    budget=Budget(amount=1500, currency="EUR"),
    diet=("vegetarian",),
    mobility=("stroller",),
)
_FROM_QUERY: Final = ("destinations", "nights", "travellers.adults", "diet")


def answer_body() -> dict[str, Any]:
    """Return what a POST is answered with, in JSON: the fields of a trip alone, with what the checks find."""
    checks = check_trip(TRIP, ASKED).as_json()
    return {
        "answer": f"# {TRIP.title}\n\n{TRIP.summary}",
        "itinerary": TypeAdapter(Trip).dump_python(TRIP, mode="json"),
        "understood": {**as_request(ASKED), "from_query": list(_FROM_QUERY)},
        "checks": TypeAdapter(dict[str, Any]).dump_python(checks, mode="json"),
        "repair": {"outcome": "partly", "days": [2, 3], "before": ["overlaps", "leg_speed", "mobility"]},
    }
