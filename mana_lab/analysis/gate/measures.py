"""What the gate knows of a run: for each persona and module, how often it failed and was rated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mana_lab.analysis.choosing import chosen_row
from mana_lab.analysis.statistics.units import one_brain
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.errors import BaselineError

Measure: TypeAlias = Literal["rating", "failed"]
"""``rating`` is a persona's mean rating of a module, ``failed`` the share of their failed calls."""

MEASURES: Final[tuple[Measure, ...]] = ("rating", "failed")
REACH: Final[Mapping[Measure, float]] = {"rating": 4.0, "failed": 1.0}
"""By how much two values of a measure can differ at most."""
_DAY_S = 86_400.0
_ENDED: Final = ("done", "abandoned")
_Count: TypeAlias = Annotated[int, Field(ge=0, le=10**12, strict=True)]


class Use(BaseModel):
    """What a persona did in a module, and thought of it.

    Attributes:
        calls: How many calls there were.
        failed: How many of them failed.
        ratings: How many ratings.
        rating_sum: What the ratings add up to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls: _Count = 0
    failed: _Count = 0
    ratings: _Count = 0
    rating_sum: _Count = 0

    @model_validator(mode="after")
    def _possible(self) -> Use:
        if self.failed > self.calls:
            raise ValueError("more calls failed than there were")
        if not self.ratings <= self.rating_sum <= 5 * self.ratings:
            raise ValueError("the ratings cannot add up to that")
        return self

    def __add__(self, other: Use) -> Use:
        return Use(
            calls=self.calls + other.calls,
            failed=self.failed + other.failed,
            ratings=self.ratings + other.ratings,
            rating_sum=self.rating_sum + other.rating_sum,
        )

    def value(self, measure: Measure) -> float | None:
        """Return a measure of it; None where there is nothing to measure."""
        if measure == "rating":
            return self.rating_sum / self.ratings if self.ratings else None
        return self.failed / self.calls if self.calls else None


Uses: TypeAlias = Mapping[str, Use]
"""By the persona's e-mail address."""


@dataclass(frozen=True)
class Measured:
    """A run as the gate sees it.

    Attributes:
        number: The how-manieth of its lab it was.
        seed: What all randomness derived from.
        brain: Who played the personas.
        model: The model behind that, where there was one.
        starts_at: Its first moment.
        days: How many days it was to last.
        ticks: How many ticks it had.
        failed_ticks: How many of them failed.
        personas: The addresses of those who used the app, in a tick that did not fail.
        modules: What they did, by module.
    """

    number: int
    seed: int
    brain: str
    model: str | None
    starts_at: datetime
    days: float
    ticks: int
    failed_ticks: int
    personas: frozenset[str]
    modules: Mapping[str, Uses]

    @property
    def failures(self) -> str:
        """How many of its ticks failed, in words; empty where none did."""
        if not self.failed_ticks:
            return ""
        return f"{self.failed_ticks} of the {self.ticks} ticks of run {self.number} failed"


def measured(warehouse: Warehouse, run: int = -1) -> Measured:
    """Return what the gate needs to know of a run.

    Args:
        warehouse: Where its rows are.
        run: Its number, from 1; -1 is the last one, -2 the one before.

    Raises:
        NotFoundError: There is no such run.
        BaselineError: It has not reached its end, or more than half of its ticks failed.
        MixedBrainsError: Its ratings are of several brains.
    """
    row = chosen_row(warehouse.runs_df(), run)
    number = int(row["run"])
    if row["status"] != "done":
        raise BaselineError(
            f"run {number} is {row['status']}; only a run that has reached its end is compared: "
            "go on with it (run --resume)"
        )
    actions, feedback = warehouse.actions_df(number), warehouse.feedback_df(number)
    one_brain(feedback)
    ticks = warehouse.ticks_df(number)
    ended = ticks["status"].isin(_ENDED)
    found = Measured(
        number=number,
        seed=int(row["seed"]),
        brain=row["brain"],
        model=row["model"] if isinstance(row["model"], str) else None,
        starts_at=row["starts_at"].to_pydatetime(),
        days=round((row["ends_at"] - row["starts_at"]).total_seconds() / _DAY_S, 3),
        ticks=len(ticks),
        failed_ticks=int((~ended).sum()),
        personas=frozenset(ticks.loc[ended, "email"].dropna()),
        modules=_modules(actions, feedback),
    )
    if 2 * found.failed_ticks > found.ticks:
        raise BaselineError(
            f"{found.failures}, more than half, so that nothing can be judged by it; "
            "ticks_df() tells why in failed_step and error"
        )
    return found


def _modules(actions: pd.DataFrame, feedback: pd.DataFrame) -> dict[str, dict[str, Use]]:
    keys = ["module", "email"]
    calls = actions.assign(failed=(actions["result"] == "error").astype(int)).dropna(subset=keys)
    rated = feedback.dropna(subset=[*keys, "rating"])
    counts = {
        "calls": calls.groupby(keys)["failed"].size(),
        "failed": calls.groupby(keys)["failed"].sum(),
        "ratings": rated.groupby(keys)["rating"].size(),
        "rating_sum": rated.groupby(keys)["rating"].sum(),
    }
    table = pd.DataFrame(counts).fillna(0).astype(int).sort_index()
    found: dict[str, dict[str, Use]] = {}
    for (module, email), row in zip(table.index, table.to_dict("records"), strict=True):
        found.setdefault(module, {})[email] = Use(**{str(name): n for name, n in row.items()})
    return found
