"""The options that say what a trip must keep to, as fields of the request. The API validates them."""

import re
from dataclasses import dataclass
from typing import Any, Final

from travel_gpt.cli.errors import USAGE, CliError

_AMOUNT: Final = r"(?P<amount>[0-9]+(?:\.[0-9]+)?)"
_CODE: Final = r"(?P<currency>[A-Za-z]{3})"
_BUDGET: Final = re.compile(rf"{_AMOUNT}\s*{_CODE}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TripOptions:
    """The options as they are typed; None, or nothing, where one is not."""

    start: str | None = None
    nights: int | None = None
    origin: str | None = None
    destinations: tuple[str, ...] = ()
    adults: int | None = None
    children: str | None = None
    budget: str | None = None

    def constraints(self) -> dict[str, Any]:
        """Return the fields of the request.

        Raises:
            CliError: one of them cannot be read.
        """
        travellers = {"adults": self.adults, "children": _ages(self.children)}
        fields: dict[str, Any] = {
            "start": self.start,
            "nights": self.nights,
            "origin": self.origin,
            "destinations": list(self.destinations) or None,
            "travellers": _given(travellers) or None,
            "budget": _budget(self.budget),
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
