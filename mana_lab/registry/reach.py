"""Which tables the code of a handler opens, read off its source.

A tool that opens a table which it did not declare is refused when it runs; reading the source
finds it before.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from mana_lab.registry.tables import Table


def tables_opened_by(handler: Callable[..., Any]) -> list[Table]:
    """Return the tables that a handler, and the functions it calls, pass to ``records``.

    Only names are followed: a table or a function out of a computation is not seen.
    """
    found: dict[Table, None] = {}
    _collect(handler, found, set())
    return sorted(found)


def _collect(function: Callable[..., Any], found: dict[Table, None], seen: set[Any]) -> None:
    if function in seen:
        return
    seen.add(function)
    names = _names(function)
    for call in _calls(function):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "records":
            for argument in call.args:
                value = names.get(argument.id) if isinstance(argument, ast.Name) else None
                if isinstance(value, Table):
                    found[value] = None
        elif isinstance(call.func, ast.Name):
            called = names.get(call.func.id)
            if inspect.isfunction(called):
                _collect(called, found, seen)


def _names(function: Callable[..., Any]) -> dict[str, Any]:
    outer = inspect.getclosurevars(function)
    return {**outer.globals, **outer.nonlocals}


def _calls(function: Callable[..., Any]) -> Iterator[ast.Call]:
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield node
