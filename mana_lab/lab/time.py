"""What time it is in an embedded lab."""

from __future__ import annotations

from mana_lab.clock import SIMULATION_EPOCH, SimulatedClock, SystemClock
from mana_lab.lab.services import Stores
from mana_lab.runner import Holder, Ledger
from mana_lab.sync.server import ChangeLog


async def time_of(stores: Stores) -> SimulatedClock:
    """Return simulated time that goes on where the lab has been.

    It stands where the last run ended, or later where something was written after that: time that
    went back would make the sync service refuse its own records' stamps as future ones.
    """
    lived = await Ledger(stores.ledger, Holder("the time")).reached_at()
    written = await ChangeLog(stores.sync, SystemClock()).last_write_at()
    return SimulatedClock(max(filter(None, (lived, written)), default=SIMULATION_EPOCH))
