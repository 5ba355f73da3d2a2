"""What the API answers: the text with its cost, or the state of the API's credential."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from travel_gpt.client.errors import unexpected
from travel_gpt.client.fields import mapping, number, text, whole


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and cost of an answer; None where they are not known."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget with the least left, of those that the query counted in."""

    whose: str
    """``client``, or ``api`` for all clients together."""
    period: str
    """``day`` or ``month`` (UTC)."""
    limit_usd: float
    left_usd: float
    renews_at: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the model."""

    text: str
    model: str
    usage: Usage
    budget: Budget | None
    """None where no budget bounds the query."""
    warnings: tuple[str, ...]
    """Sentences about limits and budgets that are nearly used up."""
    truncated: bool
    """Whether the limit of its length, or its reader, ended it; of a trip, whether days are missing."""
    request_id: str
    body: Mapping[str, Any] = field(repr=False)
    """The JSON object that a POST is answered with."""
    itinerary: Mapping[str, Any] | None = field(default=None, repr=False)
    """The trip; None where prose was asked for. ``text`` is the same trip to read, in Markdown."""
    understood: Mapping[str, Any] | None = field(default=None, repr=False)
    """What the trip had to keep to: what was asked, and what the query says."""
    checks: Mapping[str, Any] | None = field(default=None, repr=False)
    """What was checked of the trip, and whether it is verified."""
    repair: Mapping[str, Any] | None = field(default=None, repr=False)
    """Which days were written again because they broke rules."""


@dataclass(frozen=True, slots=True)
class Health:
    """What GET says about the API's credential."""

    healthy: bool
    message: str
    mode: str
    """``openai``, ``compatible``, ``keyless`` or ``demo``; empty where it is not known."""
    code: str
    """What is wrong; empty where it is healthy."""
    request_id: str
    body: Mapping[str, Any] = field(repr=False)
    """The JSON object."""


def read_answer(body: Mapping[str, Any] | None, url: str) -> Answer:
    """Return the answer in what a POST was answered with.

    Args:
        body: the JSON object; None where it is none.
        url: where it came from.

    Raises:
        UnexpectedAnswer: there is no answer in it.
    """
    if body is None or not isinstance(body.get("answer"), str):
        raise unexpected(url)
    usage, budget, warnings = (body.get(name) for name in ("usage", "budget", "warnings"))
    counted: Mapping[str, Any] = usage if isinstance(usage, dict) else {}
    return Answer(
        text=text(body, "answer"),
        model=text(body, "model"),
        usage=Usage(
            input_tokens=whole(counted, "input_tokens"),
            output_tokens=whole(counted, "output_tokens"),
            total_tokens=whole(counted, "total_tokens"),
            cost_usd=number(counted, "cost_usd"),
        ),
        budget=_budget(budget) if isinstance(budget, dict) else None,
        warnings=tuple(str(each) for each in warnings) if isinstance(warnings, list) else (),
        truncated=body.get("truncated") is True,
        request_id=text(body, "request_id"),
        body=body,
        itinerary=mapping(body, "itinerary"),
        understood=mapping(body, "understood"),
        checks=mapping(body, "checks"),
        repair=mapping(body, "repair"),
    )


def _budget(body: Mapping[str, Any]) -> Budget:
    return Budget(
        whose=text(body, "whose"),
        period=text(body, "period"),
        limit_usd=number(body, "limit_usd") or 0.0,
        left_usd=number(body, "left_usd") or 0.0,
        renews_at=whole(body, "renews_at") or 0,
    )


def read_health(ok: bool, body: Mapping[str, Any]) -> Health:
    """Return what the JSON object of a GET says.

    Args:
        ok: whether its status is a 2xx.
        body: the JSON object.
    """
    return Health(
        healthy=ok and body.get("status") == "success",
        message=text(body, "message"),
        mode=text(body, "mode"),
        code=text(body, "code"),
        request_id=text(body, "request_id"),
        body=body,
    )
