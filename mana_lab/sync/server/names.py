"""Names: what apps, tables, records, spaces and clients may be called."""

from __future__ import annotations

import re

from mana_lab.errors import InvalidInputError

MAX_NAME_CHARS = 200
"""Longest name of anything."""

TABLE_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}"
"""What an app or a table may be called, as a regular expression."""

_TABLE = re.compile(TABLE_PATTERN, re.ASCII)


def check_name(place: str, name: str) -> str:
    """Return *name* if it is 1 to 200 printable characters.

    Args:
        place: Where it stands, for the message.
        name: The name of a record, a space or a client.

    Raises:
        InvalidInputError: It is empty, too long or not printable.
    """
    if not name:
        raise InvalidInputError(f"{place}: empty; 1 to {MAX_NAME_CHARS} characters are allowed")
    if len(name) > MAX_NAME_CHARS:
        raise InvalidInputError(
            f"{place}: has {len(name)} characters, at most {MAX_NAME_CHARS} are allowed"
        )
    if not name.isprintable():
        raise InvalidInputError(f"{place}: only printable characters are allowed")
    return name


def check_table(place: str, name: str) -> str:
    """Return *name* if an app or a table may be called so.

    Raises:
        InvalidInputError: It is not 1 to 200 letters, digits or ``_ . : -``.
    """
    if not _TABLE.fullmatch(name):
        raise InvalidInputError(
            f"{place}: {name[:40]!r} is not a name; 1 to {MAX_NAME_CHARS} letters, digits and "
            "_ . : - are allowed, and the first is a letter, a digit or _"
        )
    return name
