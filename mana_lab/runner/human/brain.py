"""The human brain: a person plays the persona, at whatever desk they sit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from mana_lab.errors import ManaLabError
from mana_lab.registry.arguments import printable
from mana_lab.runner.brain import Rating, Scene
from mana_lab.runner.calls import Toolbox
from mana_lab.runner.human.desk import Desk, Line, Verdict
from mana_lab.runner.human.sitting import Sitting, keep
from mana_lab.runner.recorder import Action

LEFT = "the person left before they were done"
"""Why a persona gave up whose player went away."""
LEFT_UNRATED = "the person left before they had rated everything"
"""Why a persona gave up whose player went away from the rating form."""

_LONGEST_SENTENCE = 300


class HumanBrain:
    """Lets a person play personas: one tick at a time, with the tools that every brain has.

    What they think of it are opinions: each rating is what somebody typed, and what nobody rated
    has no rating.

    Args:
        desk: Where the person sits, such as ``mana_lab.notebook.desk.WidgetDesk()``.
    """

    name = "human"
    model: str | None = None

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = Turn()

    async def use(self, app: Toolbox, scene: Scene) -> None:
        """Let the person use the app until they are done, give up or leave."""
        await self._turn.take()
        try:
            await Sitting(self._desk, app, scene, await app.tools()).play()
        except EOFError:
            scene.memory.gave_up = LEFT
        except BaseException as failure:
            self._desk.farewell(f"The tick has ended: {_reason(failure)}.")
            self._turn.give_back()
            raise

    async def rate(self, scene: Scene, actions: Sequence[Action]) -> Sequence[Rating]:
        """Ask the person for a rating of each module that they touched.

        Returns:
            A rating of each; fewer if the person leaves before.
        """
        await self._turn.take()
        verdicts = [
            _verdict(module, actions)
            for module in dict.fromkeys(action.module for action in actions)
        ]
        try:
            ratings = await self._judged(verdicts)
        except EOFError:
            ratings = [rating for each in verdicts if (rating := each.read()) is not None]
            scene.memory.gave_up = scene.memory.gave_up or LEFT_UNRATED
        except BaseException as failure:
            self._desk.farewell(f"The tick has ended: {_reason(failure)}.")
            raise
        finally:
            self._turn.give_back()
        keep(scene, _summary(scene, actions, ratings))
        self._desk.farewell(_farewell(actions, ratings))
        return ratings

    async def _judged(self, verdicts: Sequence[Verdict]) -> list[Rating]:
        while True:
            if verdicts:
                await self._desk.judge(verdicts)
            ratings = [rating for each in verdicts if (rating := each.read()) is not None]
            if len(ratings) == len(verdicts):
                return ratings


class Turn:
    """Whose turn it is at the desk: a person plays one persona at a time.

    A task that takes it has it until it gives it back, or has ended.
    """

    def __init__(self) -> None:
        self._free = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None

    async def take(self) -> None:
        """Wait for the turn; who has it goes on."""
        task = asyncio.current_task()
        if task is None or task is self._holder:
            return
        await self._free.acquire()
        self._holder = task
        task.add_done_callback(self._release)

    def give_back(self) -> None:
        """Let the next one play; again is harmless."""
        self._release(asyncio.current_task())

    def _release(self, task: asyncio.Task[Any] | None) -> None:
        if task is not None and task is self._holder:
            self._holder = None
            self._free.release()


def _verdict(module: str, actions: Sequence[Action]) -> Verdict:
    lines = [Line(each.id, _line(each)) for each in actions if each.module == module]
    return Verdict(module, tuple(lines))


def _line(action: Action) -> str:
    if action.result == "ok":
        return f"{action.tool_name} worked"
    why = " ".join((action.error_message or action.error_code or "").split())
    return f"{action.tool_name} failed: {printable(why)}"


def _summary(scene: Scene, actions: Sequence[Action], ratings: Sequence[Rating]) -> Iterator[str]:
    """Tell what is good to know the next time."""
    used = Counter(action.tool_name for action in actions)
    tools = ", ".join(f"{tool} ({count}x)" if count > 1 else tool for tool, count in used.items())
    yield f"On {scene.now:%Y-%m-%d} you used {tools or 'nothing'}."[:_LONGEST_SENTENCE]
    if scene.memory.gave_up:
        yield f"You gave up: {scene.memory.gave_up}"[:_LONGEST_SENTENCE]
    for rating in ratings:
        yield f"You gave {rating.module} {rating.rating} of 5. {rating.notes}"[:_LONGEST_SENTENCE]


def _farewell(actions: Sequence[Action], ratings: Sequence[Rating]) -> str:
    if not actions:
        return "The tick is over, without a call; there is nothing to rate."
    calls = "1 call" if len(actions) == 1 else f"{len(actions)} calls"
    given = ", ".join(f"{rating.module} {rating.rating}" for rating in ratings)
    return f"The tick is over: {calls}; ratings: {given or 'none'}."


def _reason(failure: BaseException) -> str:
    if isinstance(failure, asyncio.CancelledError):
        return "it was stopped, or its time was up"
    return failure.message if isinstance(failure, ManaLabError) else type(failure).__name__
