"""The price list against that of LiteLLM, in USD per million tokens.

The file model_prices_and_context_window_backup.json of the package litellm is in .venv/compatible, which
`scripts/environment.sh compatible` makes.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.compatible.servers import PYTHON

OURS: dict[str, list[float]] = json.loads(Path("travel_gpt/llm/prices.json").read_text("utf-8"))["models"]
FIELDS = (
    "input_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "output_cost_per_token",
)
NOT_LISTED = {"gpt-6.1-terra"}
"""Models that this version of LiteLLM does not have. docs.litellm.ai/blog/gpt-6-1-terra has our prices."""

EXPLAINED = {
    # Promotional prices, "at least until" the date of our list (developers.openai.com, models, GPT-5.6 Sol).
    # Ours are those from before the promotion: a budget holds with either.
    "gpt-5.6": ["4.0", "0.4", "5.0", "20.0"],
    "gpt-5.6-sol": ["4.0", "0.4", "5.0", "20.0"],
    # Half price until 31 December 2026 (Gemini API, Pricing: "$1.50 starting January 1, 2027"). Ours are the
    # prices that follow: this list will be in use then.
    "gemini-3.8-flash": ["0.75", "0.075", "0.75", "3.75"],
}
"""Prices of LiteLLM that differ from ours, and why."""

WRITES_FOR_AN_HOUR = "claude-"
"""Anthropic's models: ours has the price of writing the cache for an hour, and LiteLLM's field that for five
minutes; that for an hour is in a field of its own."""


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict[str, Any]]:
    found = list(PYTHON.parents[1].glob("lib/python3*/site-packages/litellm/model_prices_*_backup.json"))
    if not found:
        pytest.skip("LiteLLM is not installed: scripts/environment.sh compatible")
    listed: dict[str, dict[str, Any]] = json.loads(found[0].read_text("utf-8"))
    return listed


def per_million(model: str, listed: dict[str, Any]) -> list[Decimal]:
    """Their prices in our order. Where they have none for writing the cache, it is that of input."""
    fields = {name: listed.get(name) for name in FIELDS}
    if model.startswith(WRITES_FOR_AN_HOUR):
        fields["cache_creation_input_token_cost"] = listed["cache_creation_input_token_cost_above_1hr"]
    if fields["cache_creation_input_token_cost"] is None:
        fields["cache_creation_input_token_cost"] = listed["input_cost_per_token"]
    return [round(Decimal(str(price)) * 1_000_000, 6) for price in fields.values()]


def test_only_the_models_that_are_named_here_are_missing_there(theirs: dict[str, dict[str, Any]]) -> None:
    assert {model for model in OURS if model not in theirs} == NOT_LISTED


@pytest.mark.parametrize("model", sorted(OURS.keys() - NOT_LISTED))
def test_the_prices_of_a_model_agree(model: str, theirs: dict[str, dict[str, Any]]) -> None:
    ours = [str(price) for price in OURS[model]]

    assert [Decimal(price) for price in EXPLAINED.get(model, ours)] == per_million(model, theirs[model])


@pytest.mark.parametrize("model", sorted(EXPLAINED))
def test_where_they_differ_ours_are_the_higher_ones(model: str) -> None:
    ours = [Decimal(str(price)) for price in OURS[model]]

    assert all(mine > other for mine, other in zip(ours, map(Decimal, EXPLAINED[model]), strict=True))
