"""Situations that brains play in."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

from runner_house import cast

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.registry import Registry
from mana_lab.runner import Scene
from mana_lab.tools import default_registry

ANNA = cast("anna")[0]


def few_tools() -> Registry:
    """Return some of the app's tools; models read all definitions with every request."""
    return Registry([spec for spec in default_registry() if spec.module in ("notes", "todo")])


def scene_of(persona=ANNA, **other) -> Scene:
    """Return a situation on the first day of a lab."""
    now = SIMULATION_EPOCH.astimezone(ZoneInfo(persona.timezone))
    given = {"tick_number": 1, "now": now, "random": random.Random(7), **other}
    return Scene(persona, **given)
