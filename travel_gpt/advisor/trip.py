"""A planned trip, as callers get it: what the model proposed, and what code added and computed.

Times are local to where they happen, as ``HH:MM``. Costs are for all travellers together, in the currency of
the trip. ``Place`` and ``Airport`` are resolved with the reference data, so that checks need nothing else.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

SCHEMA_VERSION: Final = "1"

MOST_DAYS: Final = 30
"""Days of the longest trip that is planned."""

Mode = Literal["flight", "train", "bus", "car", "taxi", "ferry", "metro", "tram", "bicycle", "walk", "other"]
VisitKind = Literal["sight", "activity", "meal", "rest", "other"]
LodgingKind = Literal["hotel", "hostel", "apartment", "guesthouse", "resort", "campsite", "other"]
Diet = Literal[
    "vegetarian", "vegan", "pescatarian", "halal", "kosher", "gluten_free", "dairy_free", "nut_free"
]
Pace = Literal["relaxed", "moderate", "packed"]
Mobility = Literal["wheelchair", "limited_walking", "stroller"]

MissingReason = Literal["no_time", "no_budget", "invalid", "refused", "upstream"]
"""Why a day is missing: the time or a budget was used up, the model wrote nothing usable or declined to, or
its server failed."""

Found = Literal["found", "elsewhere", "ambiguous", "unknown"]
"""Whether the reference data knows a place: in its country, in other countries only, more than once without
a way to tell which is meant, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A town of the trip. The other parts of the trip refer to it by its name."""

    name: str
    country: str
    """ISO 3166-1 alpha-2; empty where the model named none that is known."""
    region: str = ""
    """The state or region, where the model named one to tell it from others."""
    subdivision: str = ""
    """The code of its state or region, where that has public holidays of its own: ``BY`` for Bavaria."""
    found: Found = "unknown"
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None
    """Its name in the IANA time zone database."""
    elsewhere: tuple[str, ...] = ()
    """The countries in which the data knows the name, where that is not ``country``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Airport:
    """An airport that a leg names."""

    code: str
    """The IATA code of the airport, or of a city with several."""
    known: bool
    name: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A way from one place to another."""

    mode: Mode
    origin: str
    """The name of a place."""
    destination: str
    """The name of a place."""
    depart: str
    arrive: str
    days_later: int = 0
    """Calendar days from the local date of the departure to that of the arrival: 1 for an overnight train,
    -1 where the date line is crossed eastward."""
    from_airport: str | None = None
    to_airport: str | None = None
    cost: float = 0.0
    distance_km: float | None = None
    """The great-circle distance; None where an end is not known."""
    minutes: int | None = None
    """How long it takes; None where the time zone of an end is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What is done at one place: a sight, a meal, an activity, a rest."""

    kind: VisitKind
    name: str
    place: str
    """The name of a place."""
    start: str
    end: str
    """Earlier than ``start`` where it ends after midnight."""
    cost: float = 0.0
    why: str = ""
    diet: tuple[Diet, ...] = ()
    """What a meal is said to suit."""
    step_free: bool | None = None
    """Whether it is said to be reachable without steps; None where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Where the travellers sleep, one night."""

    name: str
    kind: LodgingKind
    place: str
    """The name of a place."""
    cost: float = 0.0
    step_free: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A public holiday."""

    name: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of the trip."""

    number: int
    """From 1."""
    date: date | None
    """None where the trip has no dates."""
    title: str
    town: str
    """The name of the place where the day is spent, or ends."""
    legs: tuple[Leg, ...] = ()
    visits: tuple[Visit, ...] = ()
    stay: Stay | None = None
    """The night after the day; None on the last day, and where a leg takes the night."""
    cost: float = 0.0
    """The sum of the day's costs, the night included."""
    holidays: tuple[Holiday, ...] | None = None
    """None where the data has none for the country or the year, and where the day has no date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The sums of a trip's costs."""

    transport: float = 0.0
    lodging: float = 0.0
    meals: float = 0.0
    visits: float = 0.0
    """What is neither of the others."""
    total: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Travellers:
    """Who travels."""

    adults: int = 1
    children: tuple[int, ...] = ()
    """Their ages in years."""
    children_without_ages: int = 0
    """How many children there are besides, of ages that are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A trip."""

    version: Literal["1"] = SCHEMA_VERSION
    title: str
    summary: str = ""
    language: str = ""
    """BCP 47; empty where it is not known."""
    currency: str
    """ISO 4217."""
    currency_digits: int | None
    """Decimal places of the currency; None where there is no such currency."""
    travellers: Travellers = Travellers()
    origin: str | None = None
    """The name of the place where the trip begins; None where none is known."""
    start: date | None = None
    end: date | None = None
    nights: int
    places: tuple[Place, ...] = ()
    asked_places: tuple[Place, ...] = ()
    """Origin and destinations that were asked for, each by its name as it was asked. A country has its code
    as ``country``, ``found`` and no coordinates; an island or a region that is no town is ``unknown``."""
    airports: tuple[Airport, ...] = ()
    days: tuple[Day, ...] = ()
    missing_days: tuple[int, ...] = ()
    """The numbers of the days of which nothing but the outline is known."""
    missing_because: dict[int, MissingReason] = field(default_factory=dict)
    """Why, by the number of the day."""
    costs: Costs = Costs()

    def place(self, name: str) -> Place | None:
        """Return the place of that name."""
        return next((place for place in self.places if place.name == name), None)

    def airport(self, code: str | None) -> Airport | None:
        """Return the airport of that code."""
        return next((airport for airport in self.airports if airport.code == code), None)


def minutes_of(clock: str) -> int:
    """Return the minutes after midnight of a time such as ``09:30``."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
