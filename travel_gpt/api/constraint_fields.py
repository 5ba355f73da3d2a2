"""The fields beside ``query`` that say what a trip must keep to."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, get_args

from travel_gpt.advisor.constraints import (
    CURRENCY,
    LANGUAGE,
    Budget,
    Constraints,
    complete_dates,
    possible_dates,
)
from travel_gpt.advisor.trip import MOST_DAYS, Diet, LodgingKind, Mobility, Mode, Pace
from travel_gpt.api.field_kinds import (
    Amount,
    CalendarDay,
    Kind,
    Parts,
    Several,
    Text,
    Whole,
    Word,
    YesOrNo,
    read,
)
from travel_gpt.errors import InvalidConstraint

_NAME: Final = Text(most=100, expected="a line of 1 to 100 characters")
_NAMES: Final = Several(kind=_NAME, most=20)

FIELDS: Final[Mapping[str, Kind]] = {
    "origin": _NAME,
    "destinations": _NAMES,
    "start": CalendarDay(),
    "end": CalendarDay(),
    "nights": Whole(least=0, most=MOST_DAYS - 1, note="; ask for a longer trip in parts"),
    "round_trip": YesOrNo(),
    "travellers": Parts(
        kinds={
            "adults": Whole(least=1, most=50),
            "children": Several(kind=Whole(least=0, most=17, note=", the age"), most=20, once=False),
            "children_without_ages": Whole(least=1, most=20),
        }
    ),
    "budget": Parts(
        kinds={
            "amount": Amount(1_000_000_000),
            "currency": Text(most=3, pattern=CURRENCY, expected="a code of three letters, such as EUR"),
        },
        required=True,
    ),
    "pace": Word(get_args(Pace)),
    "interests": _NAMES,
    "diet": Several(kind=Word(get_args(Diet)), most=20),
    "mobility": Several(kind=Word(get_args(Mobility)), most=20),
    "lodging": Several(kind=Word(get_args(LodgingKind)), most=20),
    "transport": Several(kind=Word(get_args(Mode)), most=20),
    "language": Text(most=35, pattern=LANGUAGE, expected="a BCP 47 language tag, such as de or pt-BR"),
}
"""What each field can be. docs/openapi.json publishes it."""

_KNOWN: Final = (*FIELDS, "query", "format")

_MOST_PROBLEMS: Final = 4
"""Problems that one refusal names."""

_OTHER_NAMES: Final = {
    "accommodation": "lodging",
    "adults": "travellers.adults",
    "children": "travellers.children",
    "currency": "budget.currency",
    "days": "nights",
    "diets": "diet",
    "enddate": "end",
    "startdate": "start",
    "transportation": "transport",
}
"""Names that callers are likely to use instead, in small letters and without separators."""

_NOT_THE_SAME: Final = {"days": ", which are one less"}
"""What has to change in the value with the name."""


def read_constraints(body: Mapping[str, Any], now: date) -> Constraints:
    """Return what a trip must keep to.

    A field that there is not is ignored, unless its name is so like that of one that there is that the caller
    must have meant that one: an answer without it would be a wrong one.

    Args:
        body: the JSON object of the request.
        now: the date in UTC.

    Returns:
        The constraints; with start, end and nights, where two of them were given.

    Raises:
        InvalidConstraint: fields have values that they cannot have. The message names them.
    """
    problems: list[str] = []
    found = {name: read(kind, body.get(name), name, problems) for name, kind in FIELDS.items()}
    other = {name: _meant(name) for name in body if name not in _KNOWN}
    problems += [
        f'There is no field "{name}": use "{meant}"{_NOT_THE_SAME.get(_plain(name), "")}.'
        for name, meant in other.items()
        if meant
    ]
    _check_dates(found["start"], found["end"], found["nights"], now, problems)
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        problems[_MOST_PROBLEMS:] = [f"There are {more} more."] if more > 0 else []
        raise InvalidConstraint(message=" ".join(problems))
    start, end, nights = complete_dates(found["start"], found["end"], found["nights"])
    travellers, budget = found["travellers"] or {}, found["budget"]
    return Constraints(
        origin=found["origin"],
        destinations=found["destinations"] or (),
        start=start,
        end=end,
        nights=nights,
        round_trip=found["round_trip"],
        adults=travellers.get("adults"),
        children=travellers.get("children"),
        children_without_ages=travellers.get("children_without_ages"),
        budget=budget and Budget(amount=budget["amount"], currency=budget["currency"].upper()),
        pace=found["pace"],
        interests=found["interests"] or (),
        diet=found["diet"] or (),
        mobility=found["mobility"] or (),
        lodging=found["lodging"] or (),
        transport=found["transport"] or (),
        language=found["language"],
    )


def _check_dates(
    start: date | None, end: date | None, nights: int | None, now: date, problems: list[str]
) -> None:
    first, last = possible_dates(now)
    wrong = [
        f'"{name}" must be a date from {first} to {last}.'
        for name, value in {"start": start, "end": end}.items()
        if value is not None and not first <= value <= last
    ]
    if wrong:
        problems += wrong
    elif start and end:
        between = (end - start).days
        if between < 0:
            problems.append('"end" must not be before "start".')
        elif between >= MOST_DAYS:
            problems.append(
                f'From "start" to "end" there are {between + 1} days, and {MOST_DAYS} are the most: ask for '
                "the first part of the trip, and for the rest in another request."
            )
        elif nights not in (None, between):
            problems.append(f'"nights" must be {between}, as "start" and "end" say, or be left out.')
    elif end and nights is not None and (end - first).days < nights:
        problems.append(f'By "end" and "nights" the trip starts before {first}: one of them must change.')


def _meant(name: str) -> str | None:
    """Return which field the caller meant by a name that none has, where that can be said."""
    if not re.fullmatch(r"[A-Za-z_ -]{1,40}", name):
        return None
    plain = _plain(name)
    known = {field.replace("_", ""): field for field in _KNOWN}
    if plain in known or plain in _OTHER_NAMES:
        return known.get(plain) or _OTHER_NAMES[plain]
    # Short names are like many words: "place" is like "pace", and "send" like "end".
    from difflib import get_close_matches

    long = [field for field in known if len(field) >= 6]
    close = get_close_matches(plain, long, n=1, cutoff=0.87)
    return known[close[0]] if close else None


def _plain(name: str) -> str:
    return re.sub(r"[_ -]", "", name).lower()
