"""States: what tells, without reading all rows, that rows have come, gone or changed."""

from __future__ import annotations

from collections.abc import Hashable

from sqlalchemy import Engine, Select, TableClause, func, select

from mana_lab.analysis import tables


def personas_state(identity: Engine) -> Hashable:
    """Return what is another one when anything of a persona is.

    Args:
        identity: The database of the identity service.
    """
    users, personas = tables.USERS, tables.PERSONAS
    joined = personas.join(users, users.c.id == personas.c.user_id)
    query = select(users.c.name, users.c.email, *personas.c).select_from(joined)
    return _all(identity, query.order_by(personas.c.user_id))


def rows_state(identity: Engine) -> Hashable:
    """Return what is another one when a call or a rating has come or gone; they never change.

    Args:
        identity: The database of the identity service.
    """
    return tuple(_extent(identity, table) for table in (tables.ACTIONS, tables.FEEDBACK))


def ticks_state(ledger: Engine) -> Hashable:
    """Return what is another one when a run or a tick has come, gone or moved on.

    Args:
        ledger: The database of the ledger.
    """
    ticks = tables.TICKS.c
    moved = select(
        ticks.status,
        func.count(),
        func.sum(ticks.attempt),
        func.sum(ticks.requests),
        func.sum(ticks.input_tokens + ticks.output_tokens),
        func.max(ticks.id),
    )
    by_status = moved.group_by(ticks.status).order_by(ticks.status)
    return _all(ledger, select(*tables.RUNS.c).order_by(tables.RUNS.c.id)), _all(ledger, by_status)


def _extent(engine: Engine, table: TableClause) -> Hashable:
    of = table.c
    query = select(func.count(), func.max(of.created_at), func.min(of.id), func.max(of.id))
    return _all(engine, query.select_from(table))


def _all(engine: Engine, query: Select[*tuple[object, ...]]) -> Hashable:
    with engine.connect() as connection:
        return repr(connection.execute(query).all())
