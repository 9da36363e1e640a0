"""Names of tools where dots are forbidden, and back."""

from __future__ import annotations

import re

from mana_lab.errors import InvalidInputError

_DOTTED = re.compile(r"[a-z][a-zA-Z0-9]*\.[a-z][a-zA-Z0-9]*", re.ASCII)
_FOLDED = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", ".": "", "_": ""})
_FLAT = re.compile(r"[a-z][a-zA-Z0-9]*_[a-z][a-zA-Z0-9]*", re.ASCII)


def is_tool_name(name: str) -> bool:
    """Return whether *name* has the form of a tool's name, ``module.verb``."""
    return _DOTTED.fullmatch(name) is not None


def look_alike(one: str, other: str) -> bool:
    """Return whether the names of two tools are easily taken for one another.

    They are if they differ only in case, in where the dot is, or in signs of the same shape.
    """
    return one.casefold().translate(_FOLDED) == other.casefold().translate(_FOLDED)


def flat_name(name: str) -> str:
    """Return the name of a tool for interfaces of models that forbid dots.

    ``todo.create`` is ``todo_create`` there. As neither part of a name has an underscore, no two
    tools have one flat name, and :func:`tool_name` gives the tool's own name back.

    Raises:
        InvalidInputError: It is not the name of a tool.
    """
    if not is_tool_name(name):
        raise InvalidInputError(f"{name[:80]!r} is not a tool name such as todo.create")
    return name.replace(".", "_")


def tool_name(flat: str) -> str:
    """Return the tool's name for a flat one: ``todo.create`` for ``todo_create``.

    Raises:
        InvalidInputError: No tool has that flat name.
    """
    if not _FLAT.fullmatch(flat):
        raise InvalidInputError(f"{flat[:80]!r} is not the flat name of a tool such as todo_create")
    return flat.replace("_", ".")
