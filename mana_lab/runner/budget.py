"""Budgets: what models may take, held in the ledger, so that all runners of a run share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from mana_lab.errors import BudgetExhaustedError, InvalidInputError, LeaseLostError
from mana_lab.runner.claims import OpenTick
from mana_lab.runner.ledger_tables import RUNS, TICKS
from mana_lab.runner.meter import NANO_USD, Usage
from mana_lab.storage import Store

Scope: TypeAlias = Literal["tick", "persona", "run"]


@dataclass(frozen=True)
class Limits:
    """The most that models may take; None for no limit.

    Attributes:
        requests: How many requests.
        tokens: How many tokens, read and written.
        cost_usd: How much money, in US dollars.

    Raises:
        InvalidInputError: A limit is not above zero.
    """

    requests: int | None = None
    tokens: int | None = None
    cost_usd: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("requests", "tokens", "cost_usd"):
            value = getattr(self, name)
            if value is not None and not (Decimal(value).is_finite() and value > 0):
                raise InvalidInputError(f"the limit of {name} must be above 0, got {value}")

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return (self.requests, self.tokens, self.cost_usd) != (None, None, None)


@dataclass(frozen=True)
class Budget:
    """What models may take in one tick, for one persona in a run, and in the whole run.

    Attributes:
        tick: For each tick; one that needs more fails.
        persona: For each persona; further ticks of theirs fail.
        run: For the run, which stops before it takes more.
    """

    tick: Limits = field(default_factory=Limits)
    persona: Limits = field(default_factory=Limits)
    run: Limits = field(default_factory=Limits)

    @classmethod
    def of(cls, given: Budget | Decimal | float | str | None) -> Budget:
        """Return the budget that is meant: a number is US dollars for the run.

        Raises:
            InvalidInputError: It is no number, or not above zero.
        """
        if given is None or isinstance(given, Budget):
            return given or cls()
        try:
            dollars = Decimal(str(given))
        except InvalidOperation:
            dollars = Decimal("NaN")
        if not dollars.is_finite() or dollars <= 0:
            raise InvalidInputError(
                f"a budget is a number of US dollars and must be above 0, got {repr(given)[:40]}"
            )
        return cls(run=Limits(cost_usd=dollars))

    @property
    def limits_money(self) -> bool:
        """Whether money is among what is limited."""
        return any(limits.cost_usd is not None for _, limits in self.scopes())

    def scopes(self) -> list[tuple[Scope, Limits]]:
        """Return the limits that there are, the narrowest first."""
        every: list[tuple[Scope, Limits]] = [
            ("tick", self.tick),
            ("persona", self.persona),
            ("run", self.run),
        ]
        return [(scope, limits) for scope, limits in every if limits.any]


class LedgerMeter:
    """Counts what a tick's model takes in the ledger, and holds it to a budget.

    Args:
        store: The ledger's.
        tick: The tick.
        budget: What may be taken.
    """

    def __init__(self, store: Store, tick: OpenTick, budget: Budget) -> None:
        self._store = store
        self._tick = tick
        self._scopes = budget.scopes()

    async def reserve(self, at_most: Usage) -> None:
        """Hold what the next request may take at the most.

        Raises:
            BudgetExhaustedError: A limit does not admit it; nothing is held.
            LeaseLostError: Another runner works on the tick by now.
        """
        if self._scopes:
            await self._store.write(partial(_reserve, self._tick, self._scopes, at_most))

    async def settle(self, used: Usage) -> None:
        """Count what the request really took, instead of what was held for it.

        Where the tick has been let go since, what was held counts as used already and stays so.
        """
        ours = _ours(self._tick) if self._scopes else TICKS.c.id == self._tick.id
        change = (
            update(TICKS)
            .where(ours)
            .values(
                requests=TICKS.c.requests + used.requests,
                input_tokens=TICKS.c.input_tokens + used.input_tokens,
                output_tokens=TICKS.c.output_tokens + used.output_tokens,
                cost_nano_usd=TICKS.c.cost_nano_usd + _nano(used.cost_usd),
                held_requests=0,
                held_tokens=0,
                held_nano_usd=0,
            )
        )
        await self._store.write(lambda connection: connection.execute(change) and None)


def _reserve(
    tick: OpenTick,
    scopes: Sequence[tuple[Scope, Limits]],
    at_most: Usage,
    connection: Connection,
) -> None:
    run = select(RUNS.c.id).where(RUNS.c.id == tick.run_id)
    connection.execute(run.with_for_update())  # one reservation of a run at a time
    for scope, limits in scopes:
        _check(scope, limits, _used(connection, tick, scope), at_most)
    held = {
        "held_requests": at_most.requests,
        "held_tokens": at_most.tokens,
        "held_nano_usd": _nano(at_most.cost_usd),
    }
    if not connection.execute(update(TICKS).where(_ours(tick)).values(**held)).rowcount:
        raise LeaseLostError("the tick is another runner's by now; no more is asked for it here")


def _ours(tick: OpenTick) -> ColumnElement[bool]:
    """Say that the tick is worked on still, in the same attempt."""
    of = TICKS.c
    return and_(of.id == tick.id, of.status == "running", of.attempt == tick.attempt)


def _used(connection: Connection, tick: OpenTick, scope: Scope) -> Usage:
    rows: dict[Scope, Sequence[ColumnElement[bool]]] = {
        "tick": [TICKS.c.id == tick.id],
        "persona": [TICKS.c.run_id == tick.run_id, TICKS.c.persona_id == tick.persona_id],
        "run": [TICKS.c.run_id == tick.run_id],
    }
    of = TICKS.c
    sums = select(
        func.coalesce(func.sum(of.requests + of.held_requests), 0),
        func.coalesce(func.sum(of.input_tokens + of.output_tokens + of.held_tokens), 0),
        func.coalesce(func.sum(of.cost_nano_usd + of.held_nano_usd), 0),
    )
    requests, tokens, nano = connection.execute(sums.where(*rows[scope])).one()
    return Usage(int(requests), int(tokens), 0, Decimal(int(nano)) / NANO_USD)


def _check(scope: Scope, limits: Limits, used: Usage, more: Usage) -> None:
    whose = {"tick": "this tick", "persona": "this persona", "run": "the run"}[scope]
    together = used + more
    for name, limit, total in (
        ("requests", limits.requests, together.requests),
        ("tokens", limits.tokens, together.tokens),
        ("US dollars", limits.cost_usd, together.cost_usd),
    ):
        if limit is not None and total > limit:
            raise BudgetExhaustedError(
                f"the next request could bring {whose} to {_shown(total)} {name}, "
                f"and {_shown(limit)} is the limit; raise it to go on",
                scope,
            )


def _shown(number: Any) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".") if isinstance(number, Decimal) else str(number)


def _nano(dollars: Decimal) -> int:
    return int((dollars * NANO_USD).to_integral_value())
