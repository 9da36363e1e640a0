"""Tapes in the ledger: what models and the app said in a tick outlives the process that asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, select

from mana_lab.runner.claims import past_of
from mana_lab.runner.ledger_tables import OFFERS, TAPES, TICKS
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

    def work(connection: Connection) -> None:
        insert_or_ignore(connection, TAPES, [_row(tick, track, entry)])

    await store.write(work)


@dataclass(frozen=True)
class TickTape:
    """What one tick has on tape.

    Attributes:
        tick_id: The tick.
        email: Whose it is.
        number: The persona's how-manieth it is.
        scheduled_at: When it took place.
        status: How it ended.
        failed_step: The step that failed; None when none did.
        error: What that step's failure said, or why the persona gave up.
        model: What a model was asked and said, by place.
        app: What was done with the app, by place; empty where that was not recorded.
    """

    tick_id: str
    email: str
    number: int
    scheduled_at: datetime
    status: str
    failed_step: str | None
    error: str | None
    model: Sequence[Entry]
    app: Sequence[Entry]


@dataclass(frozen=True)
class RunTape:
    """What a run has on tape.

    Attributes:
        ticks: Its ticks, by time and persona.
        offers: The lists of tools that the app's tracks speak of, by their hashes.
        memory: What the brain had kept of each persona's ticks before the run, by address.
    """

    ticks: Sequence[TickTape]
    offers: Mapping[str, Sequence[Any]]
    memory: Mapping[str, Mapping[str, Any]]


def put_app(
    connection: Connection,
    tick: str,
    holder: str,
    entries: Sequence[Entry],
    offers: Mapping[str, Sequence[Any]],
) -> None:
    """Store the app's track of a tick anew, if the tick is still that holder's; offers anyway."""
    tools = [{"hash": name, "tools": list(tools)} for name, tools in offers.items()]
    insert_or_ignore(connection, OFFERS, tools)
    ours = select(TICKS.c.id).where(TICKS.c.id == tick, TICKS.c.holder == holder)
    if connection.execute(ours).first() is None:
        return
    connection.execute(delete(TAPES).where(TAPES.c.tick_id == tick, TAPES.c.track == "app"))
    insert_or_ignore(connection, TAPES, [_row(tick, "app", entry) for entry in entries])


def read_tape(connection: Connection, run: str) -> RunTape:
    """Return all that a run has on tape."""
    entries: dict[tuple[str, str], list[Entry]] = {}
    rows = (
        select(TAPES.c.tick_id, TAPES.c.track, TAPES.c.step, TAPES.c.request_hash, TAPES.c.answer)
        .join(TICKS, TICKS.c.id == TAPES.c.tick_id)
        .where(TICKS.c.run_id == run)
        .order_by(TAPES.c.tick_id, TAPES.c.track, TAPES.c.step)
    )
    for tick, track, *entry in connection.execute(rows):
        entries.setdefault((tick, track), []).append(Entry(*entry))
    of_run = select(TICKS).where(TICKS.c.run_id == run)
    ticks = [
        TickTape(
            tick_id=row.id,
            email=row.persona_email,
            number=row.number,
            scheduled_at=row.scheduled_at,
            status=row.status,
            failed_step=row.failed_step,
            error=row.error,
            model=entries.get((row.id, "model"), []),
            app=entries.get((row.id, "app"), []),
        )
        for row in connection.execute(
            of_run.order_by(TICKS.c.scheduled_at, TICKS.c.persona_email, TICKS.c.number)
        )
    ]
    return RunTape(ticks, _offers(connection, ticks), _memory(connection, run))


def _offers(connection: Connection, ticks: Sequence[TickTape]) -> dict[str, Sequence[Any]]:
    named = {entry.answer.get("offer") for tick in ticks for entry in tick.app}
    rows = connection.execute(select(OFFERS).order_by(OFFERS.c.hash))
    return {row.hash: row.tools for row in rows if row.hash in named}


def _memory(connection: Connection, run: str) -> dict[str, dict[str, Any]]:
    """Return what is known before each persona's first tick of a run."""
    firsts = {}
    of_run = select(TICKS).where(TICKS.c.run_id == run).order_by(TICKS.c.number.desc())
    for row in connection.execute(of_run):
        firsts[row.persona_email] = row
    memory = {email: past_of(connection, row) for email, row in sorted(firsts.items())}
    return {email: past for email, past in memory.items() if past}


def _row(tick: str, track: Track, entry: Entry) -> dict[str, Any]:
    return {
        "tick_id": tick,
        "track": track,
        "step": entry.step,
        "request_hash": entry.request_hash,
        "answer": entry.answer,
    }
