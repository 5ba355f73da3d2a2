"""Prices: the most that a call can cost, the cost of a usage, and models without a price."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from travel_gpt.errors import Misconfigured
from travel_gpt.llm import prices as prices_module
from travel_gpt.llm.capabilities import ServerCapabilities
from travel_gpt.llm.model_api import IN_WORDS, ModelRequest, Prompt, Schema, Usage
from travel_gpt.llm.prices import MESSAGE_TOKENS, NANODOLLARS, Price, PriceList, read_prices

LUNA = Price(input=100, cached_input=10, cache_write=125, output=500)


def asked(query: str = "Lisbon?", cap: int = 1500) -> ModelRequest:
    return ModelRequest(
        Prompt("Advise.", query), "gpt-6-luna", cap, "none", ServerCapabilities(at_openai=True)
    )


def test_the_default_model_has_its_price() -> None:
    assert PriceList.load().of("gpt-6-luna") == LUNA
    assert PriceList.load().of("gpt-6-luna-2026-09-22") == LUNA


def test_the_most_counts_each_byte_as_a_token_and_the_whole_cap() -> None:
    size = len(b"Advise.") + len("Málaga, 旅行?".encode()) + MESSAGE_TOKENS

    assert LUNA.most(asked("Málaga, 旅行?", cap=16)) == size * 125 + 16 * 500


def test_a_schema_counts_as_the_format_and_in_words() -> None:
    schema = Schema("trip", '{"title": "Málaga"}')
    plain = asked()

    with_schema = replace(plain, prompt=replace(plain.prompt, schema=schema))

    added = 2 * len('{"title":"Málaga"}'.encode()) + len(f"\n\n{IN_WORDS}\n")
    assert LUNA.most(with_schema) == LUNA.most(plain) + added * 125


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(1000, 200, 1200), 1000 * 125 + 200 * 500),
        (Usage(1000, 200, 1200, cached_tokens=400), 600 * 125 + 400 * 10 + 200 * 500),
        (Usage(1, 0, 1), 125),
        (Usage(1000, 200, 1200, cached_tokens=5000), None),
        (Usage(1000, 200, 1200, cached_tokens=-5), None),
        (Usage(0, 0, 0), None),
        (Usage(0, 200, 200), None),
        (Usage(None, 200, 200), None),
        (Usage(1000, None, None), None),
        (Usage(-1, 200, 199), None),
        (Usage(1000, 10**12, 10**12), None),
    ],
)
def test_the_cost_of_a_usage_that_can_be_believed(usage: Usage, cost: int | None) -> None:
    assert LUNA.cost(usage) == cost


def test_a_model_without_a_price_counts_as_the_dearest_or_is_refused() -> None:
    prices = PriceList.load()
    dearest = prices.of("unlisted")

    assert all(
        dearest.most(asked()) >= price.most(asked()) and dearest.cached_input >= price.cached_input
        for price in prices.prices.values()
    )
    with pytest.raises(Misconfigured, match="unlisted"):
        PriceList.load(refuse_unknown=True).of("unlisted")


def test_a_surcharge_comes_on_top_of_each_price() -> None:
    prices = PriceList.load({"own": Price(1, 1, 1, 1000)})

    assert prices.of("gpt-6-luna", ["openai-region"]) == Price(110, 11, 138, 550)
    assert prices.of("own", ["openai-region"]) == Price(2, 2, 2, 1100)


def test_the_owners_prices_come_first() -> None:
    own = read_prices(" llama-4=0.20/0.60, gpt-6-luna=1/2 ,*=3/4")
    prices = PriceList.load(own, refuse_unknown=True)

    assert prices.of("llama-4") == Price(200, 200, 200, 600)
    assert prices.of("gpt-6-luna").output == 2000
    assert prices.of("another") == Price(3000, 3000, 3000, 4000)


@pytest.mark.parametrize(
    "text", ["llama", "llama=", "llama=1", "=1/2", "a=1/2/3", "a=x/1", "a=-1/2", "a=NaN/1", "a=1/200000"]
)
def test_prices_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"USD per million tokens"):
        read_prices(text)


def test_the_list_of_the_package_has_the_prices_of_its_file() -> None:
    written = json.loads(Path(prices_module.__file__).with_name("prices.json").read_text("utf-8"))["models"]

    assert PriceList.load().prices == {model: Price.per_million(*each) for model, each in written.items()}


def test_a_price_is_rounded_up() -> None:
    assert Price.per_million("0.0001", "0").input == 1


def test_a_list_is_old_after_90_days() -> None:
    prices = PriceList({}, date(2026, 11, 21))

    assert not prices.is_old(date(2026, 11, 21) + timedelta(days=90))
    assert prices.is_old(date(2026, 11, 21) + timedelta(days=91))
    assert NANODOLLARS == 10**9
