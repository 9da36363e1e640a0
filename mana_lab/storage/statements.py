"""Statements that both stores understand but SQLAlchemy spells differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, literal
from sqlalchemy.dialects import postgresql, sqlite


def insert_or_ignore(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert *rows*, leaving out those whose key is already there.

    Args:
        connection: A connection of a store's ``write``.
        table: The table; its primary key or a unique constraint decides.
        rows: One mapping of column names to values a row; all have the same names.

    Returns:
        The number of rows that were really written.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    if not rows:
        return 0
    statement = dialect.insert(table).on_conflict_do_nothing().returning(literal(1))
    return len(connection.execute(statement, [dict(row) for row in rows]).all())
