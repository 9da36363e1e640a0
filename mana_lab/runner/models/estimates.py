"""What a run with a model will about cost, before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic_ai.models import Model
from pydantic_ai.usage import RequestUsage

from mana_lab.errors import InvalidInputError
from mana_lab.runner.meter import Usage
from mana_lab.runner.models.prices import Price, Pricing, pricing_of

TYPICAL = Usage(requests=8, input_tokens=192_000, output_tokens=2_400)
"""What a tick with the app's own tools takes: seven requests that each read the definitions of all
94 tools, some 21,000 tokens, and what was said so far; and one request for the ratings."""


@dataclass(frozen=True)
class Estimate:
    """What some ticks will about take.

    Attributes:
        ticks: How many ticks.
        usage: What they take together.
        cost_usd: What that costs, in US dollars; None if nobody knows the price.
        basis: How it was derived, in a sentence.
    """

    ticks: int
    usage: Usage
    cost_usd: Decimal | None
    basis: str

    def __str__(self) -> str:
        cost = "an unknown sum" if self.cost_usd is None else f"about ${self.cost_usd:.2f}"
        return f"{self.ticks} ticks: {cost}, {self.usage.tokens:,} tokens; {self.basis}"


def estimate(
    model: str | Model, ticks: int, *, price: Price | None = None, earlier: Sequence[Usage] = ()
) -> Estimate:
    """Return what *ticks* with a model will about take.

    Nobody is asked, and no key is needed. What providers grant for what they have cached is not
    foreseen, so that without *earlier* it is rather too much.

    Args:
        model: The model, or its name.
        ticks: How many ticks.
        price: What tokens cost, if pydantic-ai's table does not know.
        earlier: What ticks of such a run took, one by one; their mean is taken then.

    Raises:
        InvalidInputError: *ticks* is below 0.
    """
    if ticks < 0:
        raise InvalidInputError(f"there are no {ticks} ticks; give 0 or more")
    one = _mean(earlier) if earlier else TYPICAL
    pricing = price or pricing_of(model)
    cost: Decimal | None = None
    if one.cost_usd:
        cost = one.cost_usd * ticks
    elif pricing is not None:
        cost = _cost(one, pricing) * ticks
    usage = Usage(one.requests * ticks, one.input_tokens * ticks, one.output_tokens * ticks)
    if cost is not None:
        usage += Usage(cost_usd=cost)
    return Estimate(ticks, usage, cost, _basis(earlier, cost))


def _cost(tick: Usage, pricing: Pricing) -> Decimal:
    """Return what a tick costs; long requests may cost more by the token, so each is priced."""
    requests = max(1, tick.requests)
    each = RequestUsage(
        input_tokens=round(tick.input_tokens / requests),
        output_tokens=round(tick.output_tokens / requests),
    )
    return pricing.cost_of(each) * requests


def _mean(earlier: Sequence[Usage]) -> Usage:
    total = sum(earlier, Usage())
    count = len(earlier)
    return Usage(
        round(total.requests / count),
        round(total.input_tokens / count),
        round(total.output_tokens / count),
        total.cost_usd / count,
    )


def _basis(earlier: Sequence[Usage], cost: Decimal | None) -> str:
    tokens = (
        f"the mean of {len(earlier)} earlier ticks"
        if earlier
        else "a typical tick with the app's own tools, without savings by caches"
    )
    return tokens if cost is not None else f"{tokens}; what the model costs is not known"
