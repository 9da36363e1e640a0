"""How personas behave: a table of the archetypes, and what traits make of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from mana_lab.personas import Persona, Traits


@dataclass(frozen=True)
class Temper:
    """How what happened turns into a rating; the sum is rounded to 1 … 5.

    Attributes:
        start: The rating of a module that neither helped nor hurt.
        useful: What each call that brought something adds, for up to three.
        error: What each failed call takes away, for up to four.
        stuck: What it costs when a tool was given up.
        empty: What it costs when nothing that was looked for was there; less if some was.
        crowded: What it costs when a list showed more than ten things.
        fault: What it costs when the app itself broke.
        slow: What it costs when an answer took over half a minute.
        left: What it costs the module in which the patience was used up.
        candour: How far a rating follows what happened; 0 is a polite 4, whatever it was.
        facts: How many facts a note tells at most; all of them when None.
    """

    start: float = 3.6
    useful: float = 0.35
    error: float = 0.4
    stuck: float = 1.0
    empty: float = 0.6
    crowded: float = 0.0
    fault: float = 0.8
    slow: float = 0.6
    left: float = 1.0
    candour: float = 1.0
    facts: int | None = None


@dataclass(frozen=True)
class Behavior:
    """How one archetype uses an app; shares and chances are between 0 and 1.

    Attributes:
        steps: The fewest and the most things it sets out to do in a tick.
        create: Weight of adding something.
        look: Weight of reading something.
        finish: Weight of changing something that is there.
        detail: Chance of filling in an optional argument.
        blunder: Chance of getting an argument wrong in the first tick.
        learns: How much rarer practice makes blunders, and each that was understood; 0 is not.
        guesses: Chance of making an id up instead of looking for it.
        repairs: Chance that it understands what an error says.
        patience: How often it tries again after a failure.
        endurance: How many failed calls in a row use up its patience, and it leaves.
        relief: How many of them a call that works makes up for.
        rest: How many of them a day without the app makes up for.
        avoids: For how many ticks it leaves a tool alone that it gave up.
        habit: How much more it reaches for what has always worked; 0 is not at all, 1 is twice.
        makes_do: Chance of taking another module of its own when the wanted one is missing.
        tolerance: After how many given-up things it leaves a module alone for the tick.
        looks_first: Chance of reading before adding.
        wanders: Chance of looking into any module at all.
        shares: Chance of doing something in a space that is shared, where there is one.
        temper: How it judges.
    """

    steps: tuple[int, int] = (2, 5)
    create: float = 0.6
    look: float = 0.25
    finish: float = 0.15
    detail: float = 0.4
    blunder: float = 0.04
    learns: float = 0.1
    guesses: float = 0.0
    repairs: float = 0.9
    patience: int = 1
    endurance: float = 5.0
    relief: float = 0.5
    rest: float = 3.0
    avoids: int = 2
    habit: float = 0.5
    makes_do: float = 0.5
    tolerance: int = 2
    looks_first: float = 0.1
    wanders: float = 0.03
    shares: float = 0.15
    temper: Temper = field(default_factory=Temper)


DEFAULT = Behavior()
"""For an archetype that the table does not know."""

_MOST_BLUNDERS = 0.6
_MOST_GUESSES = 0.4
_TERSE = 4
"""How many facts somebody tells who writes a little less than is usual."""

ARCHETYPES: dict[str, Behavior] = {
    # starts a lot, hurries, returns to almost nothing
    "adhd-student": Behavior(
        steps=(3, 7),
        create=0.7,
        look=0.25,
        finish=0.05,
        detail=0.2,
        blunder=0.12,
        learns=0.02,
        shares=0.2,
        endurance=3.0,
        habit=0.3,
        temper=Temper(start=3.5, error=0.6, empty=0.3, crowded=0.9),
    ),
    # opens the app for a minute; one failure is one too many
    "ceo-busy": Behavior(
        steps=(1, 2),
        create=0.65,
        look=0.3,
        finish=0.05,
        detail=0.5,
        blunder=0.02,
        patience=0,
        makes_do=0.3,
        tolerance=1,
        wanders=0.0,
        endurance=1.0,
        rest=1.0,
        avoids=3,
        temper=Temper(start=3.5, useful=0.4, error=0.9, crowded=0.5, slow=1.2),
    ),
    # keeps a diary of family life between two other things
    "creative-parent": Behavior(
        steps=(2, 5),
        create=0.6,
        look=0.2,
        finish=0.2,
        detail=0.6,
        blunder=0.06,
        shares=0.25,
        temper=Temper(start=3.8, useful=0.25, error=0.5),
    ),
    # documents everything and reads error messages
    "solo-dev": Behavior(
        steps=(3, 6),
        create=0.55,
        look=0.25,
        finish=0.2,
        detail=0.9,
        blunder=0.02,
        repairs=1.0,
        patience=2,
        makes_do=0.8,
        looks_first=0.4,
        endurance=8.0,
        avoids=1,
        habit=0.2,
        temper=Temper(start=3.6, error=0.3, fault=1.4),
    ),
    # searches, excerpts, searches again
    "researcher": Behavior(
        steps=(3, 5),
        create=0.45,
        look=0.5,
        finish=0.05,
        detail=0.8,
        blunder=0.02,
        patience=2,
        looks_first=0.5,
        wanders=0.0,
        endurance=8.0,
        avoids=1,
        temper=Temper(start=3.5, empty=1.0),
    ),
    # one entry, no adjectives
    "freelancer": Behavior(
        steps=(1, 2),
        create=0.9,
        look=0.1,
        finish=0.0,
        detail=0.0,
        blunder=0.03,
        patience=0,
        wanders=0.0,
        endurance=1.0,
        rest=1.0,
        avoids=3,
        habit=1.0,
        temper=Temper(start=3.4, useful=0.5, error=0.8),
    ),
    # does not know the words yet
    "overwhelmed-newbie": Behavior(
        steps=(3, 6),
        create=0.5,
        look=0.2,
        finish=0.3,
        detail=0.4,
        blunder=0.5,
        learns=0.03,
        guesses=0.5,
        repairs=0.5,
        patience=2,
        wanders=0.12,
        endurance=4.0,
        rest=2.0,
        avoids=1,
        temper=Temper(start=3.4, useful=0.4, error=0.45, stuck=1.2, crowded=0.6),
    ),
}


def behavior_of(persona: Persona) -> Behavior:
    """Return how *persona* behaves: as their archetype does, changed by their traits.

    Usual traits change nothing. Patience moves how often something is tried and how much is put
    up with, skill the blunders and what is learnt from errors, verbosity what is filled in and how
    much a note says, honesty how far ratings follow what happened.

    Args:
        persona: Who.
    """
    usual = ARCHETYPES.get(persona.archetype, DEFAULT)
    traits = persona.traits
    if traits is None:
        return usual
    more = math.floor(4 * traits.patience - 1.5)
    skill = traits.skill
    return replace(
        usual,
        patience=max(0, usual.patience + more),
        tolerance=max(1, usual.tolerance + more),
        endurance=_between(1.0, usual.endurance, 2 * usual.endurance, traits.patience),
        blunder=_between(max(usual.blunder, _MOST_BLUNDERS), usual.blunder, 0.0, skill),
        learns=_between(0.0, usual.learns, 4 * usual.learns, skill),
        guesses=_between(max(usual.guesses, _MOST_GUESSES), usual.guesses, 0.0, skill),
        repairs=_between(usual.repairs / 2, usual.repairs, 1.0, skill),
        detail=_between(0.0, usual.detail, 1.0, traits.verbosity),
        temper=_temper(usual.temper, traits),
    )


def _temper(usual: Temper, traits: Traits) -> Temper:
    terse = traits.verbosity < Traits().verbosity
    facts = 1 + int(2 * traits.verbosity * _TERSE) if terse else usual.facts
    return replace(usual, candour=traits.honesty, facts=facts)


def _between(least: float, usual: float, most: float, amount: float) -> float:
    """Return what an *amount* of a trait comes to: *usual* in the middle between 0 and 1."""
    if amount <= 0.5:
        return least * (1 - 2 * amount) + usual * 2 * amount
    return usual * (2 - 2 * amount) + most * (2 * amount - 1)
