"""How much a model may do in one tick, and the count of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from mana_lab.errors import BudgetExhaustedError, InvalidInputError
from mana_lab.runner.meter import Usage

RATING_REQUESTS = 2
"""How often a tick's ratings are asked for at the most: once, and once more if unreadable."""

_RATING_SHARE = Decimal("0.2")
_LEAST = {
    "calls": 0,
    "requests": RATING_REQUESTS + 1,
    "tokens": 1,
    "answer_tokens": 1,
    "result_chars": 1,
}


def dollars(what: str, amount: Decimal | float | str) -> Decimal:
    """Return an amount of money.

    Args:
        what: What it is for, in the error.
        amount: In US dollars.

    Raises:
        InvalidInputError: It is no number, or below zero.
    """
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise InvalidInputError(f"{what} must be US dollars from 0 on, got {amount!r}")
    return value


@dataclass(frozen=True)
class ModelLimits:
    """What a model may take in one tick, its ratings included.

    The last two requests and a fifth of the tokens and the money are kept for the ratings. A
    persona that comes to a limit while using the app leaves it, and rates it then.

    Attributes:
        calls: How many tools may be called.
        requests: How many times the model may be asked.
        tokens: How many tokens it may read and write in all requests together. Every request reads
            the definitions of all tools anew.
        cost_usd: How many US dollars it may cost; None for any sum.
        answer_tokens: How many tokens one answer may have.
        result_chars: How many characters of a tool's result the model sees; the rest is cut off.

    Raises:
        InvalidInputError: A limit admits nothing.
    """

    calls: int = 12
    requests: int = 14
    tokens: int = 500_000
    cost_usd: Decimal | None = None
    answer_tokens: int = 4_096
    result_chars: int = 6_000

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise InvalidInputError(
                    f"the limit {name} must be a whole number from {least} on, got {value!r}"
                )
        if self.cost_usd is not None:
            object.__setattr__(self, "cost_usd", dollars("the limit cost_usd", self.cost_usd))

    def to_record(self) -> dict[str, Any]:
        """Return them as JSON; ``ModelLimits(**…)`` takes it back."""
        return asdict(self) | {"cost_usd": None if self.cost_usd is None else str(self.cost_usd)}

    def for_use(self) -> Allowance:
        """Return what may be taken while using the app."""
        share = 1 - _RATING_SHARE
        return Allowance(
            self.requests - RATING_REQUESTS, int(self.tokens * share), self._cost(share)
        )

    def for_ratings(self) -> Allowance:
        """Return what may be taken for the ratings."""
        return Allowance(
            RATING_REQUESTS, int(self.tokens * _RATING_SHARE), self._cost(_RATING_SHARE)
        )

    def _cost(self, share: Decimal) -> Decimal | None:
        return None if self.cost_usd is None else self.cost_usd * share


@dataclass
class Allowance:
    """What one part of a tick may take, and what it took.

    Attributes:
        requests: How many requests there may be.
        tokens: How many tokens they may take.
        cost_usd: What they may cost; None for any sum.
        used: What was taken so far.
    """

    requests: int
    tokens: int
    cost_usd: Decimal | None
    used: Usage = field(default_factory=Usage)

    def check(self, at_most: Usage) -> None:
        """Check that the next request fits in.

        Raises:
            BudgetExhaustedError: It may take more than is left.
        """
        after = self.used + at_most
        for name, needed, limit in (
            ("requests", after.requests, self.requests),
            ("tokens", after.tokens, self.tokens),
            ("US dollars", after.cost_usd, self.cost_usd),
        ):
            if limit is not None and needed > limit:
                raise BudgetExhaustedError(
                    f"the model's next request may bring this part of the tick to {needed} {name}, "
                    f"and {limit} are allowed; raise the limits of the brain, ModelLimits(…)",
                    scope="tick",
                )

    def count(self, used: Usage) -> None:
        """Count what a request took."""
        self.used += used
