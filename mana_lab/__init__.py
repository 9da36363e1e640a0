"""mana_lab: catalogued AI personas as real users of the Mana app.

The public names are resolved on first use, so that importing the package costs nothing::

    from mana_lab import Lab

    lab = await Lab.open()

PYTEST_DONT_REWRITE: pytest would like to load the packages of its plugins first, and warn where
it cannot; there is no assertion here that it had to explain.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mana_lab.clock import SimulatedClock, SystemClock
    from mana_lab.errors import ManaLabError
    from mana_lab.lab import Lab
    from mana_lab.lab.archive import Archive, Archives
    from mana_lab.lab.run_folder import RunFolder

__all__ = [
    "Archive",
    "Archives",
    "Lab",
    "ManaLabError",
    "RunFolder",
    "SimulatedClock",
    "SystemClock",
]
__version__ = "0.1.0"

_HOME = {
    "Archive": "mana_lab.lab.archive",
    "Archives": "mana_lab.lab.archive",
    "Lab": "mana_lab.lab",
    "ManaLabError": "mana_lab.errors",
    "RunFolder": "mana_lab.lab.run_folder",
    "SimulatedClock": "mana_lab.clock",
    "SystemClock": "mana_lab.clock",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
