"""People: names, places and words for personas that are sampled; small tables, no model."""

from __future__ import annotations

import random
from functools import cache
from importlib.resources import files
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from mana_lab.identity.wire import Traits
from mana_lab.personas.catalog import Cadence

Wordings: TypeAlias = Annotated[tuple[str, ...], Field(min_length=1)]

_MOST_NAMED = 3


class Life(BaseModel):
    """How people of one archetype live.

    Attributes:
        ages: The youngest and the oldest.
        roles: What they are.
        habits: What they want of the app.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ages: tuple[int, int]
    roles: Wordings
    habits: Wordings


class People(BaseModel):
    """The tables of ``people.json``.

    Attributes:
        first_names: ASCII, so that they can stand in an address.
        last_names: The same.
        timezones: Where people live (IANA).
        modules: What the modules of the app are for those who use them.
        lives: By archetype.
        cadences: What each cadence reads like.
        traits: For each trait what little, some and much of it reads like.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_names: Wordings
    last_names: Wordings
    timezones: Wordings
    modules: dict[str, str]
    lives: dict[str, Life]
    cadences: dict[Cadence, Wordings]
    traits: dict[str, tuple[Wordings, Wordings, Wordings]]


@cache
def people() -> People:
    """Return the tables."""
    text = files(__package__).joinpath("people.json").read_text(encoding="utf-8")
    return People.model_validate_json(text)


def names(seed: int) -> list[str]:
    """Return every first name with every last name, once each, in an order that *seed* decides."""
    known = people()
    everybody = [f"{first} {last}" for first in known.first_names for last in known.last_names]
    random.Random(f"{seed}/names").shuffle(everybody)  # noqa: S311
    return everybody


def prompt_of(
    name: str,
    archetype: str,
    mix: dict[str, float],
    cadence: Cadence,
    traits: Traits,
    dice: random.Random,
) -> str:
    """Return who somebody is, for a model that plays them.

    Args:
        name: First and last name.
        archetype: One of ``people().lives``.
        mix: How much they reach for each module.
        cadence: How often they use the app.
        traits: What they are like.
        dice: Chooses the age and the wording.
    """
    known = people()
    life = known.lives[archetype]
    sentences = [
        f"You are {name}, {dice.randint(*life.ages)}, {dice.choice(life.roles)}.",
        dice.choice(life.habits),
        _turns_to(mix),
        dice.choice(known.cadences[cadence]),
    ]
    for trait, wordings in known.traits.items():
        amount = min(int(getattr(traits, trait) * len(wordings)), len(wordings) - 1)
        sentences.append(dice.choice(wordings[amount]))
    return " ".join(sentences)


def _turns_to(mix: dict[str, float]) -> str:
    most = sorted(mix, key=lambda module: (-mix[module], module))[:_MOST_NAMED]
    first, *others = (people().modules.get(module, module) for module in most)
    then = f", then to {' and '.join(others)}" if others else ""
    return f"In the app you turn to {first} most{then}."
