"""Progress: one line that counts, without timings, so that a saved notebook stays the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def silent(_label: str, _done: int, _total: int) -> None:
    """Report nothing."""


def line(label: str, done: int, total: int) -> None:
    """Rewrite one line of standard output: ``label done/total``."""
    end = "\n" if done >= total else ""
    sys.stdout.write(f"\r{label} {done}/{total}{end}")
    sys.stdout.flush()


def in_notebook() -> bool:
    """Return whether this code runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
