"""Upgrading: brings a store of an earlier release to this one's schema, step by step (Alembic)."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_ENVIRONMENT = Path(__file__).parent / "alembic_env"
_ALEMBIC = threading.Lock()
"""Held while Alembic works: which connection that is on, it keeps in variables of its modules."""


def upgrade(connection: Connection, folder: Path, known: str, target: str = "head") -> None:
    """Run the steps that a store has not had yet.

    Args:
        connection: In a transaction, which is all that is changed or nothing.
        folder: The migrations.
        known: The store's revision.
        target: The revision to reach; the last one by default.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _escaped(_ENVIRONMENT))
    config.set_main_option("version_locations", _escaped(folder))
    config.set_main_option("path_separator", "newline")
    with _ALEMBIC:
        command.stamp(config, known)
        command.upgrade(config, target)


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
