"""Sampling: any number of personas, spread evenly over what people can be like.

The points are those of a scrambled Sobol' sequence (Owen 1998; direction numbers of Joe and Kuo
2008), which fill the space of the traits more evenly than independent draws. Persona number *i*
depends on the seed and on *i* alone, so a smaller sample is the beginning of a larger one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from mana_lab.identity.wire import Traits
from mana_lab.personas.catalog import (
    DOMAIN,
    Cadence,
    Catalog,
    Persona,
    SharedSpace,
    SharedSpaceType,
)
from mana_lab.personas.choices import Choice, Range, number, trait_ranges, whole
from mana_lab.personas.people import names, people, prompt_of
from mana_lab.personas.reading import load_catalog

MOST = 20_000
"""The largest sample: as many names as there are, and some to spare."""

CADENCES: Mapping[Cadence, float] = {"daily": 0.6, "weekdays": 0.36, "hourly": 0.04}
"""How often sampled personas use the app, unless told otherwise."""

_DIMENSIONS = 24
_ARCHETYPE, _CADENCE, _ZONE, _MODULES = 4, 5, 6, 7
"""Places in a point; the traits stand first, where the sequence is best."""

_BITS = 30
_SEEDS = 2**64
_TRAIT_DIGITS = 4
_SHARE_DIGITS = 3


def sample(
    n: int,
    seed: int,
    *,
    traits: Mapping[str, Range] | None = None,
    archetypes: Mapping[str, float] | None = None,
    cadences: Mapping[Cadence, float] | None = None,
    concentration: float = 12.0,
    shared: float = 0.0,
) -> Catalog:
    """Return *n* personas around the archetypes of the shipped catalog.

    The same arguments give the same personas everywhere, and ``sample(100, seed=7)`` is the first
    half of ``sample(200, seed=7)``. No two have one name or address.

    Args:
        n: How many, from 1 to 20,000.
        seed: What they all derive from: a whole number of 64 bits.
        traits: From where to where a trait goes, such as ``{"honesty": (0.7, 1.0)}``; the others
            go from 0 to 1.
        archetypes: Weights by name; by default all are equally frequent.
        cadences: Weights of ``hourly``, ``daily`` and ``weekdays``; see :data:`CADENCES`.
        concentration: How close a persona's module mix is to the mean of their archetype: the mix
            is a draw of the Dirichlet distribution with this sum of parameters, from 1, where
            most use one or two modules, to 1000, where hardly anybody differs.
        shared: The share of the personas, from 0 to 1, that are in a space with another one.

    Raises:
        InvalidInputError: An argument is not one of those.
    """
    n = whole("n", n, 1, MOST)
    seed = whole("seed", seed, -(2**63), 2**63 - 1)
    mixes = _mixes()
    wanted = _Wanted(
        seed,
        trait_ranges(traits),
        Choice.of(
            "archetypes", dict.fromkeys(mixes, 1) if archetypes is None else archetypes, [*mixes]
        ),
        Choice[Cadence].of(
            "cadences", CADENCES if cadences is None else cadences, get_args(Cadence)
        ),
        number("concentration", concentration, 1, 1000),
        mixes,
    )
    shared = number("shared", shared, 0, 1)
    personas = [
        wanted.persona(place, name, point)
        for place, (name, point) in enumerate(zip(names(seed), _points(n, seed), strict=False))
    ]
    return Catalog(personas, _spaces(personas, shared, seed))


@dataclass(frozen=True)
class _Wanted:
    """What the personas are to be like, checked."""

    seed: int
    ranges: Mapping[str, Range]
    archetypes: Choice[str]
    cadences: Choice[Cadence]
    concentration: float
    mixes: Mapping[str, Mapping[str, float]]

    def persona(self, place: int, name: str, point: Sequence[float]) -> Persona:
        dice = random.Random(f"{self.seed}/{place}")  # noqa: S311
        traits = Traits(
            **{
                trait: min(high, max(low, round(low + (high - low) * where, _TRAIT_DIGITS)))
                for (trait, (low, high)), where in zip(self.ranges.items(), point, strict=False)
            }
        )
        archetype = self.archetypes.pick(point[_ARCHETYPE])
        cadence = self.cadences.pick(point[_CADENCE])
        mix = _perturbed(self.mixes[archetype], self.concentration, point[_MODULES:])
        zones = people().timezones
        return Persona(
            name=name,
            email=f"persona.{name.lower().replace(' ', '.')}{DOMAIN}",
            archetype=archetype,
            system_prompt=prompt_of(name, archetype, mix, cadence, traits, dice),
            module_mix=mix,
            tick_cadence=cadence,
            timezone=zones[int(point[_ZONE] * len(zones))],
            traits=traits,
        )


def _points(n: int, seed: int) -> list[list[float]]:
    """Return *n* points of the open unit cube."""
    import numpy as np
    from scipy.stats import qmc

    generator = np.random.default_rng(seed % _SEEDS)
    sequence = qmc.Sobol(_DIMENSIONS, bits=_BITS, rng=generator)
    points = sequence.random_base2((n - 1).bit_length())[:n]
    middle: list[list[float]] = (points + 0.5 ** (_BITS + 1)).tolist()
    return middle


def _mixes() -> dict[str, dict[str, float]]:
    """Return the mean module mix of the shipped personas of each archetype."""
    found: dict[str, list[Persona]] = {}
    for persona in load_catalog():
        found.setdefault(persona.archetype, []).append(persona)
    return {archetype: _mean(each) for archetype, each in found.items()}


def _mean(personas: Sequence[Persona]) -> dict[str, float]:
    mean: dict[str, float] = {}
    for persona in personas:
        total = sum(persona.module_mix.values()) * len(personas)
        for module, weight in persona.module_mix.items():
            mean[module] = mean.get(module, 0.0) + weight / total
    return dict(sorted(mean.items()))


def _perturbed(
    mix: Mapping[str, float], concentration: float, where: Sequence[float]
) -> dict[str, float]:
    """Return a draw of the Dirichlet distribution around *mix*, by quantiles of gamma variables.

    Rounding hides that the last bits of a quantile differ between machines.
    """
    from scipy.special import gammaincinv

    drawn = gammaincinv([concentration * share for share in mix.values()], where[: len(mix)])
    shares = (drawn / drawn.sum()).round(_SHARE_DIGITS).tolist()
    return {module: share for module, share in zip(mix, shares, strict=True) if share > 0}


def _spaces(personas: Sequence[Persona], shared: float, seed: int) -> list[SharedSpace]:
    """Return spaces for pairs of neighbours, as evenly along the sample as *shared* allows."""
    pairs = zip(personas[::2], personas[1::2], strict=False)
    kinds: tuple[SharedSpaceType, ...] = get_args(SharedSpaceType)
    return [
        SharedSpace(
            name=f"{one.name} and {other.name}",
            slug=f"{one.slug}-and-{other.slug}",
            type=random.Random(f"{seed}/space/{place}").choice(kinds),  # noqa: S311
            members=(one.name, other.name),
        )
        for place, (one, other) in enumerate(pairs)
        if int((place + 1) * shared) > int(place * shared)
    ]
