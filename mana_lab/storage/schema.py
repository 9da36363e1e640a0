"""Schemas: the tables of a store, and how a store of an earlier release comes to have them.

The folder of a service's migrations stands in its ``MetaData`` (``info["migrations"]``): one file
a step, ``0001_first.py`` and so on, made of Alembic's operations.
A new store gets its tables from the metadata at once. To change tables: change the metadata, add
the next file with ``down_revision`` naming the one before, and have the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    inspect,
    select,
)

from mana_lab.errors import StoreForeignError, StoreTooNewError

FIRST = "0001"
"""The revision of stores that do not say theirs: those of the first release."""

MIGRATIONS = "migrations"
"""What a ``MetaData`` calls, in its ``info``, the folder of its migrations."""

VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where a store says its revision."""


def prepare(
    connection: Connection,
    metadata: MetaData,
    *,
    on_upgrade: Callable[[Connection, MetaData], None] | None = None,
) -> None:
    """Give a store the tables of this release, whatever release it comes from.

    A store that is up to date costs two small queries, and Alembic is not imported for it.

    Args:
        connection: In a transaction, which is all that is changed or nothing.
        metadata: The tables; without migrations they are only made where they are missing.
        on_upgrade: Called before the steps of an upgrade.

    Raises:
        StoreTooNewError: A later release wrote the store.
    """
    folder = metadata.info.get(MIGRATIONS)
    if folder is None:
        metadata.create_all(connection)
        return
    known, head = _known(connection, metadata), revisions(folder)[-1]
    if known is None:
        metadata.create_all(connection)
        VERSION.create(connection)
        connection.execute(VERSION.insert().values(version_num=head))
    elif known not in revisions(folder):
        raise StoreTooNewError(
            f"this store has the revision {known}, this release knows those up to {head}; "
            "update mana-lab"
        )
    elif known != head:
        from mana_lab.storage.upgrading import upgrade

        if on_upgrade is not None:
            on_upgrade(connection, metadata)
        upgrade(connection, folder, known)


def check_ours(connection: Connection, metadata: MetaData) -> None:
    """Hold what stands in a store against what mana-lab leaves in one of its own.

    For stores of a kind that the first release did not know, so that all with migrations say their
    revision.

    Raises:
        StoreForeignError: There are tables of the names in *metadata* that say no revision.
    """
    found = set(inspect(connection).get_table_names())
    taken = sorted(found & {table.name for table in metadata.tables.values()})
    if taken and VERSION.name not in found and MIGRATIONS in metadata.info:
        raise StoreForeignError(
            f"there is a table {taken[0]} that mana-lab did not make; nothing was changed: "
            "name a database of its own"
        )


def revisions(folder: Path) -> list[str]:
    """Return the revisions that a folder of migrations leads through, in order."""
    return sorted(path.name.partition("_")[0] for path in folder.glob("[0-9]*.py"))


def _known(connection: Connection, metadata: MetaData) -> str | None:
    """Return the store's revision; None for a store without tables."""
    found = set(inspect(connection).get_table_names())
    if VERSION.name in found:
        return str(connection.execute(select(VERSION.c.version_num)).scalar_one())
    return FIRST if found & {table.name for table in metadata.tables.values()} else None
