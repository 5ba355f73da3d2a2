"""The picture of a trip in the documentation. Whether it is up to date is checked by generate_docs.py."""

from xml.etree import ElementTree as ET

import pytest

from scripts.docs.itinerary_picture import itinerary_picture
from tests.support.markdown import ROOT

SPACE = "{http://www.w3.org/2000/svg}"


def test_the_picture_shows_the_trip() -> None:
    picture = ET.parse(ROOT / "docs/itineraries.svg").getroot()

    said = "".join(text.text or "" for text in picture.iter(f"{SPACE}text")).replace("\xa0", " ")
    for expected in ("Day 3, Tue 5 Oct 2027", "[1 error]", "Mosteiro dos Jerónimos", "Not verified: 1 error"):
        assert expected in said, expected
    assert picture.get("role") == "img"
    assert (picture.findtext(f"{SPACE}desc") or "").startswith("A terminal with a trip")


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    text = itinerary_picture()

    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "", 1)
    assert "@font-face" not in text
    assert "url(" not in text.replace("url(#trip-", "")


def test_the_environment_does_not_change_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    before = itinerary_picture()
    for name, value in {
        "NO_COLOR": "1",
        "COLUMNS": "40",
        "TERM": "dumb",
        "COLORTERM": "",
        "LANG": "C",
    }.items():
        monkeypatch.setenv(name, value)

    assert itinerary_picture() == before
