"""Which modules are rated apart: pairs after Holm, each persona with their own means.

It loads SciPy; import it where it is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from mana_lab.analysis.statistics.modules import ModuleComparison, Pair, compare_modules

SEED: Final = 7
"""Of the random signs and draws, in charts, findings and the cells that reproduce these."""
LEVEL: Final = 0.05
"""At which level something holds up, after the correction."""


@dataclass(frozen=True)
class Apart:
    """What holds up of a comparison of modules.

    Attributes:
        found: The comparison.
        pairs: The pairs that are apart after Holm, with intervals that leave out 0; those that are
            farthest apart come first.
    """

    found: ModuleComparison
    pairs: tuple[Pair, ...]


def modules_apart(feedback: pd.DataFrame) -> Apart:
    """Compare the ratings of modules and return what holds up.

    Args:
        feedback: Rows of ``feedback_df``.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: There are fewer than two modules.
    """
    found = compare_modules(feedback, seed=SEED)
    held = [pair for pair in found.pairs if _holds(pair)]
    held.sort(key=lambda pair: -abs(pair.test.effect) if pair.test else 0.0)
    return Apart(found, tuple(held))


def _holds(pair: Pair) -> bool:
    test = pair.test
    if test is None or test.interval is None:
        return False
    return pair.p_holm <= LEVEL and 0 not in test.interval
