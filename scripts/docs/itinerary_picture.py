"""docs/itineraries.svg: a trip as ``travel-gpt ask --format itinerary`` shows it."""

import io
import re
from html import escape
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, ConsoleDimensions

from scripts.docs.example_trip import answer_body
from travel_gpt.cli.itinerary.page import trip_page
from travel_gpt.cli.itinerary.reply import read_reply
from travel_gpt.client.answers import read_answer

_WIDTH: Final = 100
_COMMAND: Final = 'travel-gpt ask "Lisbon and Porto, by train" --format itinerary --budget "1500 EUR"'
_DESCRIPTION: Final = (
    "A terminal with a trip of four days in tables: times, places and costs, one error and one warning at "
    "the third day, the costs against the budget, and what was checked."
)
_FONTS: Final = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def itinerary_picture() -> str:
    """Return docs/itineraries.svg."""
    # What the environment says about colours and width must not change the picture.
    console = Console(
        file=io.StringIO(),
        record=True,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )
    console.size = ConsoleDimensions(_WIDTH, 25)
    answer = read_answer(answer_body(), "")
    for part in trip_page(read_reply(answer), _WIDTH):
        console.print(part)
    drawn = console.export_svg(title=_COMMAND, unique_id="trip", code_format=_format())
    return "".join(f"{line.rstrip()}\n" for line in drawn.splitlines())


def _format() -> str:
    """Return Rich's own format without the font that it loads from another host."""
    own = re.sub(r"\s*@font-face \{\{.*?\n    \}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    own = re.sub(r"<!--.*?-->", f"<desc>{escape(_DESCRIPTION)}</desc>", own)
    own = own.replace("<svg ", '<svg role="img" ', 1)
    own = own.replace("font-family: arial", "font-family: arial, sans-serif")
    return own.replace("Fira Code, monospace", _FONTS)
