"""Databases for a while: made beside one that is there, and gone when they are done with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import DBAPIError

from mana_lab.errors import StoreUnavailableError
from mana_lab.storage.engines import postgres_url


@asynccontextmanager
async def scratch_database(url: str) -> AsyncIterator[str]:
    """Make an empty database on the server that *url* names; yields its URL, drops it at the end.

    Args:
        url: A PostgreSQL URL of a role that may make databases; its own database stays untouched.

    Raises:
        SettingsError: The URL is not that of a PostgreSQL database.
        StoreUnavailableError: The server cannot be reached, or does not let the role do that.
    """
    given = postgres_url(url)
    name = f"mana_lab_{uuid4().hex}"
    await asyncio.to_thread(_run, given, f"CREATE DATABASE {name}")
    try:
        yield given.set(database=name).render_as_string(hide_password=False)
    finally:
        await asyncio.to_thread(_run, given, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _run(url: URL, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise StoreUnavailableError(f"no database could be made there: {reason}") from error
    finally:
        engine.dispose()
