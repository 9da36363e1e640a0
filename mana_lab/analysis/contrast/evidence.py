"""Evidence: what is known of a trial after each of its moments, and whether that is enough.

It is an e-process (:mod:`mana_lab.analysis.statistics.sequential`): it may be looked at after
every moment, and the trial stopped, without more false alarms than agreed.
"""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from mana_lab.analysis.contrast.arms import ALPHA, TREATMENT, Varied
from mana_lab.analysis.statistics.sequential import Coin, EProcess, Evidence


class Trail:
    """The evidence of a trial, moment by moment.

    Args:
        module: The one whose ratings the trial is about; None for all.
        alpha: How often it may end although there is no effect.
    """

    def __init__(self, module: str | None, alpha: float) -> None:
        self._module = module
        self._bets = EProcess(coin_of="persona", alpha=alpha)
        self._moments = 0
        self._seen: set[str] = set()
        self._brains: set[str] = set()
        self.evidence: Evidence | None = None

    def add(self, ticks: pd.DataFrame, ratings: pd.DataFrame) -> Evidence | None:
        """Take the ticks that are new, and return what is known then.

        None before any rating, and where brains of different kinds rated: they do not mean the same
        by a number.

        Args:
            ticks: Ended ticks with ``id``, ``persona_id``, ``scheduled_at`` and ``variant``.
            ratings: Ratings with ``tick_id``, ``module``, ``rating`` and ``brain``.
        """
        new = ticks[~ticks["id"].isin(self._seen)]
        self._seen.update(new["id"])
        chosen = ratings[ratings["tick_id"].isin(new["id"])]
        if self._module is not None:
            chosen = chosen[chosen["module"] == self._module]
        self._brains.update(chosen["brain"])
        if len(self._brains) > 1:
            self.evidence = None
            return None
        means = chosen.groupby("tick_id")["rating"].mean()
        for _, together in new.groupby("scheduled_at", sort=True):
            self._moments += 1
            of = together.set_index("id")
            known = means.reindex(of.index).dropna()
            rated: dict[Hashable, float] = dict(
                zip(of["persona_id"][known.index], known, strict=True)
            )
            coins: dict[Hashable, Coin] = {
                who: 1 if variant == TREATMENT else -1
                for who, variant in zip(of["persona_id"], of["variant"], strict=True)
            }
            if rated:
                self.evidence = self._bets.add(self._moments, rated, coins)
        return self.evidence


def evidence_of(varied: Varied) -> Evidence | None:
    """Return what is known at the end of a trial; None as for :meth:`Trail.add`.

    Args:
        varied: What it left behind; its design says which module it is about, and its level.
            Ticks that the washout leaves out count here: whether one is left out depends on its
            own coin, and bets are fair only where nothing does.
    """
    trail = Trail(varied.design.get("module"), float(varied.design.get("alpha", ALPHA)))
    return trail.add(varied.every_tick, varied.every_rating)
