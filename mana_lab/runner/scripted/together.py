"""Using a shared space: adding something, looking around, finishing what one added oneself.

What a persona does must not depend on when the others did what they do, or the same seed would not
give the same calls. So it finishes only what it added itself, in this tick or an earlier one, and
what a list shows goes neither into its memory nor into its ratings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mana_lab.identity.wire import Space
from mana_lab.registry import admits
from mana_lab.runner.brain import Scene
from mana_lab.runner.calls import CallOutcome, Toolbox, ToolInfo
from mana_lab.runner.scripted.archetypes import Behavior
from mana_lab.runner.scripted.mind import Mind
from mana_lab.runner.scripted.shelves import Shelf, Things
from mana_lab.runner.scripted.writer import Writer

_HANDY = ("notes", "todo")
"""What somebody shares who wants nothing of their own that the space admits."""


class Together:
    """A persona in the spaces that it shares.

    Args:
        app: What it calls.
        scene: Who it is, and the randomness.
        shelves: What the app offers.
        behavior: How its archetype acts.
        writer: Fills in arguments.
        mind: What it remembers, has learned and bears.
    """

    def __init__(
        self,
        app: Toolbox,
        scene: Scene,
        shelves: Mapping[str, Shelf],
        behavior: Behavior,
        writer: Writer,
        mind: Mind,
    ) -> None:
        self._app = app
        self._scene = scene
        self._random = scene.random
        self._shelves = shelves
        self._behavior = behavior
        self._writer = writer
        self._mind = mind
        self._wishes = [
            (space, wishes) for space in app.shared_spaces if (wishes := self._wishes_in(space))
        ]
        self._own = {space.id: mind.things_in(space.id) for space, _ in self._wishes}

    @property
    def possible(self) -> bool:
        """Whether there is a shared space to do something in."""
        return bool(self._wishes)

    async def step(self) -> None:
        """Do one thing in one of the shared spaces."""
        space, wishes = self._random.choice(self._wishes)
        module = self._random.choices(sorted(wishes), [wishes[name] for name in sorted(wishes)])[0]
        shelf, own = self._shelves[module], self._own[space.id]
        behavior = self._behavior
        ways = [
            (shelf.creates, behavior.create),
            (shelf.reads, behavior.look),
            (shelf.changes if own.open(module) else [], behavior.finish),
        ]
        tool = self._mind.habits.choose(ways, self._random)
        if tool in shelf.reads:
            await self._look(space, tool)
        elif tool:
            await self._write(space, tool, own)

    async def _look(self, space: Space, tool: ToolInfo) -> None:
        topic = self._writer.topic(tool.module)
        arguments = self._writer.write(tool, topic, detail=self._behavior.detail / 2)
        await self._call(space, tool, arguments)

    async def _write(self, space: Space, tool: ToolInfo, own: Things) -> None:
        changing = tool in self._shelves[tool.module].changes
        ids = own.open(tool.module) if changing else []
        for _ in range(self._behavior.patience + 1):
            topic = self._writer.topic(tool.module)
            arguments = self._writer.act(tool, topic, detail=self._behavior.detail, ids=ids)
            outcome = await self._call(space, tool, arguments)
            own.take_in(self._shelves[tool.module], tool, arguments, outcome)
            if outcome.error is None:
                return
            if outcome.error.kind != "invalid-input" or self._mind.patience.reason:
                break
        self._mind.habits.gave_up(tool.name)

    async def _call(self, space: Space, tool: ToolInfo, arguments: dict[str, Any]) -> CallOutcome:
        outcome = await self._app.call(tool.name, arguments, space_id=space.id)
        self._mind.take_in(replace(outcome, data=None))
        return outcome

    def _wishes_in(self, space: Space) -> dict[str, float]:
        """Return what the persona would use in a space, by how much."""
        offered = {
            module
            for module, shelf in self._shelves.items()
            if admits(space.type, module) and shelf.creates
        }
        mix = self._scene.persona.module_mix
        wanted = {name: mix[name] for name in offered & mix.keys() if mix[name] > 0}
        return wanted or dict.fromkeys(sorted(offered.intersection(_HANDY)), 1.0)
