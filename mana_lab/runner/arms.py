"""Arms: which variant of the app the ticks of a run have, and who plays them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mana_lab.runner.brain import Brain

Draw: TypeAlias = Callable[[str, int], str | None]
"""Returns the variant of a tick, by the persona's e-mail address and the tick's number; None for
the app as it is."""
Applied: TypeAlias = Callable[[str, str], AbstractContextManager[object]]
"""Lets a user, by their id, have a variant for as long as it is held."""
Enough: TypeAlias = Callable[[str], Awaitable[str | None]]
"""Asked with the run's id after each of its moments; returns why it may end, or None."""


@dataclass(frozen=True)
class Arms:
    """What a run varies.

    Attributes:
        design: What is varied and how, as JSON; the ledger keeps it, and a run that was stopped
            goes on with the same design alone.
        draw: Which variant a tick has; the same tick always has the same one.
        applied: Makes it so.
        brains: Who plays the ticks of a variant, where it is not who plays the run.
        enough: When the run may end early; None for never.
    """

    design: Mapping[str, Any]
    draw: Draw
    applied: Applied
    brains: Mapping[str, Brain] = field(default_factory=dict)
    enough: Enough | None = None

    def brain_of(self, variant: str | None, usual: Brain) -> Brain:
        """Return who plays a tick of that variant."""
        return usual if variant is None else self.brains.get(variant, usual)
