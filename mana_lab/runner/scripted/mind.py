"""The mind of a persona in one tick: what it remembers, has learned, and is ready to bear."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from mana_lab.runner.brain import Scene
from mana_lab.runner.calls import CallOutcome
from mana_lab.runner.scripted.archetypes import Behavior
from mana_lab.runner.scripted.habits import Habits
from mana_lab.runner.scripted.memory import (
    Memory,
    few_counts,
    few_spaces,
    few_things,
    recall,
)
from mana_lab.runner.scripted.patience import Patience
from mana_lab.runner.scripted.shelves import Things


class Mind:
    """What a persona brings along from earlier ticks, and takes along into the next.

    It follows from the memory and from this tick's own calls alone. A shared space adds only what
    the persona put there itself, so that others change nothing in it.

    Args:
        scene: Who it is, when, and what it remembers.
        behavior: How its archetype acts.

    Attributes:
        things: What it knows in its own space.
        habits: What it has learned about the tools.
        patience: How much it still bears.
    """

    def __init__(self, scene: Scene, behavior: Behavior) -> None:
        memory = recall(scene.past)
        self.things = Things(memory.unfinished)
        self.habits = Habits(behavior, memory, scene.tick_number)
        self.patience = Patience(behavior, memory, scene.now)
        self._scene = scene
        self._remembered = memory.shared
        self._shared: dict[str, Things] = {}

    def things_in(self, space_id: str) -> Things:
        """Return what it added itself in a shared space."""
        if space_id not in self._shared:
            self._shared[space_id] = Things(self._remembered.get(space_id, {}))
        return self._shared[space_id]

    def take_in(self, outcome: CallOutcome) -> None:
        """Keep what a call brought, and be pleased with it or not."""
        self._scene.memory.outcomes[outcome.action_id] = outcome
        if outcome.ok:
            self.patience.succeeded()
            self.habits.worked(outcome.tool)
        else:
            self.patience.failed(outcome.tool)

    def kept(self) -> dict[str, Any]:
        """Return what to remember in the next tick, as JSON."""
        known = {space: things.unfinished for space, things in self._shared.items()}
        return Memory(
            left_at=self._scene.now.astimezone(UTC),
            patience=round(self.patience.level, 3),
            unfinished=few_things(self.things.unfinished),
            shared=few_spaces(known),
            returned=few_counts(self.things.returned),
            worked=few_counts(self.habits.successes),
            avoided=few_counts(self.habits.avoided()),
            understood=few_counts(self.habits.lessons),
        ).model_dump(mode="json")
