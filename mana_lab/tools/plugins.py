"""Tools of other packages: found through entry points, or handed over."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mana_lab.errors import SettingsError
from mana_lab.registry import AnyToolSpec, Registry, ToolSpec

ENTRY_POINTS = "mana_lab.tools"
"""The group of entry points; each names a ``ToolSpec``, or an iterable of them."""


def with_plugins(
    registry: Registry,
    tools: Iterable[AnyToolSpec] = (),
    found: Iterable[EntryPoint] | None = None,
) -> Registry:
    """Return *registry* with the tools of other packages, and with those handed over.

    Args:
        registry: The tools to start with; it is changed.
        tools: More tools.
        found: The entry points; those of the installed packages when None.

    Raises:
        SettingsError: An entry point cannot be loaded, or is no tool.
        DuplicateToolError: There is a tool of that name already.
        InvalidInputError: A tool encrypts other fields of a table than the others do.
    """
    points = entry_points(group=ENTRY_POINTS) if found is None else found
    for point in sorted(points, key=lambda each: each.name):
        for spec in _specs_of(point):
            registry.add(spec)
    for spec in tools:
        registry.add(_checked(spec, "what was handed over"))
    return registry


def _specs_of(point: EntryPoint) -> list[AnyToolSpec]:
    where = f"the entry point {point.name} = {point.value} of {ENTRY_POINTS}"
    try:
        loaded = point.load()
    except Exception as error:
        raise SettingsError(f"{where} cannot be loaded: {error}") from error
    several = [loaded] if isinstance(loaded, ToolSpec) else loaded
    if not isinstance(several, Iterable):
        raise SettingsError(f"{where} is a {type(loaded).__name__}, need a ToolSpec or a list")
    return [_checked(spec, where) for spec in several]


def _checked(spec: Any, where: str) -> AnyToolSpec:
    if not isinstance(spec, ToolSpec):
        raise SettingsError(f"{where} has a {type(spec).__name__} where a ToolSpec is needed")
    return spec
