"""Projects whose tests use mana_lab, and runs to hold against one another."""

from pathlib import Path

import pytest
from pydantic import Field

from mana_lab import Lab
from mana_lab.errors import InfrastructureError
from mana_lab.personas import Catalog, load_catalog
from mana_lab.registry import Table, ToolContext, ToolInput, ToolOutput, tool

PLANTS = Table("plants", "plants")
MIX = {"plants": 1.0, "notes": 1.0, "mood": 1.0}


class Plant(ToolOutput):
    id: str
    name: str


class NewPlant(ToolInput):
    name: str = Field(min_length=1, max_length=200, description="Its name", examples=["Fern"])


@tool("plants.add", policy_hint="write", tables=(PLANTS,))
async def add(given: NewPlant, ctx: ToolContext) -> Plant:
    """Add a plant to look after.

    For watering it every week use habits.create.

    Example: {"name": "Fern"}
    """
    return Plant.of(await ctx.records(PLANTS).create(given.model_dump(by_alias=True)))


@tool("plants.add", policy_hint="write", tables=(PLANTS,))
async def add_broken(_given: NewPlant, _ctx: ToolContext) -> Plant:
    """Add a plant to look after.

    For watering it every week use habits.create.

    Example: {"name": "Fern"}
    """
    raise InfrastructureError("the plants are somewhere else")


def gardeners():
    """Return the ten personas, all of whom use the same three modules every day."""
    changed = {"module_mix": MIX, "tick_cadence": "daily"}
    return Catalog([persona.model_copy(update=changed) for persona in load_catalog()])


async def seeded(folder: Path, catalog):
    async with await Lab.open(folder, catalog=catalog, tools=[add]) as lab:
        assert not (await lab.seed()).failed
    return folder


async def lived(folder: Path, out: Path, *, seed, days, tool=add):
    """Let the personas of a seeded lab live, and keep what came of it as an archive."""
    async with await Lab.open(folder, tools=[tool]) as lab:
        run = await lab.run(days=days, seed=seed)
        lab.export(out)
    return run


def hermetic(pytester: pytest.Pytester):
    """Let the project of the test have settings of its own, and no plugin of this one."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester
