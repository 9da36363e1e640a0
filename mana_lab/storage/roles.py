"""The role that a store works as in PostgreSQL: one that row-level security binds.

The URL may be that of the tables' owner or of a superuser, whom row security does not bind; then
every transaction changes to :data:`APP_ROLE`, which may read and write rows and nothing else.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import ProgrammingError

from mana_lab.errors import StoreRoleError
from mana_lab.storage.marks import WRITERS
from mana_lab.storage.schema import MIGRATIONS, VERSION

APP_ROLE = "mana_lab_app"
"""Cannot log in, owns nothing, and is made when it is missing."""
SESSION_ROLE = "none"
"""Stands for the role that logged in."""

_ABOUT = text("""
    SELECT r.rolname AS name, r.rolsuper OR r.rolbypassrls AS unbound,
        EXISTS (
            SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = current_schema() AND c.relkind = 'r'
                AND pg_has_role(r.oid, c.relowner, 'USAGE')
        ) AS owner
    FROM pg_roles r WHERE r.rolname = current_user
""")
_MISSING_GRANT = text("""
    SELECT EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND (
            NOT has_schema_privilege(:role, n.oid, 'USAGE')
            OR c.relkind = 'r' AND NOT (
                has_table_privilege(:role, c.oid, 'SELECT')
                AND (c.relname = :version OR (
                    has_table_privilege(:role, c.oid, 'INSERT')
                    AND has_table_privilege(:role, c.oid, 'UPDATE')
                    AND has_table_privilege(:role, c.oid, 'DELETE')
                ))
            )
            OR c.relkind = 'S' AND NOT has_sequence_privilege(:role, c.oid, 'USAGE')
        )
    )
""")
_MAKE = f"""
    DO $$ BEGIN
        CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$
"""


def choose_role(connection: Connection, metadata: MetaData) -> str:
    """Return the role to work as, made and granted what it needs.

    Args:
        connection: Of the role that logged in, in the transaction that prepares the store.
        metadata: The store's tables.

    Raises:
        StoreRoleError: The role that logged in is not bound, and may not make one that is.
    """
    me = connection.execute(_ABOUT).one()
    if not (me.unbound or me.owner):
        return SESSION_ROLE
    try:
        with connection.begin_nested():
            _ensure_role(connection, me.name)
            if connection.scalar(_MISSING_GRANT, {"role": APP_ROLE, "version": VERSION.name}):
                _grant(connection, metadata)
    except ProgrammingError as error:
        raise StoreRoleError(
            f"the role {me.name} owns the tables and may not set up the role {APP_ROLE} to work "
            f"as; let an administrator run: CREATE ROLE {APP_ROLE} NOLOGIN; "
            f"GRANT {APP_ROLE} TO {me.name}"
        ) from error
    return APP_ROLE


def check_role(connection: Connection) -> None:
    """Hold the role of a transaction against what row-level security asks for.

    Raises:
        StoreRoleError: It is a superuser, has BYPASSRLS or owns the tables.
    """
    me = connection.execute(_ABOUT).one()
    if me.unbound or me.owner:
        what = "owns the tables" if me.owner and not me.unbound else "is not bound by row security"
        raise StoreRoleError(
            f"the role {me.name} {what}, so it must not be worked as; take its SUPERUSER and "
            "BYPASSRLS away, or work as another role"
        )


def _ensure_role(connection: Connection, me: str) -> None:
    known = connection.scalar(text("SELECT to_regrole(:role)::text"), {"role": APP_ROLE})
    if known is None:
        connection.exec_driver_sql(_MAKE)
    version = connection.dialect.server_version_info or (0,)
    kind = "SET" if version >= (16,) else "MEMBER"
    may = text("SELECT pg_has_role(current_user, :role, :kind)")
    if not connection.scalar(may, {"role": APP_ROLE, "kind": kind}):
        preparer = connection.dialect.identifier_preparer
        connection.exec_driver_sql(f"GRANT {APP_ROLE} TO {preparer.quote_identifier(me)}")


def _grant(connection: Connection, metadata: MetaData) -> None:
    preparer = connection.dialect.identifier_preparer
    schema = preparer.quote_identifier(str(connection.scalar(text("SELECT current_schema()"))))
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {APP_ROLE}")
    for table in (*metadata.sorted_tables, WRITERS):
        name = preparer.format_table(table)
        connection.exec_driver_sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {APP_ROLE}")
    if MIGRATIONS in metadata.info:  # whoever works as the role may open the store as it is
        version = preparer.format_table(VERSION)
        connection.exec_driver_sql(f"GRANT SELECT ON {version} TO {APP_ROLE}")
    connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {APP_ROLE}")
