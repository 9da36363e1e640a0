"""The desk: what a surface shows to the person who plays, and what it asks them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from mana_lab.errors import InvalidInputError
from mana_lab.identity.wire import Space
from mana_lab.personas import Persona
from mana_lab.registry.arguments import printable
from mana_lab.runner.brain import Rating
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.human.forms import Form
from mana_lab.runner.human.telling import Report
from mana_lab.runner.recorder import storable

LONGEST_REASON = 500
"""Characters of a reason for giving up."""

_RATING = re.compile("[1-5]")
_MOST_GOT = 40


@dataclass(frozen=True)
class Card:
    """Whom the person plays, and when.

    Attributes:
        persona: Who it is.
        now: The lab's time, in the persona's time zone.
        tick_number: The persona's how-manieth time in the app it is, from 1.
        last_time: What they did the last time, a sentence each.
    """

    persona: Persona
    now: datetime
    tick_number: int
    last_time: Sequence[str] = ()


@dataclass(frozen=True)
class Shelf:
    """A module of the app.

    Attributes:
        module: Its name.
        tools: What it offers; nothing where the persona wants a module that the app does not have.
        wanted: How much of their time the persona spends there, from 0 to 1.
    """

    module: str
    tools: tuple[ToolInfo, ...]
    wanted: float


@dataclass
class Menu:
    """What can be done next.

    Attributes:
        shelves: The modules, those first that the persona wants.
        spaces: The spaces that the persona shares with others.
        space: The one that calls act in, which a surface may change; None for the own one.
    """

    shelves: tuple[Shelf, ...]
    spaces: tuple[Space, ...] = ()
    space: Space | None = None


@dataclass(frozen=True)
class Use:
    """The person wants to use a tool."""

    tool: ToolInfo


@dataclass(frozen=True)
class Miss:
    """The person wanted a module that offers nothing."""

    module: str


@dataclass(frozen=True)
class Finish:
    """The person is done."""


@dataclass(frozen=True)
class GiveUp:
    """The person leaves before they are done.

    Attributes:
        reason: Why.
    """

    reason: str


Choice: TypeAlias = Use | Miss | Finish | GiveUp


@dataclass(frozen=True)
class Line:
    """A call as the rating form lists it.

    Attributes:
        id: The id of the action.
        text: What was called and what became of it.
    """

    id: str
    text: str


@dataclass
class Verdict:
    """The rating of one module, half filled in.

    Attributes:
        module: The module.
        lines: Its calls.
        rating: What was typed; nothing is preset.
        notes: Why.
        evidence: The ids of the calls that it rests on, as far as the person says so.
        problem: What is wrong with it; None if nothing is known to be.
    """

    module: str
    lines: tuple[Line, ...]
    rating: str = ""
    notes: str = ""
    evidence: tuple[str, ...] = ()
    problem: str | None = None

    def read(self) -> Rating | None:
        """Return the rating; None if there is none that can be used, and ``problem`` says why."""
        self.problem = None
        text = self.rating.strip()
        if not _RATING.fullmatch(text):
            got = f"got {printable(text[:_MOST_GOT])!r}" if text else "and there is none yet"
            self.problem = f"the rating of {self.module} is a number from 1 to 5, {got}"
            return None
        try:
            return Rating(self.module, int(text), storable(self.notes.strip()), self.evidence)
        except InvalidInputError as error:
            self.problem = error.message
            return None


class Desk(Protocol):
    """A surface: a terminal, a form in a notebook, or whatever else asks a person.

    Every method that waits raises EOFError once the person is no longer there.
    """

    async def welcome(self, card: Card) -> None:
        """Show whom the person plays; return when they are there to play."""
        ...

    async def choose(self, menu: Menu) -> Choice:
        """Ask what to do next."""
        ...

    async def fill(self, form: Form) -> bool:
        """Let the person type into ``form.entries``.

        Returns:
            Whether the tool is to be called; False if they would rather do something else.
        """
        ...

    def tell(self, report: Report) -> None:
        """Show what became of a call."""
        ...

    async def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Let the person fill in *verdicts* until they hand them in."""
        ...

    def farewell(self, words: str) -> None:
        """Say that the tick has ended, and how."""
        ...
