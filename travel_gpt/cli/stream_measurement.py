"""Measures how a streamed answer arrives, and finds out whether something on the way collects its events.

A proxy that collects a response passes it on once it is complete: every event arrives, all of them at once.
The time before the first event does not show that, because models differ too much. So the API's last event
says how long the text took where it was sent (``text_milliseconds``). The rule of ``Measurement.delivery``:

- The text arrived in less than a quarter of the time in which it was sent: one burst.
- It was sent in less than 100 ms, or the API does not say in what time: undecided. A model that writes so
  fast, or a server that does not stream, is no sign of a proxy.
- Otherwise it was streamed.

Its limits: a network that stalls for most of the text and then delivers everything looks like a proxy, so
measure again before acting on a burst. A proxy that passes on what it has every few kilobytes is no burst;
the longest gap shows it. It is the way to this machine that is measured, and not that of every reader.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise
from statistics import median
from typing import Any, Final

from travel_gpt import advisor
from travel_gpt.base_url import is_openai, is_openai_region
from travel_gpt.client import ApiError, TravelGPT
from travel_gpt.errors import Misconfigured
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.model_api import ModelRequest, Prompt
from travel_gpt.llm.prices import NANODOLLARS, PriceList, read_prices
from travel_gpt.settings import Settings

QUERY: Final = "What is Lisbon like in May? Answer in about 100 words."
"""Long enough for a second of writing, and short enough to cost little."""

LEAST_SECONDS: Final = 0.1
"""Text that was sent in less says nothing about the way here."""

SHARE: Final = 0.25
"""Text that arrived in less than this share of the time in which it was sent was collected on the way."""

_STOP_TIMEOUT: Final = 5.0


class Delivery(StrEnum):
    """How the events of a stream arrived."""

    STREAMED = "streamed"
    BURST = "burst"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One streamed answer. Times are seconds since the request was sent, its connection included."""

    headers_at: float
    """When the response headers were here."""
    events_at: tuple[float, ...]
    """When each event was here."""
    texts_at: tuple[float, ...]
    """When each piece of the text was here."""
    text_sent_in: float | None
    """The seconds from its first piece to its end, where it was sent; None where that is not known."""
    model: str
    cost_usd: float | None
    """What it cost; None where costs are not counted."""

    @property
    def text_received_in(self) -> float:
        """The seconds from the first piece of the text to the last event, as they arrived."""
        return self.events_at[-1] - self.texts_at[0] if self.texts_at else 0.0

    @property
    def gaps(self) -> tuple[float, ...]:
        """The seconds between each event and the next one."""
        return tuple(later - earlier for earlier, later in pairwise(self.events_at))

    @property
    def median_gap(self) -> float:
        """The gap that half of them are shorter than."""
        return median(self.gaps or [0.0])

    @property
    def longest_gap(self) -> float:
        """The longest of them."""
        return max(self.gaps, default=0.0)

    @property
    def delivery(self) -> Delivery:
        """Whether it was streamed: see the module."""
        if self.text_sent_in is None or self.text_sent_in < LEAST_SECONDS:
            return Delivery.UNDECIDED
        collected = self.text_received_in < self.text_sent_in * SHARE
        return Delivery.BURST if collected else Delivery.STREAMED

    @property
    def times(self) -> str:
        """When things arrived, and what it cost."""
        said = [f"response headers after {shown(self.headers_at)}"]
        said.append(f"the first event after {shown(self.events_at[0])}")
        if self.texts_at:
            said.append(f"the first text after {shown(self.texts_at[0])}")
        said.append(f"the whole answer after {shown(self.events_at[-1])}")
        if self.cost_usd is not None:
            said.append(f"for {self.cost_usd:.6f} USD")
        return ", ".join(said)

    @property
    def pace(self) -> str:
        """How the events followed each other."""
        return (
            f"{len(self.events_at)} events, {len(self.gaps)} gaps between them: median "
            f"{shown(self.median_gap)}, longest {shown(self.longest_gap)}"
        )

    @property
    def meaning(self) -> str:
        """What that says about the way here."""
        if self.text_sent_in is None:
            return "undecided: the API does not say in what time it sent the text"
        text = (
            f"the text was sent in {shown(self.text_sent_in)} and arrived in {shown(self.text_received_in)}"
        )
        return {
            Delivery.STREAMED: f"it streams: {text}",
            Delivery.BURST: f"the events arrived in one burst: {text}",
            Delivery.UNDECIDED: f"undecided: {text}, which is too fast to tell",
        }[self.delivery]

    @property
    def document(self) -> Mapping[str, Any]:
        """The measurement for another program, in milliseconds."""
        return {
            "delivery": self.delivery.value,
            "headers_milliseconds": _milliseconds(self.headers_at),
            "first_event_milliseconds": _milliseconds(self.events_at[0]),
            "first_text_milliseconds": _milliseconds(self.texts_at[0]) if self.texts_at else None,
            "whole_milliseconds": _milliseconds(self.events_at[-1]),
            "events": len(self.events_at),
            "gaps": len(self.gaps),
            "median_gap_milliseconds": _milliseconds(self.median_gap),
            "longest_gap_milliseconds": _milliseconds(self.longest_gap),
            "text_sent_in_milliseconds": _milliseconds(self.text_sent_in),
            "text_received_in_milliseconds": _milliseconds(self.text_received_in),
            "model": self.model,
            "cost_usd": self.cost_usd,
        }


def measure(api: TravelGPT) -> Measurement:
    """Ask one short query, and measure how its answer arrives.

    Args:
        api: the API.

    Raises:
        ApiError: the query was refused, or the stream failed.
    """
    began = time.perf_counter()
    with api.stream(QUERY) as stream:
        headers_at = time.perf_counter() - began
        try:
            arrived = [(time.perf_counter() - began, *event) for event in stream.events()]
        except KeyboardInterrupt:
            # It would be written to its end, and paid for.
            with suppress(ApiError):
                stream.stop(timeout=_STOP_TIMEOUT)
            raise
        answer = stream.answer()
    sent_in = arrived[-1][2].get("text_milliseconds")
    return Measurement(
        headers_at,
        tuple(at for at, _, _ in arrived),
        tuple(at for at, name, _ in arrived if name == "delta"),
        sent_in / 1000 if isinstance(sent_in, int) else None,
        answer.model,
        answer.usage.cost_usd,
    )


def most_cost(settings: Settings) -> str:
    """Say what one measurement can cost at most, as its budget counts it.

    Args:
        settings: those of the function. A model that its secret names is not known here.
    """
    prices = PriceList.load(
        read_prices(settings.model_prices), refuse_unknown=settings.unknown_model_price == "refuse"
    )
    prompt = Prompt(files(advisor).joinpath("instructions.txt").read_text("utf-8").strip(), QUERY)
    request = ModelRequest(
        prompt,
        settings.model,
        settings.max_output_tokens,
        settings.reasoning_effort,
        ServerCapabilities(at_openai=is_openai(settings.base_url)),
    )
    surcharges = ("openai-region",) if is_openai_region(settings.base_url) else ()
    try:
        most = prices.of(settings.model, surcharges).most(request)
    except Misconfigured:
        return f"an unknown amount, since {settings.model} has no price"
    return f"{max(most / NANODOLLARS, 0.0001):.4f} USD"


def shown(seconds: float) -> str:
    """Write a time as people read it."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
