"""Brains: what decides a persona's calls and judges what came of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from mana_lab.crypto import canonical_json
from mana_lab.errors import InvalidInputError
from mana_lab.personas import Persona
from mana_lab.runner.calls import CallOutcome, Toolbox
from mana_lab.runner.meter import Meter, Tally
from mana_lab.runner.recorder import Action
from mana_lab.runner.tape import Live, Tape

_LONGEST_NOTE = 1000
_LONGEST_KEPT = 64 * 1024


@dataclass
class TickMemory:
    """What a brain keeps from using the app until it rates it; gone when the tick ends.

    Attributes:
        outcomes: What the calls of this tick brought, by action id.
        skipped_modules: How often the persona wanted a module that offers no tool.
        kept: What the persona is to remember in its next tick, as JSON; see :attr:`Scene.past`.
        gave_up: Why the persona left for good before it was done; None if it did not.
        prompt_hash: SHA-256 of what a model was told, in hex; None where no model plays.
    """

    outcomes: dict[str, CallOutcome] = field(default_factory=dict)
    skipped_modules: Counter[str] = field(default_factory=Counter)
    kept: dict[str, Any] = field(default_factory=dict)
    gave_up: str | None = None
    prompt_hash: str | None = None


@dataclass
class Scene:
    """The situation in which a brain acts: who, when, and with which randomness.

    Attributes:
        persona: Whom the brain plays.
        tick_number: The persona's how-manieth tick this is, from 1, over all runs of the lab.
        now: The lab's time, in the persona's time zone.
        random: Seeded by the run's seed, the persona and the tick; the only randomness to use.
        memory: What the brain keeps from using the app until it rates it.
        past: What the same brain kept at the end of the persona's last tick; empty before that.
        meter: Counts what a model takes, and holds it to its limits.
        tape: Asks a model, or knows what it said.
    """

    persona: Persona
    tick_number: int
    now: datetime
    random: random.Random
    memory: TickMemory = field(default_factory=TickMemory)
    past: Mapping[str, Any] = field(default_factory=dict)
    meter: Meter = field(default_factory=Tally)
    tape: Tape = field(default_factory=Live)

    @property
    def skipped_modules(self) -> Counter[str]:
        """How often the persona wanted a module that offers no tool."""
        return self.memory.skipped_modules


@dataclass(frozen=True)
class Rating:
    """What a persona thinks of one module after a tick.

    Attributes:
        module: The module, such as ``todo``.
        rating: 1 (frustrating) to 5 (really helps).
        notes: Why, in at most 1000 characters.
        evidence: The ids of the actions that it rests on.

    Raises:
        InvalidInputError: A field is outside its range; nothing is rounded or made up.
    """

    module: str
    rating: int
    notes: str
    evidence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.rating) is not int or not 1 <= self.rating <= 5:
            raise InvalidInputError(
                f"the rating of {self.module} must be a whole number from 1 to 5, "
                f"got {self.rating!r}"
            )
        if len(self.notes) > _LONGEST_NOTE:
            raise InvalidInputError(
                f"the notes on {self.module} may have {_LONGEST_NOTE} characters, "
                f"got {len(self.notes)}"
            )


@runtime_checkable
class Brain(Protocol):
    """Whatever plays a persona: a script, a model or a human.

    Attributes:
        name: Which brain it is; every row it causes says so.
        model: The model behind it, where there is one.
    """

    @property
    def name(self) -> str:
        """Which brain it is."""
        ...

    @property
    def model(self) -> str | None:
        """The model behind it, where there is one."""
        ...

    async def use(self, app: Toolbox, scene: Scene) -> None:
        """Spend one tick with the app: every call goes through *app*, which audits it."""
        ...

    async def rate(self, scene: Scene, actions: Sequence[Action]) -> Sequence[Rating]:
        """Rate the modules that *actions* touched."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A brain that costs money."""

    def require_price(self) -> None:
        """Check that it is known what a request, or at the most a tick, costs.

        Raises:
            SettingsError: It is not.
        """
        ...


def check_kept(kept: Mapping[str, Any]) -> None:
    """Check that what a brain keeps until the next tick can be kept.

    Raises:
        InvalidInputError: It is not JSON, or too long.
    """
    length = len(canonical_json(dict(kept)))
    if length > _LONGEST_KEPT:
        raise InvalidInputError(
            f"a brain may keep {_LONGEST_KEPT} characters of JSON until the next tick, got {length}"
        )


def check_ratings(ratings: Sequence[Rating], actions: Sequence[Action]) -> None:
    """Check that *ratings* speak about what happened in the tick.

    Raises:
        InvalidInputError: A module was rated twice or not touched, or the evidence is not an
            action of the tick.
    """
    modules = {action.module for action in actions}
    known = {action.id for action in actions}
    rated: set[str] = set()
    for rating in ratings:
        if rating.module not in modules:
            raise InvalidInputError(f"{rating.module} was rated, but no call touched it")
        if rating.module in rated:
            raise InvalidInputError(f"{rating.module} was rated twice in one tick")
        if not known.issuperset(rating.evidence):
            raise InvalidInputError(
                f"the rating of {rating.module} cites an action that is not of this tick"
            )
        rated.add(rating.module)
