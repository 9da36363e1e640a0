"""Scopes: on whose behalf a piece of work touches rows that belong to somebody.

PostgreSQL holds the tables that declare an owner to the scope (row-level security); SQLite has no
such thing, so there the queries' own conditions stand alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEPARATOR = "\n"
"""Between the ids of spaces; no id has it, because ids are printable."""

SCOPE_OPTION = "mana_lab_scope"
"""The execution option of a connection that says whose its transactions are."""

READERS = 4
"""How many connections of a store read at the same time, without waiting for one another."""

_KEY = "rls"


@dataclass(frozen=True)
class RowScope:
    """Somebody, and the spaces that they may read.

    Attributes:
        user_id: Whose rows may be read and written.
        space_ids: Whose rows may be read besides, whoever wrote them.

    Raises:
        ValueError: The user's id is empty, or the id of a space is not printable.
    """

    user_id: str
    space_ids: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.user_id:
            raise ValueError("a scope needs the id of a user")
        if any(SEPARATOR in space for space in self.space_ids):
            raise ValueError("the id of a space has a line break")


@dataclass(frozen=True)
class RowRule:
    """Which rows of a table a scope reaches.

    Attributes:
        owner: The column with the id of the user who may read and write a row.
        space: The column with the id of the space whose members may read it too.
    """

    owner: str
    space: str | None = None


def owned_by(owner: str, *, readable_in: str | None = None) -> dict[Any, Any]:
    """Return the ``info`` of a table whose rows belong to users.

    Without a scope nobody reads or writes such a row on PostgreSQL.

    Args:
        owner: The column with the owner's id.
        readable_in: The column with the id of the space whose members read the row too.
    """
    return {_KEY: RowRule(owner, readable_in)}


def rule_of(info: Mapping[Any, Any]) -> RowRule | None:
    """Return the rule that a table's ``info`` declares."""
    rule: RowRule | None = info.get(_KEY)
    return rule
