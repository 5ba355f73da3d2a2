"""What a trip must keep to: what the caller gave as fields, and what the query says."""

from dataclasses import dataclass
from datetime import date

from travel_gpt.advisor.trip import Diet, LodgingKind, Mobility, Mode, Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that a trip may cost, for all travellers together."""

    amount: float
    currency: str
    """ISO 4217."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What was asked. None, or nothing, where it was not."""

    origin: str | None = None
    destinations: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    nights: int | None = None
    round_trip: bool | None = None
    """Whether the trip has to end where it began."""
    adults: int | None = None
    children: tuple[int, ...] | None = None
    """Their ages in years."""
    budget: Budget | None = None
    pace: Pace | None = None
    interests: tuple[str, ...] = ()
    diet: tuple[Diet, ...] = ()
    mobility: tuple[Mobility, ...] = ()
    lodging: tuple[LodgingKind, ...] = ()
    """The kinds that are wanted; any of them will do."""
    transport: tuple[Mode, ...] = ()
    """The means between towns that are wanted; any of them will do."""
    language: str | None = None
    """BCP 47."""
