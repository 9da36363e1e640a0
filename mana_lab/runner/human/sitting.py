"""A sitting: a person goes through one tick of a persona, call by call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from mana_lab.runner.brain import Scene
from mana_lab.runner.calls import CallOutcome, Toolbox, ToolInfo
from mana_lab.runner.human.desk import (
    LONGEST_REASON,
    Card,
    Desk,
    GiveUp,
    Menu,
    Miss,
    Shelf,
    Use,
)
from mana_lab.runner.human.forms import Form
from mana_lab.runner.human.telling import Sights, report_of
from mana_lab.runner.recorder import storable

NO_REASON = "no reason was given"

_LAST_TIME = "last_time"
_MOST_SENTENCES = 20


class Sitting:
    """One tick at a desk.

    Args:
        desk: Where the person sits.
        app: What they use.
        scene: Whom they play, and when.
        tools: What the app offers.
    """

    def __init__(self, desk: Desk, app: Toolbox, scene: Scene, tools: Sequence[ToolInfo]) -> None:
        self._desk = desk
        self._app = app
        self._scene = scene
        shelves = shelves_of(tools, scene.persona.module_mix)
        self._menu = Menu(shelves, tuple(app.shared_spaces))
        self._drafts: dict[str, Form] = {}
        self._sights = Sights()
        self._zone = ZoneInfo(scene.persona.timezone)

    async def play(self) -> None:
        """Go on until the person is done, or gives up.

        Raises:
            EOFError: The person is no longer there.
        """
        await self._desk.welcome(card_of(self._scene))
        while True:
            choice = await self._desk.choose(self._menu)
            match choice:
                case Use(tool):
                    await self._use(tool)
                case Miss(module):
                    self._scene.memory.skipped_modules[module] += 1
                case GiveUp(reason):
                    self._scene.memory.gave_up = (
                        storable(reason.strip())[:LONGEST_REASON] or NO_REASON
                    )
                    return
                case _:
                    return

    async def _use(self, tool: ToolInfo) -> None:
        """Fill in a form and send it, until the app takes it or the person turns away from it."""
        form = self._drafts.setdefault(tool.name, Form.of(tool, self._zone))
        form.things = self._sights.of(tool.module)
        while await self._desk.fill(form):
            arguments = form.arguments()
            if arguments is None:
                continue
            space = self._menu.space
            outcome = await self._app.call(
                tool.name, arguments, space_id=None if space is None else space.id
            )
            self._remember(tool, outcome)
            self._desk.tell(report_of(outcome))
            if outcome.error is None:
                del self._drafts[tool.name]
                return
            form.blame(outcome.error)

    def _remember(self, tool: ToolInfo, outcome: CallOutcome) -> None:
        self._scene.memory.outcomes[outcome.action_id] = outcome
        self._sights.learn(tool.module, outcome.data)


def card_of(scene: Scene) -> Card:
    """Return what the person is told before they begin."""
    kept = scene.past.get(_LAST_TIME)
    told = [each for each in kept if isinstance(each, str)] if isinstance(kept, list) else []
    return Card(scene.persona, scene.now, scene.tick_number, tuple(told[:_MOST_SENTENCES]))


def keep(scene: Scene, sentences: Iterable[str]) -> None:
    """Keep what the person is told before the persona's next tick."""
    scene.memory.kept[_LAST_TIME] = list(sentences)[:_MOST_SENTENCES]


def shelves_of(tools: Iterable[ToolInfo], mix: dict[str, float]) -> tuple[Shelf, ...]:
    """Return the modules, by how much the persona wants them, then by name.

    Args:
        tools: What the app offers.
        mix: How much the persona reaches for each module; one that offers no tool is listed too.
    """
    total = sum(mix.values()) or 1.0
    by_module: dict[str, list[ToolInfo]] = {name: [] for name, weight in mix.items() if weight > 0}
    for tool in tools:
        by_module.setdefault(tool.module, []).append(tool)
    shelves = [
        Shelf(module, tuple(found), mix.get(module, 0.0) / total)
        for module, found in by_module.items()
    ]
    return tuple(sorted(shelves, key=lambda shelf: (-shelf.wanted, shelf.module)))
