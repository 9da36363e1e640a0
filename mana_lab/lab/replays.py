"""What came of a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from mana_lab.runner.ledger_tape import RunTape
from mana_lab.runner.replay.comparing import Difference, Lived

if TYPE_CHECKING:
    import pandas as pd

    from mana_lab.analysis import RunChoice, Warehouse

Mode: TypeAlias = Literal["brain", "all"]
"""``brain``: what models said comes from the tape, and the app is there; ``all``: no app either."""

_COLUMNS = {
    "actions": ["tool_name", "result", "error_code", "error_message", "input_hash", "id"],
    "ratings": ["module", "rating", "notes", "evidence", "id"],
}


@dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Attributes:
        mode: What came from the tape.
        ticks: How many ticks there were.
        calls: How many calls.
        difference: The first place at which it differs from the run; None if it does not.
        actions_df: The calls, as those of a lab.
        feedback_df: The ratings, as those of a lab.
    """

    mode: Mode
    ticks: int
    calls: int
    difference: Difference | None
    actions_df: pd.DataFrame = field(repr=False)
    feedback_df: pd.DataFrame = field(repr=False)

    @property
    def same(self) -> bool:
        """Whether it is the same run again."""
        return self.difference is None

    def __str__(self) -> str:
        if self.difference is None:
            return f"no difference in {self.calls} calls of {self.ticks} ticks"
        return f"the first difference: {self.difference}"


def lived_on_tape(tape: RunTape, warehouse: Warehouse, run: RunChoice = None) -> list[Lived]:
    """Return the ticks of a run with their ratings.

    Args:
        tape: What the run has on tape.
        warehouse: Where its ratings are.
        run: Which run, where there are several.
    """
    ratings: dict[str, dict[str, tuple[int, str]]] = {}
    for row in warehouse.feedback_df(run).to_dict("records"):
        notes = row["notes"] if isinstance(row["notes"], str) else ""
        ratings.setdefault(row["tick_id"], {})[row["module"]] = (int(row["rating"]), notes)
    return [Lived(tick, ratings.get(tick.tick_id, {})) for tick in tape.ticks]


def difference_of_frames(
    what: Literal["actions", "ratings"], was: pd.DataFrame, became: pd.DataFrame
) -> Difference | None:
    """Return the first row at which two frames differ; None if they are the same."""
    if was.equals(became):
        return None
    old, new = (_rows(what, frame) for frame in (was, became))
    places = (n for n in range(max(len(old), len(new))) if old[n : n + 1] != new[n : n + 1])
    place = next(places, 0)
    row = (was if place < len(was) else became).iloc[place]
    texts = [str(rows[place]) if place < len(rows) else None for rows in (old, new)]
    return Difference(row["email"], int(row["tick"]), what, None, *texts)


def _rows(what: str, frame: pd.DataFrame) -> Sequence[tuple[object, ...]]:
    shown = frame[_COLUMNS[what]].astype("object")
    return list(shown.where(shown.notna(), None).itertuples(index=False, name=None))
