"""One visit to the app: wishes become calls, and failures are repaired or given up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mana_lab.runner.brain import Scene
from mana_lab.runner.calls import CallError, Toolbox, ToolInfo
from mana_lab.runner.scripted.archetypes import Behavior
from mana_lab.runner.scripted.blunders import blunder, made_up_id
from mana_lab.runner.scripted.mind import Mind
from mana_lab.runner.scripted.schemas import properties, required, takes_id
from mana_lab.runner.scripted.shelves import GONE, Shelf, arrange
from mana_lab.runner.scripted.together import Together
from mana_lab.runner.scripted.voices import Topic, Voice
from mana_lab.runner.scripted.writer import Writer

_READS_ON = 0.3
"""Chance of opening one of the things that a list has shown."""
_CONFUSIONS = ("invalid-input", "not-found")
"""Failures that come from having got something wrong oneself."""


@dataclass
class _Attempt:
    tool: ToolInfo
    topic: Topic
    arguments: dict[str, Any]


class Visit:
    """A persona with the app open.

    Args:
        app: What it calls.
        scene: Who it is, and the randomness.
        tools: What the app offers.
        behavior: How its archetype acts.
        voice: What it writes about.
        mind: What it remembers, has learned and bears.
    """

    def __init__(
        self,
        app: Toolbox,
        scene: Scene,
        tools: Iterable[ToolInfo],
        behavior: Behavior,
        voice: Voice,
        mind: Mind,
    ) -> None:
        self._app = app
        self._scene = scene
        self._random = scene.random
        self._shelves = arrange(tools)
        self._behavior = behavior
        self._writer = Writer(voice, scene)
        self._mind = mind
        self._things = mind.things
        self._given_up: Counter[str] = Counter()
        self._together = Together(app, scene, self._shelves, behavior, self._writer, mind)

    async def step(self) -> None:
        """Set out to do one thing."""
        if self._together.possible and self._random.random() < self._behavior.shares:
            await self._together.step()
            return
        if self._shelves and self._random.random() < self._behavior.wanders:
            await self._look(self._shelves[self._random.choice(sorted(self._shelves))])
            return
        module = self._wish()
        if module is not None and self._given_up[module] < self._behavior.tolerance:
            await self._do_something(module, self._shelves[module])

    def _wish(self) -> str | None:
        """Choose a module; one that offers no tool is counted, and perhaps replaced."""
        mix = self._scene.persona.module_mix
        module = self._weighted(mix)
        if module is None or module in self._shelves:
            return module
        self._scene.memory.skipped_modules[module] += 1
        if self._random.random() >= self._behavior.makes_do:
            return None
        return self._weighted({name: mix[name] for name in mix if name in self._shelves})

    def _weighted(self, mix: Mapping[str, float]) -> str | None:
        names = sorted(name for name in mix if mix[name] > 0)
        weights = [mix[name] * self._mind.habits.fondness(self._offer(name)) for name in names]
        return self._random.choices(names, weights)[0] if names else None

    def _offer(self, module: str) -> list[ToolInfo]:
        return self._shelves[module].tools if module in self._shelves else []

    async def _do_something(self, module: str, shelf: Shelf) -> None:
        behavior = self._behavior
        ways = [
            (shelf.creates, behavior.create),
            (shelf.reads, behavior.look),
            (shelf.changes, behavior.finish),
        ]
        tool = self._mind.habits.choose(ways, self._random)
        if tool in shelf.changes:
            await self._change(module, shelf, tool)
        elif tool in shelf.creates:
            if shelf.reads and self._random.random() < behavior.looks_first:
                await self._look(shelf)
            await self._write(tool, [])
        elif tool and await self._look_with(tool) and self._random.random() < _READS_ON:
            await self._open_one(shelf)

    async def _look(self, shelf: Shelf) -> bool:
        tool = self._mind.habits.choose([(shelf.reads, 1.0)], self._random)
        return tool is not None and await self._look_with(tool)

    async def _look_with(self, tool: ToolInfo) -> bool:
        topic = self._writer.topic(tool.module)
        arguments = self._writer.write(tool, topic, detail=self._behavior.detail / 2)
        return await self._attempt(_Attempt(tool, topic, arguments))

    async def _open_one(self, shelf: Shelf) -> None:
        """Read one thing in full, where a list has shown some."""
        for tool in shelf.opens:
            if ids := self._things.open(tool.module):
                topic = self._writer.topic(tool.module)
                arguments = self._writer.write(tool, topic, detail=0.0, ids=ids)
                await self._attempt(_Attempt(tool, topic, arguments))

    async def _change(self, module: str, shelf: Shelf, tool: ToolInfo) -> None:
        if not self._things.open(module):
            if self._random.random() < self._behavior.guesses:
                await self._write(tool, [made_up_id(self._random)])
                return
            if not await self._look(shelf):
                return
        if ids := self._things.open(module):
            await self._write(tool, ids)

    async def _write(self, tool: ToolInfo, ids: list[str]) -> None:
        topic = self._writer.topic(tool.module)
        arguments = self._writer.act(tool, topic, detail=self._behavior.detail, ids=ids)
        if self._random.random() < self._mind.habits.clumsiness(tool.name):
            arguments = blunder(tool, arguments, self._random)
        await self._attempt(_Attempt(tool, topic, arguments))

    async def _attempt(self, attempt: _Attempt) -> bool:
        if self._mind.patience.reason:
            return False
        tool, confused = attempt.tool, False
        for left in reversed(range(self._behavior.patience + 1)):
            outcome = await self._app.call(tool.name, attempt.arguments)
            self._mind.take_in(outcome)
            self._things.take_in(self._shelves[tool.module], tool, attempt.arguments, outcome)
            if outcome.error is None:
                if confused:
                    self._mind.habits.understood(tool.name)
                return True
            confused = confused or outcome.error.kind in _CONFUSIONS
            repaired = left and await self._repair(attempt, outcome.error)
            if not repaired or self._mind.patience.reason:
                break
        self._given_up[tool.module] += 1
        self._mind.habits.gave_up(tool.name)
        return False

    async def _repair(self, attempt: _Attempt, error: CallError) -> bool:
        """Change the attempt by what the error says; False means that nothing can be done."""
        if error.kind == "refused":
            return False
        if error.kind == "infrastructure":
            return True
        if self._random.random() >= self._behavior.repairs:
            attempt.arguments = blunder(attempt.tool, attempt.arguments, self._random)
            return True
        if error.kind in GONE and takes_id(attempt.tool):
            return await self._find(attempt)
        if error.kind == "invalid-input" and (name := _named(attempt, error)):
            return await self._mend(attempt, name)
        attempt.topic = self._writer.topic(attempt.tool.module)
        return await self._rewrite(attempt)

    async def _mend(self, attempt: _Attempt, name: str) -> bool:
        schema = properties(attempt.tool).get(name)
        attempt.arguments = dict(attempt.arguments)
        attempt.arguments.pop(name, None)
        if schema is None or name not in required(attempt.tool):
            return True
        ids = self._things.open(attempt.tool.module)
        value = self._writer.value(attempt.tool, name, schema, attempt.topic, ids)
        if value is None:
            return await self._find(attempt)
        attempt.arguments[name] = value
        return True

    async def _find(self, attempt: _Attempt) -> bool:
        """Look for what really is there, and go on with that."""
        module = attempt.tool.module
        if not self._things.open(module):
            await self._look(self._shelves[module])
        return bool(self._things.open(module)) and await self._rewrite(attempt)

    async def _rewrite(self, attempt: _Attempt) -> bool:
        attempt.arguments = self._writer.act(
            attempt.tool,
            attempt.topic,
            detail=self._behavior.detail / 2,
            ids=self._things.open(attempt.tool.module),
        )
        return True


def _named(attempt: _Attempt, error: CallError) -> str | None:
    """Return the argument that the error speaks of."""
    words = re.findall(r"\w+", error.path or error.message)
    names = {*properties(attempt.tool), *attempt.arguments}
    return next((word for word in words if word in names), None)
