"""Tapes in the ledger: what a model said in a tick outlives the process that asked it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, select

from mana_lab.runner.ledger_tables import TAPES
from mana_lab.runner.tape import Ask, Divergence, Entry, Played, Track
from mana_lab.storage import Store, insert_or_ignore


class LedgerTape:
    """The model's track of one tick.

    A tick that is done again is told what the model said before, as far as that goes, and asks
    nothing that was paid for twice.

    Args:
        store: The ledger's.
        tick: The tick's id.
    """

    def __init__(self, store: Store, tick: str) -> None:
        self._store = store
        self._tick = tick
        self._played: Played | None = None

    @property
    def divergence(self) -> Divergence | None:
        """Where the tick first asked something else than before; None if it did not."""
        return None if self._played is None else self._played.divergence

    async def answer(self, request: object, ask: Ask) -> object:
        """Return what the model said at this place, or ask it and keep what it says."""
        if self._played is None:
            known = await entries_of(self._store, self._tick, "model")
            keep = partial(keep_entry, self._store, self._tick, "model")
            self._played = Played("model", known, keep)
        return await self._played.answer(request, ask)


async def entries_of(store: Store, tick: str, track: Track) -> list[Entry]:
    """Return what the ledger has of a track of a tick, by place."""
    rows = TAPES.c
    query = (
        select(rows.step, rows.request_hash, rows.answer)
        .where(rows.tick_id == tick, rows.track == track)
        .order_by(rows.step)
    )
    found: Sequence[tuple[int, str, object]] = await store.read(
        lambda connection: [tuple(row) for row in connection.execute(query)]
    )
    return [Entry(*row) for row in found]


async def keep_entry(store: Store, tick: str, track: Track, entry: Entry) -> None:
    """Store an entry durably; one that is there already stays as it is."""
    row = {
        "tick_id": tick,
        "track": track,
        "step": entry.step,
        "request_hash": entry.request_hash,
        "answer": entry.answer,
    }

    def work(connection: Connection) -> None:
        insert_or_ignore(connection, TAPES, [row])

    await store.write(work)
