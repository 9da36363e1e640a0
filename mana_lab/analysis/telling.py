"""Telling: how far something is that takes a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Tell: TypeAlias = Callable[[int, int], None]
"""Told how much is done, and of how much."""


def untold(_done: int, _total: int) -> None:
    """Tell nobody."""
