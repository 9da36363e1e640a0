"""Blunders: how somebody fills in a form who has not understood it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.schemas import Shape, properties, required, shape

_WRONG: dict[Shape, tuple[str, ...]] = {
    "choice": ("very important", "asap", "normal I guess", "same as last time"),
    "datetime": ("tomorrow", "next friday", "12.3.", "soon"),
    "date": ("today", "monday", "12.3."),
    "number": ("three", "a few", "every day"),
    "color": ("blue", "something calm"),
    "flag": ("yes please", "not sure"),
    "id": ("the first one", "1", "the one from yesterday"),
    "list": ("home, uni",),
}


def made_up_id(dice: random.Random) -> str:
    """Return a well-formed id that nothing has."""
    return str(UUID(int=dice.getrandbits(128), version=4))


def blunder(tool: ToolInfo, arguments: Mapping[str, Any], dice: random.Random) -> dict[str, Any]:
    """Return *arguments* with one thing wrong: missing, empty, malformed or made up."""
    needed = required(tool)
    wrong: list[Callable[[dict[str, Any]], Any]] = []
    for name, schema in sorted(properties(tool).items()):
        kind = shape(name, schema)
        if name in needed:
            wrong.append(_without(name))
        if kind in _WRONG:
            wrong.append(_with(name, dice.choice(_WRONG[kind])))
        if kind == "id" and name in needed:
            wrong.append(_with(name, made_up_id(dice)))
        if kind == "text" and name in needed and schema.get("minLength"):
            wrong.append(_with(name, ""))
    changed = dict(arguments)
    if wrong:
        dice.choice(wrong)(changed)
    return changed


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda arguments: arguments.pop(name, None)


def _with(name: str, value: str) -> Callable[[dict[str, Any]], Any]:
    return lambda arguments: arguments.update({name: value})
