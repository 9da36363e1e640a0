"""Which modules a type of space admits: the one table, and the check against it.

A personal space admits everything. In a shared one all members read along, so what is nobody
else's business (moods, dreams, a diary, habits) stays out of all of them. The lists are those of
the app, but that they leave ``todo`` out: here a flat can share a shopping list.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from mana_lab.errors import ModuleNotAdmittedError
from mana_lab.registry.principal import SpaceLike

Admission: TypeAlias = Mapping[str, frozenset[str] | None]
"""The modules that each type of space admits; None for all of them."""

_EVERYWHERE = frozenset({"calendar", "contacts", "goals", "notes", "spaces", "todo"})

ADMITTED: Final[Admission] = MappingProxyType(
    {
        "personal": None,
        "brand": _EVERYWHERE | {"invoices", "newsResearch"},
        "club": _EVERYWHERE | {"invoices"},
        "family": _EVERYWHERE,
        "practice": _EVERYWHERE | {"invoices"},
        "team": _EVERYWHERE | {"invoices", "newsResearch"},
    }
)
"""What the app's spaces admit. A module that is not named is admitted in personal spaces only."""


def admits(space_type: str, module: str, table: Admission = ADMITTED) -> bool:
    """Return whether spaces of that type admit a module; an unknown type admits none."""
    modules = table.get(space_type, frozenset())
    return modules is None or module in modules


def check_admitted(module: str, space: SpaceLike, table: Admission = ADMITTED) -> None:
    """Let a call of a module pass that the space admits.

    Raises:
        ModuleNotAdmittedError: It does not; the message names the modules that it admits.
    """
    if admits(space.type, module, table):
        return
    admitted = ", ".join(sorted(table.get(space.type) or ())) or "no module"
    raise ModuleNotAdmittedError(
        f"{module} is not for {space.type} spaces, which several people share; they admit "
        f"{admitted}. Use {module} in your personal space"
    )
