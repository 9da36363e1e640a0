"""Living a tick: from the claim to its end in the ledger, in simulated and in real time alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from mana_lab.clock import PinnedClock
from mana_lab.errors import LeaseLostError, ServiceUnavailableError
from mana_lab.identity.wire import DuePersona
from mana_lab.runner.brain import Brain
from mana_lab.runner.claims import LEASE, EndedTick, OpenTick, Wanted
from mana_lab.runner.ledger import Ledger, TickOutcome
from mana_lab.runner.meter import Meter
from mana_lab.runner.tape import Tape
from mana_lab.runner.tick import House, Tick

ANOTHER_BRAIN = TickOutcome(
    failed_step="prepare", error="interrupted: the run was stopped, and another one took over"
)
"""What becomes of a tick of a run with another brain, or one that varied the app."""
_GONE = TickOutcome(failed_step="prepare", error="unknown-persona: they are no longer there")


@asynccontextmanager
async def keeping_leases(
    ledger: Ledger, wait: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> AsyncIterator[None]:
    """Move the ends of all leases on, for as long as this is held.

    Args:
        ledger: Where they are.
        wait: Waits so many seconds.
    """
    renewal = asyncio.create_task(_renew(ledger, wait))
    try:
        yield
    finally:
        renewal.cancel()


async def _renew(ledger: Ledger, wait: Callable[[float], Awaitable[object]]) -> None:
    while True:
        await wait(LEASE.total_seconds() / 3)
        with suppress(ServiceUnavailableError):
            await ledger.renew()


async def claim(house: House, ledger: Ledger, wanted: Wanted) -> OpenTick | EndedTick | None:
    """Claim a persona's next tick; of one that has ended, identity is told.

    Args:
        house: What ticks need.
        ledger: Where it is claimed.
        wanted: Which tick.

    Returns:
        As :meth:`Ledger.claim`.
    """
    claimed = await ledger.claim(wanted)
    if isinstance(claimed, EndedTick):  # whoever ended it could not say so
        await house.identity.record_tick(
            house.service_key, wanted.persona_id, claimed.id, claimed.scheduled_at
        )
    return claimed


async def live(
    house: House,
    ledger: Ledger,
    opened: OpenTick,
    persona: DuePersona | None,
    *,
    brain: Brain,
    seed: int,
    meter: Meter,
    new_tape: Callable[[], Tape],
) -> TickOutcome:
    """Live a claimed tick, and note in the ledger what it came to, unless the lease was lost.

    Args:
        house: What ticks need.
        ledger: Where it was claimed.
        opened: The tick.
        persona: Whose it is; None when they are no longer there.
        brain: Who plays them.
        seed: The seed of the run that the tick belongs to.
        meter: Counts what a model takes.
        new_tape: As for :class:`Tick`.

    Raises:
        BudgetExhaustedError: The run's budget does not admit more; the tick can go on later.
    """
    if persona is None:
        outcome = _GONE
    else:
        clock = PinnedClock(opened.scheduled_at)
        tick = Tick(
            house, brain, persona, opened, seed=seed, clock=clock, meter=meter, new_tape=new_tape
        )
        outcome = await tick.run()
    with suppress(LeaseLostError):
        await ledger.close_tick(opened.id, outcome)
    return outcome
