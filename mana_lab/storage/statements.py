"""Statements that both stores understand but SQLAlchemy spells differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_or_ignore(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert *rows*, leaving out those whose key is already there.

    Args:
        connection: A connection of a store's ``write``.
        table: The table; its primary key or a unique constraint decides.
        rows: One mapping of column names to values a row.

    Returns:
        The number of rows that were really written.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing()
    return sum(connection.execute(statement, dict(row)).rowcount for row in rows)
