"""Ten kinds of faults in ten modules, and runs in which nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cells_house import value_of

from mana_lab import Lab
from mana_lab.experiments import Experiment, Faults
from mana_lab.gateway.variants import Variant
from mana_lab.personas import Catalog, sample

PERSONAS, DAYS, ALPHA = 24, 16, 0.01


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        kind: What kind of fault it is.
        tool: Which tool has it.
        beside: A module that the same personas use, and that is whole.
        make: Makes it.
    """

    kind: str
    tool: str
    beside: str
    make: Callable[[Faults], Variant]

    @property
    def module(self) -> str:
        return self.tool.partition(".")[0]

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(sorted((self.module, self.beside)))


FAULTS = (
    Fault("service fails", "todo.create", "goals", lambda f: f.errors("todo.create")),
    Fault("stale reads", "goals.list", "todo", lambda f: f.stale("goals.list")),
    Fault(
        "good input is refused",
        "journal.add",
        "habits",
        lambda f: f.errors("journal.add", code="invalid-arguments"),
    ),
    Fault(
        "conflicts",
        "habits.create",
        "journal",
        lambda f: f.errors("habits.create", code="conflict"),
    ),
    Fault(
        "misleading description",
        "articles.save",
        "calendar",
        lambda f: f.description(
            "articles.save",
            "Keep an article under the day on which it was published.",
            arguments={"url": {"format": "date", "pattern": None, "description": "The day."}},
        ),
    ),
    Fault(
        "forbidden without reason",
        "calendar.create",
        "articles",
        lambda f: f.errors("calendar.create", code="forbidden"),
    ),
    Fault("missing field", "contacts.add", "mood", lambda f: f.missing("id", tool="contacts.add")),
    Fault("latency", "mood.log", "contacts", lambda f: f.latency("mood.log", seconds=45)),
    Fault(
        "lost now and then (60 %)",
        "newsResearch.digest",
        "notes",
        lambda f: f.errors("newsResearch.digest", code="not-found", rate=0.6),
    ),
    Fault(
        "tool not there", "notes.create", "newsResearch", lambda f: f.unavailable("notes.create")
    ),
)


@asynccontextmanager
async def seeded_lab(modules, folder: Path):
    """Give a lab of personas who use these modules alike, as it was seeded once in *folder*."""
    whole = folder / "-".join(modules)
    if not whole.exists():
        mix = dict.fromkeys(modules, 1 / len(modules))
        people = [
            each.model_copy(update={"module_mix": mix, "tick_cadence": "daily"})
            for each in sample(PERSONAS, seed=3)
        ]
        async with await Lab.open(whole, catalog=Catalog(people)) as lab:
            assert not (await lab.seed()).failed
    copy = shutil.copytree(whole, folder / "copy")
    try:
        async with await Lab.open(copy) as lab:
            yield lab
    finally:
        shutil.rmtree(copy)


async def with_fault(fault: Fault, folder: Path, seed: int = 7) -> Experiment:
    """Return what an experiment with a fault found."""
    async with seeded_lab(fault.modules, folder) as lab:
        return await _tried(lab, fault.make(lab.faults), seed)


async def with_nothing(modules, folder: Path, seed: int) -> Experiment:
    """Return what an experiment found that compared the app with itself."""

    async def same(_call, proceed):
        return await proceed()

    async with seeded_lab(modules, folder) as lab:
        return await _tried(lab, lab.vary.around(same, name="the same"), seed)


async def _tried(lab: Lab, treatment: Variant, seed: int) -> Experiment:
    found = await lab.experiment(
        treatment=treatment, days=DAYS, seed=seed, stop_early=False, alpha=ALPHA, concurrency=8
    )
    assert found.named is not None  # it is read before the lab is closed
    for finding in lab.findings(found.run):
        assert value_of(finding.cell, lab) == pytest.approx(finding.effect)
    return found
