"""Distances and durations between places, with time zones, the date line and changes of the clock."""

from datetime import date

import pytest
from hypothesis import given, strategies as st

from travel_gpt.advisor.geography import great_circle_km, leg_minutes

PARIS = (48.8566, 2.3522)
LONDON = (51.5074, -0.1278)
AUCKLAND = (-36.8485, 174.7633)
APIA = (-13.8333, -171.7667)

coordinates = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(
    ("start", "end", "km"),
    [
        (PARIS, LONDON, 344),
        (PARIS, PARIS, 0),
        ((0, 0), (0, 180), 20015),
        ((0, 0), (1, 0), 111.2),
        # Across the date line, and not round the Earth.
        (AUCKLAND, APIA, 2888),
        ((0, 179.5), (0, -179.5), 111.2),
    ],
)
def test_a_distance_is_the_shortest_on_the_surface(
    start: tuple[float, float], end: tuple[float, float], km: float
) -> None:
    assert great_circle_km(start, end) == pytest.approx(km, rel=0.003)


@given(start=coordinates, end=coordinates)
def test_a_distance_is_the_same_both_ways_and_at_most_half_round_the_earth(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    assert great_circle_km(start, end) == pytest.approx(great_circle_km(end, start), abs=1e-6)
    assert 0 <= great_circle_km(start, end) <= 20016


@pytest.mark.parametrize(
    ("on", "depart", "arrive", "days_later", "zones", "minutes"),
    [
        (date(2027, 5, 3), "09:00", "11:30", 0, ("Europe/Paris", "Europe/Paris"), 150),
        (date(2027, 5, 3), "09:00", "09:30", 0, ("Europe/Paris", "Europe/London"), 90),
        (date(2027, 5, 3), "22:00", "07:15", 1, ("Europe/Paris", "Europe/Vienna"), 555),
        # Eastward over the date line: it arrives the day before.
        (date(2027, 5, 3), "00:30", "21:00", -1, ("Asia/Tokyo", "Pacific/Honolulu"), 930),
        (date(2027, 5, 3), "21:00", "05:30", 2, ("America/Los_Angeles", "Pacific/Auckland"), 810),
        # The night of the change to summer time is an hour shorter, that to winter time an hour longer.
        (date(2027, 3, 27), "22:00", "08:00", 1, ("Europe/Berlin", "Europe/Berlin"), 540),
        (date(2027, 10, 30), "22:00", "08:00", 1, ("Europe/Berlin", "Europe/Berlin"), 660),
        # 02:30 comes twice in that night: the longer of the two ways to read it.
        (date(2027, 10, 31), "02:30", "03:30", 0, ("Europe/Berlin", "Europe/Berlin"), 120),
        (date(2027, 10, 31), "01:30", "02:30", 0, ("Europe/Berlin", "Europe/Berlin"), 120),
        # In the week between the two changes the clocks are one hour nearer.
        (date(2027, 10, 30), "10:00", "13:00", 0, ("Europe/London", "America/New_York"), 480),
        (date(2027, 11, 3), "10:00", "13:00", 0, ("Europe/London", "America/New_York"), 420),
        (date(2027, 11, 10), "10:00", "13:00", 0, ("Europe/London", "America/New_York"), 480),
        (date(2027, 5, 3), "12:00", "11:00", 0, ("Asia/Kathmandu", "Asia/Kolkata"), -45),
        # Without a date the longest of the year: 8 hours here, and 7 in summer.
        (None, "10:00", "10:00", 0, ("Asia/Tokyo", "Europe/Berlin"), 480),
        (None, "10:00", "10:00", 0, ("Europe/Berlin", "Asia/Tokyo"), -420),
        (None, "10:00", "10:00", 0, ("Europe/London", "America/New_York"), 300),
        (None, "10:00", "10:00", 0, ("America/New_York", "Europe/London"), -240),
    ],
)
def test_a_duration_is_between_two_clocks(
    on: date | None, depart: str, arrive: str, days_later: int, zones: tuple[str, str], minutes: int
) -> None:
    assert leg_minutes(on, depart, arrive, days_later, *zones) == minutes


@pytest.mark.parametrize("zone", [None, "", "Europe/Nowhere", "/etc/passwd", "../../etc/passwd", "Europe"])
def test_a_duration_is_not_known_without_both_time_zones(zone: str | None) -> None:
    assert leg_minutes(None, "10:00", "11:00", 0, zone, "Europe/Berlin") is None
    assert leg_minutes(date(2027, 5, 3), "10:00", "11:00", 0, "Europe/Berlin", zone) is None
