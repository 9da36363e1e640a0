"""An app on paper, and lives in any app: tick after tick, each remembered in the next."""

from __future__ import annotations

import json
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from mana_lab.clock import SIMULATION_EPOCH, ManualClock
from mana_lab.personas import Persona
from mana_lab.runner import Action, CallError, CallOutcome, Rating, Recorder, Scene, ScriptedBrain
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.schedule import scene_seed


def a_tool(name, *, reads, properties=None):
    return ToolInfo(
        name,
        name,
        {"type": "object", "properties": properties or {}, "required": list(properties or ())},
        {"readOnlyHint": reads, "destructiveHint": False},
    )


NOTHING = MappingProxyType({})


class Paper:
    """An app on paper: what is not broken works; lists show only what others put where all share.

    Attributes:
        asked: All calls: tool, arguments as JSON, space.
        ticks: In which tick each of them was.
        broken: Which tools fail, each with the kind of its failure.
        recorder: Where the audit collects, where one is wanted.
    """

    TOOLS = (
        a_tool("todo.create", reads=False, properties={"title": {"type": "string"}}),
        a_tool("todo.list", reads=True),
        a_tool("todo.complete", reads=False, properties={"id": {"type": "string"}}),
        a_tool("journal.add", reads=False, properties={"content": {"type": "string"}}),
    )

    def __init__(self, *spaces, others=(), broken=None):
        self.shared_spaces = spaces
        self.asked = []
        self.tick = 0
        self.ticks = []
        self.broken = dict(broken or {})
        self.recorder = None
        self._others = [{"id": name, "title": name} for name in others]

    async def tools(self):
        return list(self.TOOLS)

    async def call(self, name, arguments=None, *, space_id=None):
        place = len(self.asked)
        self.asked.append((name, json.dumps(arguments), space_id))
        self.ticks.append(self.tick)
        error = None
        if kind := self.broken.get(name):
            error = CallError(kind, kind, "broken on purpose")
        others = self._others if space_id else []
        data = {"tasks": others} if name == "todo.list" else {"task": {"id": f"own-{place}"}}
        seq, action_id = place, f"action-{place}"
        if self.recorder:
            seq = self.recorder.begin(name, arguments)
            action_id = self.recorder.record(seq, name, arguments, error=error, latency_ms=1.0).id
        return CallOutcome(name, None if error else data, error, 1.0, action_id, seq)

    @asynccontextmanager
    async def opened(self, recorder):
        self.recorder = recorder
        self.tick += 1
        yield self


class Watched:
    """An app whose calls are seen: space, tool, arguments, outcome."""

    def __init__(self, app):
        self._app = app
        self.shared_spaces = app.shared_spaces
        self.seen = []

    async def tools(self):
        return await self._app.tools()

    async def call(self, name, arguments=None, *, space_id=None):
        outcome = await self._app.call(name, arguments, space_id=space_id)
        self.seen.append((space_id, name, arguments, outcome))
        return outcome


def in_mana(mana, persona):
    """Return what opens the app of *mana* for a persona; see :func:`live`."""

    @asynccontextmanager
    async def enter(recorder):
        async with await mana.app(persona, recorder) as app:
            yield app

    return enter


@dataclass
class Lived:
    """One tick that was lived.

    Attributes:
        scene: The situation.
        app: What was used.
        actions: The calls.
        ratings: What was said of them.
    """

    scene: Scene
    app: Any
    actions: tuple[Action, ...]
    ratings: list[Rating]

    @property
    def kept(self):
        return self.scene.memory.kept

    @property
    def gave_up(self):
        return self.scene.memory.gave_up

    @property
    def failed(self):
        return sum(action.result == "error" for action in self.actions)


async def live(
    enter, persona: Persona, *, ticks, first=1, past=NOTHING, days=1.0, seed=7, remember=True
) -> list[Lived]:
    """Let a persona use an app for some ticks.

    Args:
        enter: Opens the app with a recorder, as an async context manager.
        persona: Who.
        ticks: How many.
        first: The number of the first of them.
        past: What the persona remembers in it.
        days: How long it stays away between two of them.
        seed: Of the run.
        remember: Whether a tick is remembered in the next.
    """
    brain, lived, memory = ScriptedBrain(), [], past
    zone = ZoneInfo(persona.timezone)
    for number in range(first, first + ticks):
        moment = SIMULATION_EPOCH + timedelta(hours=7) + timedelta(days=days) * (number - 1)
        recorder = Recorder("nobody", f"{persona.slug}-{number}", None, clock=ManualClock(moment))
        dice = random.Random(scene_seed(seed, persona.email, number))
        scene = Scene(persona, number, moment.astimezone(zone), dice, past=memory)
        async with enter(recorder) as app:
            await brain.use(app, scene)
        ratings = list(await brain.rate(scene, recorder.actions))
        lived.append(Lived(scene, app, recorder.actions, ratings))
        if remember:
            memory = json.loads(json.dumps(scene.memory.kept))
    return lived
