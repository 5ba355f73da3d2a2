"""What a call to a model costs: the price list, the most that one call can cost, and the cost of its usage.

Money is counted in whole nanodollars (10**-9 USD), so that sums are exact.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from travel_gpt.errors import Misconfigured
from travel_gpt.llm.model_api import ModelRequest, Usage

NANODOLLARS: Final = 1_000_000_000
"""In one US dollar."""

MAX_AGE_DAYS: Final = 90
"""A price list that is older is reported in the log and by doctor."""

MESSAGE_TOKENS: Final = 200
"""Tokens that a server may add around the messages: their roles, separators and a template of its own.
Assumed: OpenAI's cookbook, "How to count tokens with tiktoken", names 3 or 4 tokens for each message."""

MOST_TOKENS: Final = 10_000_000
"""More tokens than any model takes or gives at once: a usage above it is not believed."""

_SNAPSHOT: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")


class Price(NamedTuple):
    """The price of a model, in nanodollars per token."""

    input: int
    cached_input: int
    cache_write: int
    output: int

    @classmethod
    def per_million(cls, *dollars: object) -> "Price":
        """Return a price given in US dollars per million tokens, rounded up.

        Args:
            dollars: those of input, cached input, cache write and output; or of input and output alone.

        Raises:
            ValueError: they are not two or four numbers from 0 to 100,000.
        """
        if len(dollars) == 2:
            dollars = (dollars[0], dollars[0], dollars[0], dollars[1])
        if len(dollars) != 4:
            raise ValueError("a price has two or four numbers")
        return cls(*(_nanodollars_per_token(each) for each in dollars))

    def with_surcharge(self, percent: int) -> "Price":
        """Return the price with so many percent more, rounded up."""
        numbers = (self.input, self.cached_input, self.cache_write, self.output)
        return Price(*(-(-number * (100 + percent) // 100) for number in numbers))

    @property
    def dearest_input(self) -> int:
        """The most that one token of input can cost: OpenAI charges some models more to write their cache."""
        return max(self.input, self.cached_input, self.cache_write)

    def most(self, request: ModelRequest) -> int:
        """Return the most that one call can cost, in nanodollars.

        A token stands for at least one byte of UTF-8, so the input has no more tokens than bytes. A schema
        counts twice: servers count it as input, and it may be sent in words as well, as another thread may
        find out between this and the call. The answer has no more than the cap, which is sent with each call
        and counts reasoning as well.

        Args:
            request: what will be asked.
        """
        prompt = request.prompt
        size = len(prompt.instructions.encode()) + len(prompt.query.encode()) + MESSAGE_TOKENS
        if prompt.schema is not None:
            size += len(prompt.schema.compact.encode()) + len(prompt.schema.in_words.encode())
        return size * self.dearest_input + request.max_output_tokens * self.output

    def cost(self, usage: Usage) -> int | None:
        """Return what a call cost by the usage that the server reported, in nanodollars.

        Args:
            usage: the usage.

        Returns:
            The cost; None where the usage is missing, or is not believable: each call has instructions, so it
            has input.
        """
        given, answered, cached = usage.input_tokens, usage.output_tokens, usage.cached_tokens or 0
        if given is None or answered is None:
            return None
        if not (1 <= given <= MOST_TOKENS and 0 <= answered <= MOST_TOKENS and 0 <= cached <= given):
            return None
        return (
            (given - cached) * max(self.input, self.cache_write)
            + cached * self.cached_input
            + (answered * self.output)
        )


@dataclass(frozen=True)
class PriceList:
    """The prices of the models that are known.

    Args:
        prices: by the model's name. The name ``*`` stands for each model that is not listed.
        as_of: the date of the list.
        surcharges: by name, the percent that come on top of each price.
        refuse_unknown: whether a model without a price is refused; otherwise it counts as the dearest known.
    """

    prices: Mapping[str, Price]
    as_of: date
    surcharges: Mapping[str, int] = field(default_factory=dict)
    refuse_unknown: bool = False

    @classmethod
    def load(cls, own: Mapping[str, Price] | None = None, *, refuse_unknown: bool = False) -> "PriceList":
        """Read the list of this package, with the owner's prices in front of it.

        Args:
            own: the owner's prices, by the model's name or ``*``.
            refuse_unknown: see the class.
        """
        known = _read_file()
        return replace(known, prices={**known.prices, **(own or {})}, refuse_unknown=refuse_unknown)

    def of(self, model: str, surcharges: Sequence[str] = ()) -> Price:
        """Return the price of a model.

        Args:
            model: its name, as it is asked for. A date at its end (a snapshot) makes no difference.
            surcharges: the names of those that come on top.

        Raises:
            Misconfigured: it has no price, and such models are refused.
        """
        price = self._of_model(model)
        for name in surcharges:
            price = price.with_surcharge(self.surcharges[name])
        return price

    def _of_model(self, model: str) -> Price:
        for name in (model, _SNAPSHOT.sub("", model), "*"):
            if (price := self.prices.get(name)) is not None:
                return price
        if self.refuse_unknown:
            raise Misconfigured(
                f"no price is known for the model {model}",
                message="The configured model has no known price. The owner should set MODEL_PRICES.",
            )
        return self.dearest

    @property
    def dearest(self) -> Price:
        """A price above that of each model in the list."""
        prices = self.prices.values()
        return Price(
            max(each.input for each in prices),
            max(each.cached_input for each in prices),
            max(each.cache_write for each in prices),
            max(each.output for each in prices),
        )

    def is_old(self, today: date) -> bool:
        """Return whether the list is older than 90 days."""
        return (today - self.as_of).days > MAX_AGE_DAYS


def read_prices(text: str) -> dict[str, Price]:
    """Read the owner's prices (``MODEL_PRICES``).

    Args:
        text: entries with commas between them, each a model's name (or ``*``), ``=``, and the US dollars per
            million tokens of input and output with ``/`` between them, such as ``llama-4=0.20/0.60``.

    Returns:
        The prices by the model's name.

    Raises:
        ValueError: it cannot be read so.
    """
    prices: dict[str, Price] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        model, given, dollars = entry.rpartition("=")
        if not given or not model.strip() or dollars.count("/") != 1:
            raise ValueError(
                "must be model=input/output, in USD per million tokens, with commas between models"
            )
        prices[model.strip()] = Price.per_million(*dollars.split("/"))
    return prices


def _nanodollars_per_token(dollars: object) -> int:
    try:
        amount = Decimal(str(dollars).strip())
    except ArithmeticError:
        raise ValueError("a price must be a number of USD per million tokens") from None
    if not (amount.is_finite() and 0 <= amount <= 100_000):
        raise ValueError("a price must be from 0 to 100,000 USD per million tokens")
    return int((amount * 1000).to_integral_value(ROUND_CEILING))


@cache
def _read_file() -> PriceList:
    document = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    # As Price.per_million, without its hundreds of Decimals: a cold start waits for this.
    prices = {
        model: Price(*(-(-round(dollars * 1_000_000) // 1000) for dollars in given))
        for model, given in document["models"].items()
    }
    return PriceList(prices, date.fromisoformat(document["as_of"]), document["surcharges"])
