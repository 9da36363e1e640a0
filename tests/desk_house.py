"""A desk at which a list of moves is played, as a person would play them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.personas import load_catalog
from mana_lab.runner import Action, CallError, CallOutcome, Scene, ToolInfo, module_of
from mana_lab.runner.human import HumanBrain, Use
from mana_lab.tools import default_registry

LEAVE = object()
"""The move of somebody who closes the door behind them."""


@dataclass
class Do:
    """Open a tool's form and send it once for each set of entries, or until the app takes it."""

    tool: str
    tries: list[dict[str, str]] = field(default_factory=lambda: [{}])
    space: str | None = None


def do(tool: str, space: str | None = None, **entries: str) -> Do:
    return Do(tool, [entries], space)


@dataclass
class PlayedDesk:
    """Plays *moves* in the menu and *ratings* on the form, each a (rating, notes, calls) by module.

    Attributes:
        cards: Whom it was told to play.
        shown: What was asked and told, in its order.
        problems: What was wrong with the form each time that it was asked for.
    """

    moves: list[Any]
    ratings: list[Any] = field(default_factory=list)
    cards: list[Any] = field(default_factory=list)
    shown: list[Any] = field(default_factory=list)
    problems: list[dict[str, str]] = field(default_factory=list)
    entries: list[dict[str, str]] = field(default_factory=list)
    menu: Any = None

    async def welcome(self, card):
        self.cards.append(card)
        self.shown.append(f"You are {card.persona.name}.")

    async def choose(self, menu):
        self.menu = menu
        move = self._next(self.moves)
        if not isinstance(move, Do):
            return move
        self._tries = list(move.tries)
        menu.space = next((each for each in menu.spaces if each.slug == move.space), None)
        return Use(next(each for each in tools_of(menu) if each.name == move.tool))

    async def fill(self, form):
        self.problems.append(dict(form.problems))
        self.entries.append(dict(form.entries))
        self.form = form
        if not self._tries:
            return False
        found = self._next(self._tries)
        form.entries.update(found)
        return True

    def tell(self, report):
        self.shown.append(report.headline)

    async def judge(self, verdicts):
        self.verdicts = verdicts
        self.shown.append([each.problem for each in verdicts])
        for module, given in self._next(self.ratings).items():
            verdict = next(each for each in verdicts if each.module == module)
            if given is LEAVE:
                raise EOFError
            rating, notes, calls = given
            verdict.rating, verdict.notes = rating, notes
            verdict.evidence = tuple(verdict.lines[number].id for number in calls)

    def farewell(self, words):
        self.shown.append(words)

    def _next(self, moves):
        move = moves.pop(0) if moves else LEAVE
        if move is LEAVE:
            raise EOFError
        if isinstance(move, BaseException):
            raise move
        return move


@dataclass
class PatientDesk(PlayedDesk):
    """Plays its moves, then waits.

    Attributes:
        waits: Set once it has no more moves.
        on_wait: Called then.
    """

    waits: asyncio.Event = field(default_factory=asyncio.Event)
    on_wait: Callable[[], None] = lambda: None

    async def choose(self, menu):
        if not self.moves:
            self.waits.set()
            self.on_wait()
            await asyncio.get_running_loop().create_future()
        return await super().choose(menu)


@dataclass
class Counter:
    """An app that gives the answers it was told to, one after the other by tool.

    Attributes:
        answers: What calls of a tool bring: data, or a CallError; the last one for good.
        calls: What was called: the tool, its arguments and the space.
    """

    answers: dict[str, list[Any]] = field(default_factory=dict)
    shared_spaces: tuple[Any, ...] = ()
    offered: list[ToolInfo] = field(default_factory=lambda: TOOLS)
    calls: list[tuple[str, dict[str, Any], str | None]] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    async def tools(self):
        return self.offered

    async def call(self, name, arguments=None, *, space_id=None):
        seq = len(self.calls)
        self.calls.append((name, dict(arguments or {}), space_id))
        known = self.answers.get(name) or [{"ok": True}]
        answer = known.pop(0) if len(known) > 1 else known[0]
        error = answer if isinstance(answer, CallError) else None
        self.actions.append(_action(seq, name, error))
        data = None if error else answer
        return CallOutcome(name, data, error, 1.0, self.actions[-1].id, seq)


def _action(seq, name, error):
    return Action(
        id=f"t-{seq}-{name}",
        tick_id="t",
        run_id=None,
        seq=seq,
        tool_name=name,
        tool_hash=None,
        module=module_of(name),
        input_hash=None,
        result="error" if error else "ok",
        error_kind=error.kind if error else None,
        error_code=error.code if error else None,
        error_message=error.message if error else None,
        latency_ms=1.0,
        shown=None,
        occurred_at=SIMULATION_EPOCH,
    )


TOOLS = [ToolInfo(spec.name, spec.description, spec.input_schema()) for spec in default_registry()]
"""The app's own tools."""


ANNA = load_catalog().get("anna")


def scene_of(persona, past=None):
    now = datetime(2026, 1, 5, 8, tzinfo=ZoneInfo("Europe/Berlin"))
    return Scene(persona, 1, now, random.Random(7), past=past or {})


async def at_counter(desk, app, scene):
    """Play one tick at a counter; return the ratings."""
    brain = HumanBrain(desk)
    await brain.use(app, scene)
    return await brain.rate(scene, app.actions)


def tools_of(menu):
    return [tool for shelf in menu.shelves for tool in shelf.tools]
