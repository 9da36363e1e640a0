"""Runs as the gate sees them, made of numbers."""

import random
from datetime import UTC, datetime

from mana_lab.analysis.gate import Measured, baseline_of
from mana_lab.analysis.gate.measures import Use

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
MODULES = ("notes", "todo")


def email(number):
    return f"persona.p{number}@mana.test"


def used(seed, *, personas=10, modules=MODULES, drop=0.0, failing=0.0, broken=()):
    """Return what personas did: ten calls and four ratings each, with noise of the seed.

    In modules that are *broken*, ratings are lower by *drop*, and more calls fail.
    """
    draw = random.Random(seed)
    found = {}
    for module in modules:
        worse = module in broken
        found[module] = {
            email(n): Use(
                calls=10,
                failed=draw.choice([0, 1, 2]) + round(10 * failing * worse),
                ratings=4,
                rating_sum=draw.choice([15, 16, 17]) - round(4 * drop * worse),
            )
            for n in range(personas)
        }
    return found


def run_of(modules, seed=1, **more):
    people = frozenset(who for uses in modules.values() for who in uses)
    facts = {
        "number": 1,
        "seed": seed,
        "brain": "scripted",
        "model": None,
        "starts_at": MONDAY,
        "days": 7.0,
        "ticks": 70,
        "failed_ticks": 0,
        "personas": people,
        "modules": modules,
    }
    return Measured(**facts | more)


def a_a(**more):
    """Return the baseline of two runs in which nothing was changed."""
    runs = [run_of(used(seed, **more), seed) for seed in (1, 2)]
    return baseline_of(runs, made_by="0.1.0")
