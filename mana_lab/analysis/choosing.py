"""Choosing: a run by its number, from the front or from the end."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mana_lab.errors import NotFoundError


def chosen_run(runs: pd.DataFrame, run: int) -> pd.Series[Any]:
    """Return the row of a run.

    Args:
        runs: Rows of ``runs_df``.
        run: Its number, from 1; -1 is the last one, -2 the one before.

    Raises:
        NotFoundError: There is no such run; the message lists those that there are.
    """
    if runs.empty:
        raise NotFoundError("there is no run yet; let the personas live first")
    numbers = [int(number) for number in runs["run"]]
    if run < 0 and -run <= len(numbers):
        return runs.iloc[run]
    if run in numbers:
        return runs.iloc[numbers.index(run)]
    raise NotFoundError(f"there is no run {run}; there are: {', '.join(map(str, numbers))}")
