"""The screen of a conversation: lines that are shown, questions that are asked one by one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from mana_lab.commands.keyboard import Keyboard
from mana_lab.registry.arguments import printable


class Screen:
    """Shows text and asks for lines, in a terminal or over a pipe.

    Args:
        keyboard: Where answers come from.
        console: Where it writes; standard output by default.
    """

    def __init__(self, keyboard: Keyboard, console: Console | None = None) -> None:
        self.keyboard = keyboard
        self._console = console or _LeavingConsole(keyboard)

    def show(self, text: str = "", style: str = "", *, indent: int = 0) -> None:
        """Show text, wrapped to the width of the terminal; it may come from anywhere."""
        width = self._console.width - indent
        for line in text.splitlines() or [""]:
            for part in Text(printable(line), style).wrap(self._console, max(width, 1)):
                part.rstrip()
                part.pad_left(indent)
                self._console.print(part, no_wrap=True)

    def wrong(self, text: str) -> None:
        """Say what cannot be used."""
        self.show(text, "red")

    def listed(self, names: Sequence[str], notes: Sequence[str]) -> None:
        """Show a numbered list.

        Args:
            names: What there is.
            notes: What is said of each.
        """
        shown = [printable(name) for name in names]
        width = max(map(len, shown), default=0)
        for number, (name, note) in enumerate(zip(shown, notes, strict=True), 1):
            line = Text(f"{number:>3}  ", "dim").append(f"{name:<{width}}", "bold")
            line.append(f"  {printable(note)}")
            line.rstrip()
            self._console.print(line, no_wrap=True, overflow="ellipsis")

    async def ask(self, prompt: str) -> str:
        """Ask for a line; one that ends with a backslash goes on in the next.

        Raises:
            EOFError: Nobody answers any more.
        """
        self._console.print(Text(f"{printable(prompt)}> ", "bold cyan"), end="")
        entry = await self._line()
        while entry.endswith("\\"):
            self._console.print(Text("… ", "bold cyan"), end="")
            entry = f"{entry[:-1]}\n{await self._line()}"
        return entry

    async def _line(self) -> str:
        try:
            entry = await self.keyboard.line()
        except EOFError:
            self.show()
            raise
        if not self.keyboard.shows_typing:
            self.show(entry)
        return entry


class _LeavingConsole(Console):
    """A console that takes a reader that went away for the person who left."""

    def __init__(self, keyboard: Keyboard) -> None:
        super().__init__(highlight=False, markup=False, emoji=False)
        self._keyboard = keyboard

    def on_broken_pipe(self) -> None:
        """Write nothing more, and let nobody wait for an answer."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        self._keyboard.leave()
