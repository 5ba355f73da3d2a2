"""Server-sent events, cut anywhere."""

import json

import pytest

from tests.support.scripted_api import EVENTS, TEXT
from travel_gpt.client.events import EventReader


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 64, 100_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_events_are_the_same_however_they_are_cut(size: int, line_end: bytes) -> None:
    sent = b"\xef\xbb\xbf" + b"".join(EVENTS).replace(b"\n", line_end)
    events = EventReader()

    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    found = [event for piece in pieces for event in (*events.feed(piece), *events.feed(b""))]

    assert [name for name, _ in found] == ["start", "delta", "delta", "usage", "done"]
    assert "".join(json.loads(data)["text"] for name, data in found if name == "delta") == TEXT


def test_events_are_the_same_wherever_they_are_cut_once() -> None:
    sent = b"".join(EVENTS)
    whole = list(EventReader().feed(sent))
    for at in range(len(sent)):
        events = EventReader()
        assert [*events.feed(sent[:at]), *events.feed(sent[at:])] == whole, at


def test_what_the_standard_says_about_fields() -> None:
    """Source: the HTML standard, "Interpreting an event stream"."""
    sent = (
        b": comment\nid: 7\nretry: 3\nunknown\nevent:delta\ndata: one\ndata:  two\ndata\n\n"
        b"data: without a name\n\nevent: without data\n\nevent: cut off\ndata: x\n"
    )

    assert list(EventReader().feed(sent)) == [("delta", "one\n two\n"), ("", "without a name")]
