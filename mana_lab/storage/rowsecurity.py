"""Row-level security in PostgreSQL: policies of the tables that declare an owner.

Row security is forced, so that it binds the tables' owner too; see
https://www.postgresql.org/docs/current/ddl-rowsecurity.html. What binds nobody is a superuser or a
role with BYPASSRLS: :mod:`.roles` sees to it that work is done as neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, MetaData, Row, Table, bindparam, text

from mana_lab.errors import StoreRoleError
from mana_lab.storage.scope import SEPARATOR, RowRule, rule_of

USER = "app.current_user_id"
SPACES = "app.current_user_space_ids"
"""The settings that hold a scope; both last until the transaction ends."""

_STATE = text("""
    SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
        ARRAY(
            SELECT ARRAY[
                p.polname::text, p.polcmd::text, pg_get_expr(p.polqual, p.polrelid),
                pg_get_expr(p.polwithcheck, p.polrelid)
            ]
            FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
        ) AS policies
    FROM pg_class c
    WHERE c.relname IN :names AND c.relkind = 'r' AND pg_table_is_visible(c.oid)
""").bindparams(bindparam("names", expanding=True))


_COMMANDS = {"*": "ALL", "r": "SELECT"}
_NOISE = re.compile(r"::text|[\s()]")
"""What PostgreSQL adds or leaves out when it writes down an expression."""


@dataclass(frozen=True)
class _Policy:
    command: str
    using: str
    check: str | None = None

    def sql(self) -> str:
        checked = f" WITH CHECK ({self.check})" if self.check is not None else ""
        return f"FOR {self.command} USING ({self.using}){checked}"

    def plain(self) -> _Policy:
        """Return the same for every way of writing it."""
        check = None if self.check is None else _NOISE.sub("", self.check).lower()
        return _Policy(self.command, _NOISE.sub("", self.using).lower(), check)


def protected(metadata: MetaData) -> dict[str, RowRule]:
    """Return the rules of the tables that declare one, by the tables' names."""
    rules = ((table.name, rule_of(table.info)) for table in metadata.sorted_tables)
    return {name: rule for name, rule in rules if rule is not None}


def ensure(connection: Connection, metadata: MetaData) -> None:
    """Put every declared rule in force, also where somebody weakened it; again is harmless.

    Raises:
        StoreRoleError: Somebody else's policy lets more rows through than the rules do.
    """
    rules = protected(metadata)
    found = _found(connection, rules)
    for name, rule in rules.items():
        table, policies = found[name], _policies(name, rule)
        present = {each[0]: _present(*each[1:]) for each in table.policies}
        if foreign := sorted(present.keys() - policies.keys()):
            raise StoreRoleError(
                f"the table {name} has the policy {foreign[0]}, which lets others in; drop it"
            )
        if not table.forced or present != {key: each.plain() for key, each in policies.items()}:
            _enforce(connection, name, policies)


def lift(connection: Connection, metadata: MetaData) -> None:
    """Free the tables' owner from the rules, for the rest of a transaction that ends enforcing."""
    for name in _found(connection, protected(metadata)):
        connection.exec_driver_sql(
            f"ALTER TABLE {_quoted(connection, name)} NO FORCE ROW LEVEL SECURITY"
        )


def _found(connection: Connection, rules: Mapping[str, RowRule]) -> dict[str, Row[Any]]:
    if not rules:
        return {}
    return {row.name: row for row in connection.execute(_STATE, {"names": list(rules)})}


def _enforce(connection: Connection, name: str, policies: Mapping[str, _Policy]) -> None:
    table = _quoted(connection, name)
    connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    connection.exec_driver_sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for key, policy in policies.items():
        connection.exec_driver_sql(f"DROP POLICY IF EXISTS {key} ON {table}")
        connection.exec_driver_sql(f"CREATE POLICY {key} ON {table} {policy.sql()}")


def _policies(name: str, rule: RowRule) -> dict[str, _Policy]:
    own = f"{rule.owner} = nullif(current_setting('{USER}', true), '')"
    policies = {f"{name}_user_isolation": _Policy("ALL", own, own)}
    if rule.space is not None:
        setting = f"nullif(current_setting('{SPACES}', true), '')"
        spaces = f"string_to_array({setting}, chr({ord(SEPARATOR)}))"
        readable = f"{rule.space} = ANY ({spaces})"
        policies[f"{name}_space_member_read"] = _Policy("SELECT", readable)
    return policies


def _present(command: str, using: str | None, check: str | None) -> _Policy:
    return _Policy(_COMMANDS.get(command, command), using or "", check).plain()


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.format_table(Table(name, MetaData()))
