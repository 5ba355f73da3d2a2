"""The options that say what a trip must keep to, as fields of the request. The API validates them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

import typer

from travel_gpt.advisor.trip import Diet, LodgingKind, Mobility, Mode, Pace
from travel_gpt.cli.errors import USAGE, CliError

_AMOUNT: Final = r"(?P<amount>[0-9]+(?:\.[0-9]+)?)"
_CODE: Final = r"(?P<currency>[A-Za-z]{3})"
_BUDGET: Final = re.compile(rf"{_AMOUNT}\s*{_CODE}")


def _words(kind: object) -> str:
    return ", ".join(get_args(kind))


def _option(name: str, described: str, metavar: str | None = None) -> Any:
    return typer.Option(
        name,
        metavar=metavar,
        help=described,
        show_default=False,
        rich_help_panel="What the trip must keep to",
    )


Start = Annotated[str | None, _option("--start", "The first day: 2027-05-03.", "DATE")]
End = Annotated[str | None, _option("--end", "The last day.", "DATE")]
Nights = Annotated[int | None, _option("--nights", "How many nights, in the place of --end.")]
Origin = Annotated[str | None, _option("--from", "Where the trip begins.", "PLACE")]
Destinations = Annotated[list[str] | None, _option("--to", "Where it leads to. May be repeated.", "PLACE")]
RoundTrip = Annotated[
    bool | None, _option("--round-trip/--no-round-trip", "Whether it must end where it began.")
]
Adults = Annotated[int | None, _option("--adults", "How many adults travel.")]
Children = Annotated[str | None, _option("--children", "The children's ages, such as 4,9.")]
Budget = Annotated[str | None, _option("--budget", 'The most that all may cost together: "1500 EUR".')]
Pacing = Annotated[str | None, _option("--pace", f"How much a day holds: {_words(Pace)}.")]
Interests = Annotated[
    list[str] | None, _option("--interest", "What the travellers like. May be repeated.", "TEXT")
]
Diets = Annotated[
    list[str] | None, _option("--diet", f"What meals must suit: {_words(Diet)}. May be repeated.", "DIET")
]
Mobilities = Annotated[
    list[str] | None,
    _option("--mobility", f"What the travellers need: {_words(Mobility)}. May be repeated.", "NEED"),
]
Lodging = Annotated[
    list[str] | None,
    _option("--lodging", f"Where to sleep: {_words(LodgingKind)}. May be repeated: any will do.", "KIND"),
]
Transport = Annotated[
    list[str] | None,
    _option("--transport", f"How to go between towns: {_words(Mode)}. May be repeated: any will do.", "MODE"),
]
Language = Annotated[str | None, _option("--language", "What the trip is written in, such as de or pt-BR.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TripOptions:
    """The options as they are typed; None, or nothing, where one is not."""

    start: str | None = None
    end: str | None = None
    nights: int | None = None
    origin: str | None = None
    destinations: Sequence[str] | None = None
    round_trip: bool | None = None
    adults: int | None = None
    children: str | None = None
    budget: str | None = None
    pace: str | None = None
    interests: Sequence[str] | None = None
    diet: Sequence[str] | None = None
    mobility: Sequence[str] | None = None
    lodging: Sequence[str] | None = None
    transport: Sequence[str] | None = None
    language: str | None = None

    def constraints(self) -> dict[str, Any]:
        """Return the fields of the request.

        Raises:
            CliError: one of them cannot be read.
        """
        travellers = {"adults": self.adults, "children": _ages(self.children)}
        fields: dict[str, Any] = {
            "start": self.start,
            "end": self.end,
            "nights": self.nights,
            "origin": self.origin,
            "destinations": self.destinations or None,
            "round_trip": self.round_trip,
            "travellers": _given(travellers) or None,
            "budget": _budget(self.budget),
            "pace": self.pace,
            "interests": self.interests or None,
            "diet": self.diet or None,
            "mobility": self.mobility or None,
            "lodging": self.lodging or None,
            "transport": self.transport or None,
            "language": self.language,
        }
        return _given(fields)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _ages(typed: str | None) -> list[int] | None:
    if typed is None:
        return None
    ages = [age.strip() for age in typed.split(",")]
    if not all(re.fullmatch("[0-9]{1,3}", age) for age in ages):
        raise CliError("Give --children their ages, such as 4,9. Nothing was asked.", USAGE)
    return [int(age) for age in ages]


def _budget(typed: str | None) -> dict[str, Any] | None:
    if typed is None:
        return None
    found = _BUDGET.fullmatch(typed.strip())
    if not found:
        raise CliError(
            'Give --budget an amount and the code of a currency, such as "1500 EUR". Nothing was asked.',
            USAGE,
        )
    return {"amount": float(found["amount"]), "currency": found["currency"].upper()}
