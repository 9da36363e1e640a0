"""What model requests take, in requests, tokens and money, and who keeps count."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

NANO_USD: Final = 10**9
"""How many of what the ledger counts money in make one US dollar."""


@dataclass(frozen=True)
class Usage:
    """What model requests took, or may take.

    Attributes:
        requests: How many requests.
        input_tokens: How many tokens the model read.
        output_tokens: How many tokens it wrote.
        cost_usd: What that costs, in US dollars; 0 for a model that costs nothing.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    @property
    def tokens(self) -> int:
        """All tokens, read and written."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_usd + other.cost_usd,
        )


class Meter(Protocol):
    """Counts what a tick's model requests take; they come one after the other."""

    async def reserve(self, at_most: Usage) -> None:
        """Hold what the next request may take at the most.

        Raises:
            BudgetExhaustedError: A limit of the tick, the persona or the run does not admit it;
                nothing is held, and the request must not be made.
        """
        ...

    async def settle(self, used: Usage) -> None:
        """Count what the request really took, instead of what was held for it."""
        ...


@dataclass
class Tally:
    """Counts, and limits nothing.

    Attributes:
        used: What was used so far.
    """

    used: Usage = field(default_factory=Usage)

    async def reserve(self, at_most: Usage) -> None:
        """Hold nothing: there is no limit."""

    async def settle(self, used: Usage) -> None:
        """Add what a request took."""
        self.used += used
