"""What the model is asked to write of a trip: only what it alone can know.

The model writes an outline first, and then each day, all at the same time. Ids, dates, coordinates, sums and
what a place is in are added by code. Whatever a server says that it accepts, a reply is validated here: slips
that have one meaning are corrected, such as ``9:5`` for ``09:05``; what the query is said to say and cannot
is dropped, since a trip can be planned without it; and a reply without its parts is refused.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Final, get_args

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from travel_gpt.advisor.trip import MOST_DAYS, Diet, LodgingKind, Mobility, Mode, Pace, VisitKind

_CLOCK: Final = re.compile(r"\s*(\d{1,2})[:.h](\d{1,2})(?::\d\d)?\s*")
_LONGEST: Final = {"name": 120, "text": 400}
_MOST_ENTRIES: Final = 20
"""Entries of a list in what the query says: as many as one in a request may have."""
_MOST_HIGHLIGHTS: Final = 8
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that have the letters after them shown in another order (UAX 9)."""


def _clock(value: object) -> object:
    if isinstance(value, str) and (found := _CLOCK.fullmatch(value)):
        hours, minutes = int(found[1]), int(found[2])
        if hours == 24 and not minutes:
            hours = 0
        return f"{hours:02}:{minutes:02}"
    return value


def _cut(kind: str) -> BeforeValidator:
    def cut(value: object) -> object:
        if not isinstance(value, str):
            return value
        # JSON can have half of a surrogate pair, which no text can.
        words = value.encode("utf-8", "replace").decode().split()
        return " ".join(_UNSEEN.sub("", " ".join(words)).split())[: _LONGEST[kind]].rstrip()

    return BeforeValidator(cut)


def _one_of(words: object, otherwise: str) -> BeforeValidator:
    return BeforeValidator(lambda value: value if value in get_args(words) else otherwise)


def _nothing_for_less(value: object) -> object:
    return None if isinstance(value, str) and value.strip().casefold() in ("", "null", "none") else value


def _first_highlights(value: object) -> object:
    return value[:_MOST_HIGHLIGHTS] if isinstance(value, list) else value


def _or_nothing(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValidationError:
        return None


def _good_ones(value: object, validate: ValidatorFunctionWrapHandler) -> list[Any]:
    good: list[Any] = []
    for each in value if isinstance(value, list) else []:
        with suppress(ValidationError):
            good += validate([each])
    return good[:_MOST_ENTRIES]


Name = Annotated[str, _cut("name"), Field(min_length=1)]
Text = Annotated[str, _cut("text")]
Clock = Annotated[str, BeforeValidator(_clock), Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Cost = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
OptionalName = Annotated[str | None, BeforeValidator(_nothing_for_less), _cut("name")]
# What cannot be is nothing, so that it does not cost the trip.
_OrNothing = WrapValidator(_or_nothing)
_GoodOnes = WrapValidator(_good_ones)
Diets = Annotated[list[Diet], _GoodOnes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What the query says, and null or nothing where it does not."""

    origin: Annotated[OptionalName, _OrNothing] = None
    destinations: Annotated[list[Name], _GoodOnes] = field(default_factory=list)
    start: Annotated[date | None, _OrNothing] = None
    end: Annotated[date | None, _OrNothing] = None
    nights: Annotated[Annotated[int, Field(ge=0, le=365)] | None, _OrNothing] = None
    round_trip: Annotated[bool | None, _OrNothing] = None
    adults: Annotated[Annotated[int, Field(ge=1, le=50)] | None, _OrNothing] = None
    children: Annotated[list[Annotated[int, Field(ge=0, le=17)]], _GoodOnes] = field(default_factory=list)
    """The ages that it says."""
    children_without_ages: Annotated[Annotated[int, Field(ge=1, le=20)] | None, _OrNothing] = None
    budget: Annotated[Annotated[float, Field(gt=0, le=1e9)] | None, _OrNothing] = None
    budget_currency: Annotated[OptionalName, _OrNothing] = None
    pace: Annotated[Pace | None, _OrNothing] = None
    interests: Annotated[list[Name], _GoodOnes] = field(default_factory=list)
    diet: Diets = field(default_factory=list)
    mobility: Annotated[list[Mobility], _GoodOnes] = field(default_factory=list)
    lodging: Annotated[list[LodgingKind], _GoodOnes] = field(default_factory=list)
    transport: Annotated[list[Mode], _GoodOnes] = field(default_factory=list)
    language: Annotated[OptionalName, _OrNothing] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A town of the trip, named once with what tells it from others of its name."""

    name: Name
    country: Annotated[str, _cut("name")]
    """ISO 3166-1 alpha-2."""
    region: OptionalName


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLeg:
    """A way from one town to another."""

    mode: Annotated[Mode, _one_of(Mode, "other")]
    origin: Name
    destination: Name
    from_airport: OptionalName
    to_airport: OptionalName
    depart: Clock
    arrive: Clock
    days_later: Annotated[int, Field(ge=-1, le=3)]
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class WireStay:
    """One or more nights in the same lodging."""

    town: Name
    name: Name
    kind: Annotated[LodgingKind, _one_of(LodgingKind, "other")]
    first_night: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    """The number of the day that its first night follows."""
    nights: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    cost_per_night: Cost
    step_free: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineDay:
    """What one day is about."""

    town: Name
    title: Name
    legs: Annotated[list[WireLeg], Field(max_length=8)]
    highlights: Annotated[list[Name], BeforeValidator(_first_highlights)]
    """Which sights are for this day, so that no other day has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The frame of a trip."""

    understood: Understood
    title: Name
    summary: Text
    currency: Annotated[str, _cut("name")]
    towns: Annotated[list[Town], Field(min_length=1, max_length=40)]
    days: Annotated[list[OutlineDay], Field(min_length=1, max_length=MOST_DAYS)]
    stays: Annotated[list[WireStay], Field(max_length=MOST_DAYS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireVisit:
    """What is done at one place."""

    kind: Annotated[VisitKind, _one_of(VisitKind, "other")]
    name: Name
    town: Name
    start: Clock
    end: Clock
    cost: Cost
    why: Text
    diet: Diets
    step_free: bool | None


Visits = Annotated[list[WireVisit], Field(max_length=20)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """What is done on one day of an outline."""

    visits: Visits


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One night in a lodging."""

    town: Name
    name: Name
    kind: Annotated[LodgingKind, _one_of(LodgingKind, "other")]
    cost: Cost
    step_free: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisedDay:
    """A day that is written anew, as a whole, because it broke rules."""

    town: Name
    title: Name
    legs: Annotated[list[WireLeg], Field(max_length=8)]
    visits: Visits
    night: Night | None


SHAPES: Final[dict[str, type]] = {
    "trip_outline": Outline,
    "trip_day": DayPlan,
    "trip_revised_day": RevisedDay,
}
"""What the model is asked for, by the name of its schema."""
