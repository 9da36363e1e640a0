"""PostgreSQL as a store: settings that last one transaction, and a role that may only use rows.

Everything that a transaction needs is set in its first statement and ends with it, so connections
can be pooled, here and between here and the server.
"""

from __future__ import annotations

from functools import cached_property
from uuid import uuid4

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from mana_lab.errors import (
    InvalidInputError,
    SettingsError,
    StoreRoleError,
    StoreUnavailableError,
)
from mana_lab.storage import marks, roles, rowsecurity, schema
from mana_lab.storage.scope import READERS, SCOPE_OPTION, SEPARATOR, RowScope

SCHEMA = "schema"
"""What a ``MetaData`` calls, in its ``info``, the schema that its tables stand in."""

_LOCK_TIMEOUT = "10s"
_CONNECT_TIMEOUT_S = 10
_RETRYABLE = ("08", "53", "57P", "55P03", "40001", "40P01")
_GONE = ("08", "57P")
_FORBIDDEN = ("42501", "3F000")
_UNSTORABLE = (None, "22001", "22003", "22021", "22P05")

_ENTER = (
    f"SELECT set_config('{rowsecurity.USER}', %(user_id)s, true),"
    f" set_config('{rowsecurity.SPACES}', %(space_ids)s, true)"
)
_BEGIN = (
    f"{_ENTER}, set_config('search_path', %(path)s, true), set_config('role', %(role)s, true),"
    " set_config('lock_timeout', %(lock_timeout)s, true),"
    " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
    " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)"
)
_AS = text("SELECT set_config('role', :role, true)")
_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


class PostgresDatabase:
    """A schema of a PostgreSQL database.

    Args:
        url: Names the database, with whom to log in as.
        metadata: Its ``info`` may name the schema; ``public`` by default.
    """

    def __init__(self, url: URL, metadata: MetaData) -> None:
        self._url = url.set(drivername="postgresql+psycopg")
        self._schema = str(metadata.info.get(SCHEMA, "public"))
        self._role = roles.SESSION_ROLE
        self._writer = str(uuid4())

    def prepare(self, metadata: MetaData) -> None:
        """Make schema and tables, put the rows' security in force, and choose the role to work as.

        Raises:
            SettingsError: The driver is not installed.
            StoreUnavailableError: The server cannot be reached, or lets nobody in.
            StoreForeignError: The schema holds somebody else's tables.
            StoreTooNewError: A later release wrote it.
            StoreRoleError: There is no role that row-level security binds, or the role that logged
                in may not do what is needed.
        """
        try:
            with self._engine.connect() as connection, connection.begin():
                connection.execute(_HOLD, {"name": f"mana_lab {self._schema}"})
                self._make_schema(connection)
                schema.check_ours(connection, metadata)
                schema.prepare(connection, metadata, on_upgrade=rowsecurity.lift)
                rowsecurity.ensure(connection, metadata)
                marks.ensure(connection)
                role = roles.choose_role(connection, metadata)
                connection.execute(_AS, {"role": role})
                roles.check_role(connection)
                marks.enter(connection, self._writer)
            self._role = role
        except DBAPIError as error:
            self._engine.dispose()
            if _state_of(error) in _FORBIDDEN:
                raise StoreRoleError(
                    f"the database {self._shown()} cannot be prepared: {_first_line(error)}; open "
                    "it once as the tables' owner, and let an administrator run: "
                    f"GRANT {roles.APP_ROLE} TO {self._url.username}"
                ) from error
            raise StoreUnavailableError(
                f"the database {self._shown()} cannot be used: {_first_line(error)}"
            ) from error
        except BaseException:
            self._engine.dispose()
            raise

    def writer_engine(self) -> Engine:
        """Return the engine of the writer of this process."""
        return self._engine

    def reader_engine(self) -> Engine:
        """Return an engine that cannot write and sees one state a transaction."""
        return self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    def enter(self, connection: Connection, scope: RowScope | None) -> None:
        """Let what follows in the transaction be *scope*'s; nobody's without one."""
        connection.exec_driver_sql(_ENTER, _settings_of(scope))

    def mark(self, connection: Connection) -> int:
        """Move the writer's row on, and return where it is then."""
        return marks.move(connection, self._writer)

    def was_committed(self, connection: Connection, mark: int) -> bool:
        """Return whether the transaction that left that mark was committed."""
        return marks.reached(connection, self._writer, mark)

    def is_outage(self, error: Exception) -> bool:
        """Return whether the server is gone or going, or was never reached."""
        if not isinstance(error, DBAPIError):
            return False
        state = _state_of(error)
        unreached = state is None and isinstance(error, OperationalError)
        return error.connection_invalidated or unreached or (state or "").startswith(_GONE)

    def typed(self, error: Exception) -> Exception:
        """Return what an outage, a full disk or an unfit value is to a caller."""
        if isinstance(error, DBAPIError) and (
            self.is_outage(error) or (_state_of(error) or "").startswith(_RETRYABLE)
        ):
            return StoreUnavailableError("the database cannot be used just now; try again later")
        if isinstance(error, DataError) and _state_of(error) in _UNSTORABLE:
            return InvalidInputError(
                "a value is longer or greater than the database can hold, or has the character "
                "U+0000, which no text in it can have"
            )
        return error

    @cached_property
    def _engine(self) -> Engine:
        try:
            engine = create_engine(
                self._url,
                pool_size=READERS + 1,
                max_overflow=READERS,
                hide_parameters=True,
                use_native_hstore=False,
                connect_args={
                    "connect_timeout": _CONNECT_TIMEOUT_S,
                    "fallback_application_name": f"mana-lab {self._schema}",
                    "prepare_threshold": None,
                },
            )
        except ImportError as error:
            raise SettingsError(
                f"PostgreSQL needs a driver ({error}); install it with: "
                "pip install 'mana-lab[postgres]'"
            ) from None
        event.listen(engine, "begin", self._begin)
        return engine

    def _begin(self, connection: Connection) -> None:
        path = connection.dialect.identifier_preparer.quote_identifier(self._schema)
        settings = {"path": f"{path}, pg_temp", "role": self._role, "lock_timeout": _LOCK_TIMEOUT}
        scope = connection.get_execution_options().get(SCOPE_OPTION)
        connection.exec_driver_sql(_BEGIN, settings | _settings_of(scope))

    def _make_schema(self, connection: Connection) -> None:
        known = text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :name)")
        if not connection.scalar(known, {"name": self._schema}):
            name = connection.dialect.identifier_preparer.quote_identifier(self._schema)
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")

    def _shown(self) -> str:
        return self._url.set(drivername="postgresql").render_as_string(hide_password=True)


def _settings_of(scope: RowScope | None) -> dict[str, str]:
    return {
        "user_id": "" if scope is None else scope.user_id,
        "space_ids": "" if scope is None else SEPARATOR.join(sorted(scope.space_ids)),
    }


def _state_of(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
