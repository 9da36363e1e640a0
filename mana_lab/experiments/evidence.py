"""Evidence: what is known of a trial after each of its moments, and whether that is enough.

It is an e-process (:mod:`mana_lab.analysis.statistics.sequential`): it may be looked at after
every moment, and the trial stopped, without more false alarms than agreed.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
from sqlalchemy import Engine, select

from mana_lab.analysis import tables
from mana_lab.analysis.contrast.arms import TREATMENT, Varied
from mana_lab.analysis.statistics.sequential import Coin, EProcess, Evidence
from mana_lab.experiments.design import Trial

_TICK = ["id", "persona_id", "scheduled_at", "variant"]
_RATING = ["tick_id", "module", "rating", "brain"]


class Trail:
    """The evidence of a trial, moment by moment.

    Args:
        trial: The trial.
    """

    def __init__(self, trial: Trial) -> None:
        self._module = trial.module
        self._bets = EProcess(coin_of="persona", alpha=trial.alpha)
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


class Watch:
    """Looks at a trial after each of its moments.

    Args:
        identity: The database of the identity service, for reading.
        ledger: The ledger's.
        trial: The trial.
    """

    def __init__(self, identity: Engine, ledger: Engine, trial: Trial) -> None:
        self._identity = identity
        self._ledger = ledger
        self._trail = Trail(trial)
        self._last: Any = None

    async def enough(self, run: str) -> str | None:
        """Return why the run may end; None while it is not clear.

        Args:
            run: The run's id.
        """
        ticks = self._ticks(run)
        found = self._trail.add(ticks, self._ratings(run, list(ticks["id"])))
        if found is None or not found.should_stop:
            return None
        return (
            f"the evidence is enough: e = {found.largest:.1f} (p = {found.p:.4f}) after "
            f"{found.n_bets} ratings of {found.n_personas} personas"
        )

    def _ticks(self, run: str) -> pd.DataFrame:
        """Return the ticks that have ended since it was looked last."""
        of = tables.TICKS.c
        query = select(*(of[name] for name in _TICK)).where(
            of.run_id == run, of.status.in_(("done", "abandoned")), of.variant.is_not(None)
        )
        if self._last is not None:
            query = query.where(of.scheduled_at >= self._last)
        with self._ledger.connect() as connection:
            found = pd.DataFrame(connection.execute(query).all(), columns=_TICK)
        if len(found):
            self._last = found["scheduled_at"].max().to_pydatetime()
        return found

    def _ratings(self, run: str, ticks: list[str]) -> pd.DataFrame:
        of = tables.FEEDBACK.c
        query = select(*(of[name] for name in _RATING)).where(
            of.run_id == run, of.tick_id.in_(ticks)
        )
        with self._identity.connect() as connection:
            rows = connection.execute(query).all()
        return pd.DataFrame(rows, columns=_RATING)


def evidence_of(varied: Varied, trial: Trial) -> Evidence | None:
    """Return what is known at the end of a trial; None as for :meth:`Trail.add`."""
    return Trail(trial).add(varied.ticks, varied.ratings)
