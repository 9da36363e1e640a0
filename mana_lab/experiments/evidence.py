"""The watch over a trial: whether the evidence is enough for it to end."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlalchemy import Engine, select

from mana_lab.analysis import tables
from mana_lab.analysis.contrast.evidence import Trail
from mana_lab.experiments.design import Trial

_TICK = ["id", "persona_id", "scheduled_at", "variant"]
_RATING = ["tick_id", "module", "rating", "brain"]


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
        self._trail = Trail(trial.module, trial.alpha)
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
