"""The summary: what each persona came to, in one row."""

from __future__ import annotations

import pandas as pd

from mana_lab.analysis.choosing import RunChoice
from mana_lab.analysis.warehouse import Warehouse

_COLUMNS = [
    "persona",
    "archetype",
    "ticks",
    "failed_ticks",
    "calls",
    "errors",
    "ratings",
    "mean_rating",
]


def summary(warehouse: Warehouse, run: RunChoice = None) -> pd.DataFrame:
    """Return what each persona did and thought.

    Args:
        warehouse: Where the data come from.
        run: A run, its id or its number; None for everything.

    Returns:
        A row per persona, sorted by name, with ``persona``, ``archetype``, ``ticks``,
        ``failed_ticks``, ``calls``, ``errors``, ``ratings`` (how many) and ``mean_rating``
        (missing where there are none).

    Raises:
        NotFoundError: There is no such run.
    """
    people = warehouse.personas_df().set_index("email", drop=False)
    ticks = warehouse.ticks_df(run)
    actions = warehouse.actions_df(run)
    feedback = warehouse.feedback_df(run)
    people["ticks"] = _count(ticks, people)
    people["failed_ticks"] = _count(ticks[ticks["status"] == "failed"], people)
    people["calls"] = _count(actions, people)
    people["errors"] = _count(actions[actions["result"] == "error"], people)
    people["ratings"] = _count(feedback, people)
    means = feedback.groupby("email")["rating"].mean()
    people["mean_rating"] = means.reindex(people.index).astype("float64")
    return people.reset_index(drop=True)[_COLUMNS]


def _count(rows: pd.DataFrame, people: pd.DataFrame) -> pd.Series[int]:
    counts = rows["email"].value_counts().reindex(people.index)
    return counts.fillna(0).astype("int64")
