"""What models cost: by the table that comes with pydantic-ai, or as somebody says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from genai_prices import calc_price
from pydantic_ai.models import Model, parse_model_id
from pydantic_ai.usage import RequestUsage

from mana_lab.runner.playing.limits import dollars

_MILLION = Decimal(1_000_000)
_FREE_PROVIDERS = frozenset({"function", "ollama", "test"})


class Pricing(Protocol):
    """Tells what a request costs."""

    def cost_of(self, usage: RequestUsage) -> Decimal:
        """Return the cost of a request, in US dollars."""
        ...


@dataclass(frozen=True)
class Price:
    """A price per token, for a model that the table does not know.

    Attributes:
        input_usd: What a million tokens cost that the model reads, in US dollars.
        output_usd: What a million tokens cost that it writes.

    Raises:
        InvalidInputError: A price is no number, or below zero.
    """

    input_usd: Decimal
    output_usd: Decimal

    def __post_init__(self) -> None:
        for name in ("input_usd", "output_usd"):
            object.__setattr__(self, name, dollars(name, getattr(self, name)))

    def cost_of(self, usage: RequestUsage) -> Decimal:
        """Return the cost of a request, in US dollars."""
        written = self.output_usd * usage.output_tokens
        return (self.input_usd * usage.input_tokens + written) / _MILLION


FREE = Price(Decimal(0), Decimal(0))
"""What a model costs that runs on this machine, or is a function."""


@dataclass(frozen=True)
class _Listed:
    provider: str
    model: str

    def cost_of(self, usage: RequestUsage) -> Decimal:
        return calc_price(usage, self.model, provider_id=self.provider).total_price


def pricing_of(model: Model | str) -> Pricing | None:
    """Return how to price the requests to a model; None if nobody knows.

    Nothing is downloaded: the table is the one that came with the installed package.

    Args:
        model: A model, or a name such as ``anthropic:claude-sonnet-5-5``.
    """
    if isinstance(model, str):
        provider, name = parse_model_id(model)
    else:
        provider, name = model.system, model.model_name
    if provider is None or provider in _FREE_PROVIDERS:
        return FREE if provider else None
    for candidate in (provider, provider.partition("-")[0]):
        listed = _Listed(candidate, name)
        try:
            listed.cost_of(RequestUsage(input_tokens=1, output_tokens=1))
        except (LookupError, ValueError):
            continue
        return listed
    return None


def most_it_costs(pricing: Pricing, input_tokens: int, output_tokens: int) -> Decimal:
    """Return what a request costs at the most: some providers ask more for what they cache."""
    plain = RequestUsage(input_tokens=input_tokens, output_tokens=output_tokens)
    cached = RequestUsage(
        input_tokens=input_tokens, cache_write_tokens=input_tokens, output_tokens=output_tokens
    )
    return max(pricing.cost_of(plain), pricing.cost_of(cached))
