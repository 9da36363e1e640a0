"""The desk in a terminal: a person plays a persona by plain prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mana_lab.commands.filling import explain, fill, purpose
from mana_lab.commands.judging import judge
from mana_lab.commands.picking import hint, pick
from mana_lab.commands.screen import Screen
from mana_lab.runner import ToolInfo
from mana_lab.runner.human import (
    Card,
    Choice,
    Finish,
    Form,
    GiveUp,
    Menu,
    Miss,
    Report,
    Shelf,
    Use,
    Verdict,
)

_HELP = """\
a number or a name   choose a module, then a tool; a tool's whole name works at once
list                 list what can be chosen
help TOOL            tell what a tool does and what it takes
back                 go back to the modules
show                 show the last answer in full
me                   tell again whom you play
space NAME           act in a shared space; space alone lists them, space own leaves it
done                 end the visit and rate what you used
give up REASON       leave before you are done
Ctrl-C               leave at once; the calls made are kept"""


class TerminalDesk:
    """Shows everything as lines, and asks for one line at a time.

    Args:
        screen: Where it shows and asks.

    Attributes:
        sittings: How many ticks were begun.
    """

    def __init__(self, screen: Screen) -> None:
        self.sittings = 0
        self._screen = screen
        self._card: Card | None = None
        self._shelf: Shelf | None = None
        self._last: Report | None = None
        self._deserted = asyncio.Event()

    async def deserted(self) -> None:
        """Return once a tick waits for a person who has left."""
        await self._deserted.wait()

    async def welcome(self, card: Card) -> None:
        """Tell whom the person plays; waits for good once they have left."""
        if self._screen.keyboard.has_left:
            self._deserted.set()
            await asyncio.get_running_loop().create_future()
        self.sittings += 1
        self._card, self._shelf, self._last = card, None, None
        self._introduce(card)

    async def choose(self, menu: Menu) -> Choice:
        """Ask for a module and a tool."""
        if self._shelf is None:
            self._list(menu)
        while True:
            where = self._shelf.module if self._shelf else "module"
            entry = (await self._screen.ask(where)).strip()
            choice = await self._obey(entry, menu) if entry else None
            if choice is not None:
                return choice

    async def fill(self, form: Form) -> bool:
        """Ask for one argument after the other."""
        return await fill(self._screen, form)

    def tell(self, report: Report) -> None:
        """Show what became of a call."""
        self._screen.show(report.headline, "green" if report.ok else "red")
        for line in report.lines:
            self._screen.show(line, indent=2)
        self._last = report

    async def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Ask for one rating after the other."""
        await judge(self._screen, verdicts)

    def farewell(self, words: str) -> None:
        """Say how the tick ended."""
        self._screen.show(words, "bold")

    async def _obey(self, entry: str, menu: Menu) -> Choice | None:
        """Do what was typed; None if the person is still choosing."""
        word, _, rest = entry.partition(" ")
        rest = rest.strip()
        if entry.casefold() == "done":
            return Finish()
        if word.casefold() == "give" and rest.casefold().partition(" ")[0] == "up":
            return GiveUp(rest[2:].strip() or await self._screen.ask("why do you give up"))
        match word.casefold():
            case "help":
                self._help(rest, menu)
            case "list":
                self._list(menu)
            case "back":
                self._shelf = None
                self._list(menu)
            case "show":
                self._screen.show(self._last.whole if self._last else "nothing was called yet")
            case "me" if self._card is not None:
                self._introduce(self._card)
            case "space":
                self._move(rest, menu)
            case _:
                return self._find(entry, menu)
        return None

    def _find(self, entry: str, menu: Menu) -> Choice | None:
        tool = self._tool(entry, menu)
        if tool is not None:
            return Use(tool)
        modules = [shelf.module for shelf in menu.shelves]
        place = pick(modules, entry) if self._shelf is None or not entry.isdigit() else None
        if place is None:
            known = [*modules, *(each.name for each in _all_tools(menu))]
            self._screen.wrong(f"there is no {entry[:60]!r} here{hint(known, entry)}")
            self._screen.show("list shows what there is, help what can be typed", "dim")
            return None
        shelf = menu.shelves[place]
        if not shelf.tools:
            self._screen.wrong(f"the app has no {shelf.module}; that you wanted it is noted")
            return Miss(shelf.module)
        self._shelf = shelf
        self._list(menu)
        return None

    def _tool(self, entry: str, menu: Menu) -> ToolInfo | None:
        """Return the tool that *entry* names: one of the module, or any by its whole name."""
        if self._shelf is not None:
            names = [tool.name for tool in self._shelf.tools]
            verb = f"{self._shelf.module}.{entry}"
            place = pick(names, entry)
            place = pick(names, verb) if place is None else place
            if place is not None:
                return self._shelf.tools[place]
        found = [tool for tool in _all_tools(menu) if tool.name.casefold() == entry.casefold()]
        return found[0] if found else None

    def _list(self, menu: Menu) -> None:
        screen = self._screen
        if self._shelf is None:
            screen.show("Modules", "bold")
            screen.listed(
                [shelf.module for shelf in menu.shelves], [_note(shelf) for shelf in menu.shelves]
            )
            screen.show("Type a number or a name; also: help, me, space, done, give up.", "dim")
        else:
            tools = self._shelf.tools
            screen.show(f"Tools of {self._shelf.module}", "bold")
            screen.listed([tool.name for tool in tools], [purpose(tool) for tool in tools])
            screen.show("Type a number or a name; also: help TOOL, back, done, give up.", "dim")

    def _introduce(self, card: Card) -> None:
        screen, persona = self._screen, card.persona
        screen.show()
        screen.show(f"You are {persona.name} ({persona.archetype}).", "bold")
        screen.show(persona.system_prompt, indent=2)
        screen.show(
            f"It is {card.now:%A, %Y-%m-%d %H:%M} in {persona.timezone}. "
            f"You write in {persona.language}. This is visit {card.tick_number}."
        )
        for sentence in card.last_time:
            screen.show(f"Last time: {sentence}", "dim", indent=2)

    def _help(self, name: str, menu: Menu) -> None:
        if not name:
            self._screen.show(_HELP, indent=2)
            return
        tool = self._tool(name, menu)
        if tool is None:
            self._screen.wrong(f"there is no tool {name[:60]!r}; list shows what there is")
            return
        explain(self._screen, tool)

    def _move(self, name: str, menu: Menu) -> None:
        names = [space.slug or space.name for space in menu.spaces]
        if name.casefold() == "own":
            menu.space = None
        elif name and (place := pick(names, name)) is not None:
            menu.space = menu.spaces[place]
        elif name:
            self._screen.wrong(f"you share no space {name[:60]!r}")
        if not name or menu.space is None:
            self._screen.listed(names, [f"{space.name}, {space.type}" for space in menu.spaces])
        here = "your own space" if menu.space is None else f"the space {menu.space.name}"
        self._screen.show(f"You act in {here}.")


def _all_tools(menu: Menu) -> list[ToolInfo]:
    return [tool for shelf in menu.shelves for tool in shelf.tools]


def _note(shelf: Shelf) -> str:
    count = len(shelf.tools)
    offered = "nothing" if not count else "1 tool" if count == 1 else f"{count} tools"
    return f"{offered}, {shelf.wanted:.0%} of what you come for" if shelf.wanted else offered
