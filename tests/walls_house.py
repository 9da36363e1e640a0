"""The walls between users: what one of them reaches of the others' rows.

There are two: the conditions of the services' own statements, and row-level security in PostgreSQL.
What is here takes either of them down and looks whether the other one holds.
"""

from __future__ import annotations

from contextlib import contextmanager

from sqlalchemy import (
    Column,
    Delete,
    Select,
    Update,
    event,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors

from mana_lab.storage import RowScope, Store
from mana_lab.storage.rowsecurity import protected
from mana_lab.storage.scope import READERS, rule_of

REFUSED = "42501"


def owned_tables(metadata):
    """Return the tables whose rows belong to users."""
    return [metadata.tables[name] for name in protected(metadata)]


def owner_of(table):
    return table.c[rule_of(table.info).owner]


# The one wall: the statements' own conditions.


@contextmanager
def unfiltered(store):
    """Take from a store's statements every condition on whose rows they touch."""
    engines = {store.engine, store._writing}
    for engine in engines:
        event.listen(engine, "before_execute", _strip, retval=True)
    yield
    for engine in engines:
        event.remove(engine, "before_execute", _strip)


def _strip(_connection, statement, many, one, _options):
    if isinstance(statement, Select | Update | Delete):
        kept = tuple(each for each in statement._where_criteria if not _asks_whose(each))
        statement = statement._generate()
        statement._where_criteria = kept
    return statement, many, one


def _asks_whose(condition):
    for column in visitors.iterate(condition):
        rule = rule_of(column.table.info) if isinstance(column, Column) else None
        if rule is not None and column.name in (rule.owner, rule.space):
            return True
    return False


# The other wall: row-level security.


def take_down_row_security(home, metadata):
    """Switch row-level security off, as only the tables' owner could; SQLite has none."""
    if home.kind != "postgres":
        return
    with home.connected("") as connection:
        for table in owned_tables(metadata):
            connection.execute(text(f"ALTER TABLE {table.name} DISABLE ROW LEVEL SECURITY"))


class _UndoneError(Exception):
    """Carries the outcome of work that shall leave nothing."""

    def __init__(self, outcome):
        self.outcome = outcome


async def attempt(store: Store, scope: RowScope | None, work):
    """Return what *work* comes to in a scope, or the state that the database refuses it with."""

    def undone(connection):
        raise _UndoneError(work(connection))

    try:
        await store.write(undone, scope=scope)
    except _UndoneError as undo:
        return undo.outcome
    except DBAPIError as error:
        return error.orig.sqlstate


async def reached(store, metadata, scope, whose) -> set[str]:
    """Return what work in *scope* reaches of the rows of the user *whose*, without any condition.

    Both have rows in every table: a scope that reached nothing at all would prove nothing. All of
    it is undone.
    """
    return {
        f"{act} {table.name}"
        for table in owned_tables(metadata)
        async for act in _reached(store, table, scope, whose)
    }


async def _reached(store, table, scope, whose):
    owner = owner_of(table)
    foreign, mine = owner == whose, owner == scope.user_id

    async def reaches(statement, beyond=0):
        outcome = await attempt(store, scope, lambda c: c.execute(statement).rowcount)
        return outcome not in (beyond, REFUSED)

    own = await count(store, table, scope, mine)
    assert own, f"{scope.user_id} has nothing in {table.name}"
    if await count(store, table, scope, foreign):
        yield "read"
    if await reaches(select(table).where(foreign).with_for_update()):
        yield "lock"
    if await reaches(update(table).where(foreign).values({owner: owner})):
        yield "update"
    if await reaches(update(table).values({owner: scope.user_id}), own):
        yield "take"
    if await reaches(update(table).where(mine).values({owner: whose})):
        yield "give"
    if await reaches(table.delete(), own):
        yield "delete"
    forged = select(*(literal(whose) if each is owner else each for each in table.c)).where(mine)
    if await reaches(insert(table).from_select(list(table.c), forged)):
        yield "insert"
    if await reaches(text(f"TRUNCATE {table.name} CASCADE")):
        yield "truncate"


async def count(store, table, scope, condition=None) -> int:
    """Return how many rows a reader in *scope* sees."""
    query = select(func.count()).select_from(table)
    if condition is not None:
        query = query.where(condition)
    return await store.read(lambda connection: connection.scalar(query), scope=scope)


def carried(store, table) -> int:
    """Return how many rows the store's idle connections still see, outside of any scope.

    It tells nothing where the store logged in as somebody whom row-level security does not bind.
    """
    query = f"SELECT count(*) FROM {table.metadata.info['schema']}.{table.name}"
    idle = [store._writing.raw_connection() for _ in range(READERS + 1)]
    try:
        return sum(each.driver_connection.execute(query).fetchone()[0] for each in idle)
    finally:
        for each in idle:
            each.close()
