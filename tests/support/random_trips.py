"""Valid trips at random, and what was asked for them."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from math import ceil
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.support.trips import AIRPORTS, TOWNS, day, leg, stay, trip_of, visit
from travel_gpt.advisor.constraints import Budget, Constraints
from travel_gpt.advisor.geography import great_circle_km
from travel_gpt.advisor.trip import Day, Diet, Leg, LodgingKind, Mode, Place, Stay, Travellers, Trip, Visit

# Kilometres an hour and minutes besides, of an ordinary leg; the longest way that is made like that.
_ORDINARY: Final[dict[Mode, tuple[int, int, int]]] = {
    "flight": (750, 50, 20_000),
    "train": (110, 15, 1_500),
    "bus": (70, 10, 900),
    "car": (80, 10, 900),
    "ferry": (35, 30, 500),
    "taxi": (50, 5, 100),
}
_NEAR_CHANGES_OF_THE_CLOCK: Final = tuple(
    date(2027, month, number)
    for month, number in ((3, 12), (3, 26), (4, 1), (9, 24), (10, 1), (10, 29), (11, 5))
)
_DIETS: Final[dict[Diet, tuple[Diet, ...]]] = {"vegetarian": ("vegan", "vegetarian"), "halal": ("halal",)}
_GENERIC: Final = ("Lunch", "Dinner", "Lunch at a local restaurant", "Mittagessen", "昼食")
_HAMLET: Final = "Hinterkleinhofen"


@dataclass
class _Journey:
    """A trip while it is made: where the travellers are, and from when on they are free."""

    random: Random
    start: date | None
    nights: int
    origin: str
    towns: list[str]
    asked: Constraints
    currency: str
    digits: int
    here: str = ""
    free: int = 9 * 60
    early: bool = False
    """Whether the last leg arrives early enough to sleep afterwards."""
    days: list[Day] = field(default_factory=list)
    parts: list[Leg | Visit | Stay] = field(default_factory=list)
    named: int = 0
    hamlets: dict[str, Place] = field(default_factory=dict)
    used: set[Mode] = field(default_factory=set)

    @property
    def number(self) -> int:
        return len(self.days) + 1

    @property
    def last(self) -> bool:
        return self.number == self.nights + 1

    def cost(self, most: float) -> float:
        return round(self.random.uniform(0, most), self.digits)

    def name(self, noun: str) -> str:
        """Return a name that no other visit has."""
        self.named += 1
        syllables = ("ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu")
        return f"{noun} {''.join(syllables[int(digit)] for digit in f'{self.named:03}').capitalize()}"

    def make(self, *, round_trip: bool) -> Trip:
        self.here = self.origin
        while self.number <= self.nights + 1:
            self.make_day(round_trip=round_trip)
        return trip_of(
            *self.days,
            start=self.start,
            nights=self.nights,
            places=self.hamlets.values(),
            currency=self.currency,
            currency_digits=self.digits,
        )

    def make_day(self, *, round_trip: bool) -> None:
        away = 0
        if not self.last or not round_trip:
            self.spend(self.random.randint(0, 2))
            if self.towns and self.free < 21 * 60 and (self.number == 1 or self.random.random() < 0.6):
                away = self.travel(self.towns.pop(), self.nights + 1 - self.number)
            if not away:
                self.spend(self.random.randint(0, 2))
        elif self.here != self.origin:
            away = self.travel(self.origin, 2)
        for _ in range(min(away, self.nights + 2 - self.number) - 1):
            # A day that the date line or a long flight takes.
            self.close(self.here)
        self.sleep(away)

    def spend(self, things: int) -> None:
        for _ in range(things):
            if self.free > 22 * 60:
                return
            self.see()

    def see(self) -> None:
        kind = self.random.choice(("sight", "activity", "meal", "meal", "rest", "home meal", "paused"))
        end = min(self.free + self.random.randint(15, 170), 23 * 60 + 59)
        mobile = self.random.choice((True, None))
        more = {"cost": self.cost(60), "step_free": mobile, "place": self.here}
        if self.random.random() < 0.15 and kind in ("sight", "activity"):
            more["place"] = self.hamlet()
        if kind == "meal":
            name = self.name("Trattoria") if self.random.random() < 0.5 else self.random.choice(_GENERIC)
            self.add(name, end, kind="meal", diet=self.suitable(), **more)
        elif kind == "home meal":
            name = "Breakfast at Café Sol" if self.free < 11 * 60 else "Hotel breakfast"
            self.add(name, end, kind="meal", diet=self.suitable(), **more)
        elif kind == "paused" and self.free < 15 * 60:
            name = self.name("Museum")
            for each, pause in ((name, "sight"), ("Lunch", "meal"), (name, "sight")):
                diet = self.suitable() if pause == "meal" else ()
                self.add(each, self.free + 40, kind=pause, diet=diet, **more)
        elif kind == "rest":
            self.add("Free time", end, kind="rest", **more)
        else:
            self.add(self.name("Castle"), end, kind="sight" if kind == "paused" else kind, **more)

    def add(self, name: str, end: int, **more: object) -> None:
        place = str(more.pop("place"))
        self.parts.append(visit(name, _clock(self.free), _clock(end), place, **more))
        self.free = end + self.random.choice((0, 0, 10, 45))

    def suitable(self) -> tuple[Diet, ...]:
        return tuple(self.random.choice(_DIETS[diet]) for diet in self.asked.diet)

    def hamlet(self) -> str:
        """Return a place near here that is on no map."""
        name = f"{_HAMLET} near {self.here}"
        self.hamlets[name] = Place(name=name, country=TOWNS[self.here].country)
        return name

    def travel(self, to: str, most_nights: int) -> int:
        """Go to a town, and return how many nights that takes."""
        start, end = TOWNS[self.here], TOWNS[to]
        ends = [(place.latitude or 0.0, place.longitude or 0.0) for place in (start, end)]
        distance = great_circle_km(ends[0], ends[1])
        modes = [mode for mode, (_, _, most) in _ORDINARY.items() if distance <= most]
        mode = self.random.choice(modes)
        speed, besides, _ = _ORDINARY[mode]
        depart = self.free + self.random.choice((0, 20, 90))
        takes = round(distance / speed * 60) + besides + self.random.randint(0, 60)
        arrive, days_later = self.arrival(start, end, depart, takes)
        if depart >= 24 * 60 or days_later > most_nights or (days_later < 0 and not self.last):
            return 0
        codes = {}
        if mode == "flight" and self.here in AIRPORTS and to in AIRPORTS:
            codes = {"from_airport": AIRPORTS[self.here].code, "to_airport": AIRPORTS[to].code}
        times = f"{_clock(depart)}-{_clock(arrive)}"
        self.parts.append(leg(mode, f"{self.here}-{to}", times, days_later, cost=self.cost(900), **codes))
        self.used.add(mode)
        self.here, self.free = to, arrive + self.random.choice((0, 30))
        self.early = days_later > 0 and arrive < 3 * 60
        return max(0, days_later)

    def arrival(self, start: Place, end: Place, depart: int, takes: int) -> tuple[int, int]:
        on = (self.start or date(2027, 1, 15)) + timedelta(self.number - 1)
        hours, minutes = divmod(depart % (24 * 60), 60)
        leaves = datetime.combine(on, time(hours, minutes), ZoneInfo(start.time_zone or ""))
        arrives = (leaves.astimezone(ZoneInfo("UTC")) + timedelta(minutes=takes)).astimezone(
            ZoneInfo(end.time_zone or "")
        )
        return arrives.hour * 60 + arrives.minute, (arrives.date() - on).days

    def sleep(self, away: int) -> None:
        slept = away == 0 or self.early
        if not self.last and slept and self.here != self.origin:
            kinds: tuple[LodgingKind, ...] = self.asked.lodging or ("hotel", "apartment")
            kind = self.random.choice(kinds)
            self.parts.append(stay("Hotel Sol", self.here, kind=kind, cost=self.cost(300)))
        if away == 0 and self.free < 22 * 60 and self.random.random() < 0.2:
            self.free = 23 * 60
            self.add(self.name("Jazz club"), 26 * 60, kind="activity", place=self.here)
        self.close(self.here)
        self.early = False
        if slept:
            self.free = self.random.randint(8 * 60, 10 * 60)

    def close(self, town: str) -> None:
        self.days.append(day(self.number, town, *self.parts))
        self.parts = []


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


@st.composite
def valid_trips(draw: st.DrawFn) -> tuple[Trip, Constraints]:
    """Trips that keep every rule, with what was asked for them.

    Several towns in any time zone; overnight legs and flights over the date line; nights in which the clocks
    change; children, budgets and whatever else can be asked; places that nothing is known of.
    """
    random = Random(draw(st.integers(0, 2**32)))
    nights = draw(st.integers(0, 13))
    start = draw(
        st.none()
        | st.sampled_from(_NEAR_CHANGES_OF_THE_CLOCK)
        | st.dates(date(2027, 1, 1), date(2027, 12, 1))
    )
    towns = draw(st.lists(st.sampled_from(sorted(TOWNS)), min_size=2, max_size=6, unique=True))
    round_trip = draw(st.booleans())
    currency, digits = draw(st.sampled_from((("EUR", 2), ("JPY", 0), ("KWD", 3))))
    asked = Constraints(
        nights=draw(st.sampled_from((None, nights))),
        start=draw(st.sampled_from((None, start))),
        diet=draw(st.sampled_from((("vegetarian",), ("vegetarian", "halal"), ()))),
        mobility=draw(st.sampled_from((("stroller",), ("wheelchair",), ()))),
        lodging=draw(st.sampled_from((("hotel",), ("apartment", "hostel"), ()))),
        pace=draw(st.sampled_from((None, "relaxed", "moderate"))),
        children=draw(st.sampled_from((None, (4, 9)))),
    )
    journey = _Journey(random, start, nights, towns[0], towns[1:], asked, currency, digits)
    trip = journey.make(round_trip=round_trip)
    trip = replace(
        trip,
        origin=draw(st.sampled_from((None, towns[0]))) if not _at_home(trip, towns[0]) else towns[0],
        travellers=Travellers(adults=2, children=asked.children or ()),
    )
    return trip, _with_limits(draw, trip, asked, journey, round_trip=round_trip)


def _at_home(trip: Trip, origin: str) -> bool:
    return any(each.town == origin for each in trip.days)


def _with_limits(
    draw: st.DrawFn, trip: Trip, asked: Constraints, journey: _Journey, *, round_trip: bool
) -> Constraints:
    """Return what was asked with what the trip just keeps to."""
    returned = round_trip and journey.here == journey.origin
    exact = draw(st.booleans())
    most = trip.costs.total if exact else ceil(trip.costs.total * 1.2) + 1
    budget = Budget(amount=max(most, 1), currency=trip.currency)
    busiest = max(sum(each.kind in ("sight", "activity") for each in day_.visits) for day_ in trip.days)
    return replace(
        asked,
        origin=draw(st.sampled_from((None, journey.origin))),
        destinations=draw(st.sampled_from(((), tuple(dict.fromkeys(each.town for each in trip.days))))),
        round_trip=returned or None,
        budget=draw(st.sampled_from((None, budget))),
        transport=draw(st.sampled_from(((), tuple(sorted(journey.used))))),
        end=trip.end if asked.start else None,
        pace=asked.pace if busiest <= 4 else None,
    )
