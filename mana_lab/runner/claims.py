"""Claims: who works on a tick, so that no two runners ever do.

A runner that works on a tick holds a lease on it, until a moment of real time that it moves on
while it lives. A tick that waits, or whose lease is over, may be taken by whoever comes first; it
is the same tick then, of another attempt.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from mana_lab.clock import iso_millis
from mana_lab.runner.arms import Arms
from mana_lab.runner.ledger_tables import TICKS
from mana_lab.runner.schedule import tick_id
from mana_lab.storage import insert_or_ignore

LEASE = timedelta(seconds=30)
"""How long a tick is held without a sign of life."""

_FIRST = "never"
_ENDED = ("done", "failed", "abandoned")
_TRIES = 8


@dataclass(frozen=True)
class Holder:
    """Who claims ticks.

    Attributes:
        name: A name that no other runner has, of this or any other process.
        alone: Whether no other process works on the same ledger, so that what another holder has
            was left by one that died.
    """

    name: str
    alone: bool = False


@dataclass(frozen=True)
class Wanted:
    """A tick that somebody is due for.

    Attributes:
        run_id: The run that it is to belong to.
        persona_email: Whose tick.
        persona_id: The id of their account.
        scheduled_at: When it takes place, in the lab's time.
        active_at: When they were active last, as known when they fell due; None for never. Of one
            such moment follows one tick, however many runners know of it.
        brain: What is to play them.
        model: The model behind it, where there is one.
        arms: What the run varies; None for nothing.
    """

    run_id: str
    persona_email: str
    persona_id: str
    scheduled_at: datetime
    active_at: datetime | None
    brain: str
    model: str | None = None
    arms: Arms | None = None

    @property
    def due_since(self) -> str:
        """The moment that the tick follows from, as the ledger keeps it."""
        return _FIRST if self.active_at is None else iso_millis(self.active_at)


@dataclass(frozen=True)
class OpenTick:
    """A tick that the holder works on.

    Attributes:
        id: Follows from the run, the persona and the number.
        run_id: The run that it belongs to.
        number: The persona's how-manieth tick it is, from 1, over all runs of the lab.
        attempt: The how-manieth time it is worked on, from 1.
        persona_email: Whose tick.
        persona_id: The id of their account.
        scheduled_at: When it takes place, in the lab's time.
        past: What the same brain kept at the end of the persona's last tick.
        variant: Which variant of the app it has; None for the app as it is.
    """

    id: str
    run_id: str
    number: int
    attempt: int
    persona_email: str
    persona_id: str
    scheduled_at: datetime
    past: dict[str, Any] = field(default_factory=dict, repr=False)
    variant: str | None = None


@dataclass(frozen=True)
class LeftTick:
    """A tick that had begun, and that nobody works on.

    Attributes:
        id: Its id.
        persona_email: Whose it is.
    """

    id: str
    persona_email: str


@dataclass(frozen=True)
class EndedTick:
    """The tick that was wanted has taken place.

    Attributes:
        id: Its id.
        scheduled_at: When it took place.
    """

    id: str
    scheduled_at: datetime


def claim(
    connection: Connection, wanted: Wanted, holder: Holder, now: datetime
) -> OpenTick | EndedTick | None:
    """Claim the tick that is *wanted*; None if somebody else works on it, or on the persona's last.

    Args:
        connection: In a transaction.
        wanted: Which tick.
        holder: Who claims it.
        now: The real time.
    """
    for _ in range(_TRIES):
        known = _find(connection, wanted)
        if known is not None:
            return _known(connection, known, holder, now)
        if _is_busy(connection, wanted.persona_id, holder, now):
            return None
        made = _insert(connection, wanted, holder, now)
        if made is not None:
            return made
    return None


def take(connection: Connection, tick: str, holder: Holder, now: datetime) -> OpenTick | None:
    """Take a tick that waits or whose lease is over; None if it is neither.

    What a former attempt held for a request counts as used: nobody knows if it was made.
    """
    taken = connection.execute(
        update(TICKS)
        .where(TICKS.c.id == tick, _is_free(holder, now))
        .values(
            status="running",
            attempt=TICKS.c.attempt + 1,
            holder=holder.name,
            held_until=now + LEASE,
            **_let_go(),
        )
        .returning(*TICKS.c)
    ).first()
    return None if taken is None else _opened(connection, taken)


def waiting(
    connection: Connection,
    holder: Holder,
    now: datetime,
    run: str | None = None,
    among: Collection[str] | None = None,
) -> list[str]:
    """Return the ids of ticks that may be taken, the oldest first; see :func:`left`."""
    return [each.id for each in left(connection, holder, now, run, among)]


def left(
    connection: Connection,
    holder: Holder,
    now: datetime,
    run: str | None = None,
    among: Collection[str] | None = None,
) -> list[LeftTick]:
    """Return the ticks that may be taken, the oldest first.

    Args:
        connection: In a transaction.
        holder: Who would take them.
        now: The real time.
        run: Of this run; of all runs when None.
        among: Of personas with these e-mail addresses; of all when None.
    """
    query = select(TICKS.c.id, TICKS.c.persona_email).where(_is_free(holder, now))
    if run is not None:
        query = query.where(TICKS.c.run_id == run)
    if among is not None:
        query = query.where(TICKS.c.persona_email.in_(among))
    rows = connection.execute(query.order_by(TICKS.c.scheduled_at, TICKS.c.persona_email))
    return [LeftTick(*row) for row in rows]


def renew(connection: Connection, holder: Holder, now: datetime) -> int:
    """Move the ends of the holder's leases on; return how many it has."""
    held = and_(TICKS.c.status == "running", TICKS.c.holder == holder.name)
    return connection.execute(update(TICKS).where(held).values(held_until=now + LEASE)).rowcount


def release(connection: Connection, holder: Holder, tick: str | None = None) -> int:
    """Let ticks of the holder wait for somebody to take them; return how many there were.

    Args:
        connection: In a transaction.
        holder: Who has them.
        tick: Only this one.
    """
    held = and_(TICKS.c.status == "running", TICKS.c.holder == holder.name)
    change = update(TICKS).where(held if tick is None else and_(held, TICKS.c.id == tick))
    free = {"status": "waiting", "holder": None, "held_until": None}
    return connection.execute(change.values(**free, **_let_go())).rowcount


def _let_go() -> dict[str, Any]:
    return {
        "requests": TICKS.c.requests + TICKS.c.held_requests,
        "input_tokens": TICKS.c.input_tokens + TICKS.c.held_tokens,
        "cost_nano_usd": TICKS.c.cost_nano_usd + TICKS.c.held_nano_usd,
        "held_requests": 0,
        "held_tokens": 0,
        "held_nano_usd": 0,
    }


def _is_free(holder: Holder, now: datetime) -> ColumnElement[bool]:
    over = TICKS.c.held_until <= now
    if holder.alone:
        over = or_(over, TICKS.c.holder != holder.name)
    return or_(TICKS.c.status == "waiting", and_(TICKS.c.status == "running", over))


def _find(connection: Connection, wanted: Wanted) -> Row[Any] | None:
    query = select(TICKS).where(
        TICKS.c.persona_id == wanted.persona_id, TICKS.c.due_since == wanted.due_since
    )
    return connection.execute(query).first()


def _known(
    connection: Connection, known: Row[Any], holder: Holder, now: datetime
) -> OpenTick | EndedTick | None:
    if known.status in _ENDED:
        return EndedTick(known.id, known.scheduled_at)
    return take(connection, known.id, holder, now)


def _is_busy(connection: Connection, persona_id: str, holder: Holder, now: datetime) -> bool:
    held = and_(TICKS.c.status == "running", ~_is_free(holder, now))
    query = select(TICKS.c.id).where(TICKS.c.persona_id == persona_id, held)
    return connection.execute(query).first() is not None


def _insert(
    connection: Connection, wanted: Wanted, holder: Holder, now: datetime
) -> OpenTick | None:
    last = select(func.max(TICKS.c.number)).where(TICKS.c.persona_email == wanted.persona_email)
    number = (connection.scalar(last) or 0) + 1
    row = {
        "id": tick_id(wanted.run_id, wanted.persona_email, number),
        "run_id": wanted.run_id,
        "persona_email": wanted.persona_email,
        "persona_id": wanted.persona_id,
        "number": number,
        "scheduled_at": wanted.scheduled_at,
        "due_since": wanted.due_since,
        "status": "running",
        "holder": holder.name,
        "held_until": now + LEASE,
        **_casting(wanted, number),
    }
    if not insert_or_ignore(connection, TICKS, [row]):
        return None
    return _opened(
        connection, connection.execute(select(TICKS).where(TICKS.c.id == row["id"])).one()
    )


def _casting(wanted: Wanted, number: int) -> dict[str, str | None]:
    """Return who plays the tick of that number, and in which variant of the app."""
    if wanted.arms is None:
        return {"brain": wanted.brain, "model": wanted.model, "variant": None}
    variant = wanted.arms.draw(wanted.persona_email, number)
    brain = wanted.arms.brains.get(variant or "")
    name, model = (wanted.brain, wanted.model) if brain is None else (brain.name, brain.model)
    return {"brain": name, "model": model, "variant": variant}


def _opened(connection: Connection, row: Row[Any]) -> OpenTick:
    return OpenTick(
        id=row.id,
        run_id=row.run_id,
        number=row.number,
        attempt=row.attempt,
        persona_email=row.persona_email,
        persona_id=row.persona_id,
        scheduled_at=row.scheduled_at,
        past=past_of(connection, row),
        variant=row.variant,
    )


def past_of(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    """Return what the brain of a tick kept at the end of the persona's last tick before it."""
    query = (
        select(TICKS.c.kept)
        .where(
            TICKS.c.persona_id == row.persona_id,
            TICKS.c.brain == row.brain,
            TICKS.c.number < row.number,
            TICKS.c.kept.is_not(None),
        )
        .order_by(TICKS.c.number.desc())
        .limit(1)
    )
    return dict(connection.scalar(query) or {})
