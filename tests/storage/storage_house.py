"""A lab as the first release left it, with two personas, two days of theirs and a note."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from mana_lab.identity import server as identity
from mana_lab.runner import ledger
from mana_lab.storage.upgrading import upgrade
from mana_lab.sync import server as sync

DUMPS = Path(__file__).parent / "data" / "first_release"
NAMES = ("identity", "sync", "ledger")
METADATA = dict(zip(NAMES, (identity.METADATA, sync.METADATA, ledger.METADATA), strict=True))
SECRETS = {
    "auth_kek": base64.b64encode(bytes(range(32))).decode(),
    "persona_seed_secret": "seed secret of the tests",
    "service_key": "service key of the tests",
    "admin_password": "admin password of the tests",
}


def first_release(folder: Path) -> Path:
    """Make the lab in *folder*, and return that."""
    folder.mkdir(mode=0o700)
    (folder / "secrets.json").write_text(json.dumps(SECRETS))
    for name in NAMES:
        with closing(sqlite3.connect(folder / f"{name}.db")) as database:
            database.executescript((DUMPS / f"{name}.sql").read_text())
    return folder


def first_release_in_postgres(connection: Connection, folder: Path) -> None:
    """Copy the lab in *folder* to a database, as that release would have left it there.

    That release knew no PostgreSQL. Row-level security is forced without any policy, so that even
    the tables' owner reaches no row.
    """
    for name in NAMES:
        schema = METADATA[name].info["schema"]
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        connection.execute(text(f"SET LOCAL search_path = {schema}"))
        upgrade(connection, METADATA[name].info["migrations"], "base", "0001")
        for table, rows in released_rows(folder, name).items():
            for row in rows:
                columns = ", ".join(f'"{column}"' for column in row)
                values = ", ".join(f":{column}" for column in row)
                connection.execute(
                    text(f'INSERT INTO "{table}" ({columns}) VALUES ({values})'), row
                )
    connection.execute(text("SET LOCAL search_path = auth, sync"))
    for table in ("encryption_vaults", "encryption_vault_audit", "sync_changes"):
        connection.execute(text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))
        connection.execute(text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))


def released_rows(folder: Path, name: str) -> dict[str, list[dict[str, str | None]]]:
    """Return the rows of a service by table, those first that others refer to; values are text."""
    found = {}
    with closing(sqlite3.connect(folder / f"{name}.db")) as database:
        database.row_factory = sqlite3.Row
        known = {row["name"] for row in database.execute("SELECT name FROM sqlite_master")}
        for table in METADATA[name].sorted_tables:
            if table.name in known:
                found[table.name] = [
                    {key: None if value is None else str(value) for key, value in dict(row).items()}
                    for row in database.execute(f'SELECT * FROM "{table.name}"')
                ]
    return found


def described(connection: Connection) -> dict[str, dict[str, object]]:
    """Return what a store's tables are, down to their checks and indexes."""
    look = inspect(connection)
    return {
        name: {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], str(column["default"]))
                for column in look.get_columns(name)
            ),
            "key": look.get_pk_constraint(name),
            "foreign": sorted(map(str, look.get_foreign_keys(name))),
            "unique": sorted(map(str, look.get_unique_constraints(name))),
            "checks": sorted(map(str, look.get_check_constraints(name))),
            "indexes": sorted(
                str(index | {"dialect_options": {k: str(v) for k, v in options.items()}})
                for index in look.get_indexes(name)
                for options in [index["dialect_options"]]
            ),
        }
        for name in look.get_table_names()
    }
