"""Differences between treatment and control, as they are told: in rows, in words, on a scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from mana_lab.errors import InvalidInputError

if TYPE_CHECKING:
    from mana_lab.analysis.contrast import Contrast, Named

_KEY: Final = ["module", "tool", "measure"]
_COLUMNS: Final = [
    "difference",
    "low",
    "high",
    "unit",
    "p_within",
    "p_adjusted",
    "personas",
    "changed",
    "noise",
]


@dataclass(frozen=True)
class Told:
    """How a measure is told.

    Attributes:
        name: The measure in a word or two.
        unit: What its differences are in, on the scale of *times*.
        said: A difference in a sentence, with a place for how much and one for the direction.
        directions: What a higher and a lower value is called there.
        times: What differences are multiplied with to be told.
        digits: How many digits are told behind the point.
    """

    name: str
    unit: str
    said: str
    directions: tuple[str, str] = ("more", "fewer")
    times: float = 1.0
    digits: int = 2

    @property
    def head(self) -> str:
        """The measure and its unit, in two lines."""
        return f"{self.name}\n({self.unit})"

    def words(self, difference: float) -> str:
        """Return a difference as a part of a sentence."""
        return self.said.format(self._size(difference), self.directions[int(difference < 0)])

    def signed(self, difference: float) -> str:
        """Return a difference with its sign, as it stands beside a mark."""
        return f"{'-' if difference < 0 else '+'}{self._size(difference)}"

    def tick(self, value: float) -> str:
        """Return a number of the axis."""
        return f"{value * self.times:+.3g}" if value else "0"

    def _size(self, difference: float) -> str:
        return f"{abs(difference) * self.times:.{self.digits}f}"


def _share(name: str, said: str) -> Told:
    sentence = f"{{}} percentage points {{}} of its calls {said}"
    return Told(name, "% points", sentence, times=100, digits=0)


TOLD: Final = {
    "rating": Told("rating", "points", "it is rated {} points {}", ("higher", "lower")),
    "failures": _share("failed", "failed"),
    "repeats": _share("repeated", "repeated an earlier one"),
    "slow": _share("took over 5 s", "took over 5 s"),
    "calls": Told("calls", "a tick", "it gets {} calls a tick {}"),
    "shown": Told("listed", "things", "its answers list {} things {}"),
    "gained": Told(
        "new in lists", "things", "its lists gain {} things {} each time", ("more", "less")
    ),
}
"""How :data:`mana_lab.analysis.contrast.measures.MEASURES` are told, in the order of the panels."""


def contrast_table(found: Contrast) -> pd.DataFrame:
    """Return what differs between treatment and control, measure by measure.

    Args:
        found: Treatment against control.

    Returns:
        A row for each ``module``, ``tool`` and ``measure``: of all modules (where ``tool`` is
        empty) and of the tools of those that changed, which come first. ``difference`` is
        treatment less control, with its interval from ``low`` to ``high`` over the ``personas``
        who have both, in ``unit``, within what is possible; ``p_adjusted`` is over all measures
        of all modules (family-wise: it is what names a module), and ``p_within`` over those of the
        module alone (it is what names a tool of a module that is named); ``changed`` says what
        holds up by the former, or is the tool that is named by the latter; ``noise`` is the noise
        floor of the ratings of a module, missing elsewhere.
    """
    named = {each.module: each for each in found.named}
    rows = found.table[found.table["tool"].isna() | found.table["module"].isin(named)]
    if rows.empty:
        return pd.DataFrame(columns=[*_KEY, *_COLUMNS]).set_index(_KEY)
    rows = rows.assign(tool=rows["tool"].fillna("").astype("str"))
    known = pd.DataFrame([_known(found, row, named) for row in rows.to_dict("records")])
    ranks = {name: place for place, name in enumerate(named)}
    known = known.assign(
        rank=known["module"].map(lambda name: ranks.get(name, len(ranks))),
        kind=known["measure"].map(list(TOLD).index),
    )
    ordered = known.sort_values(["rank", "module", "tool", "kind"], kind="stable")
    return ordered.set_index(_KEY)[_COLUMNS]


def _known(found: Contrast, row: Mapping[Any, Any], named: Mapping[str, Named]) -> dict[str, Any]:
    """Return a row with its interval, its noise, and whether it changed."""
    module, tool, measure = (str(row[name]) for name in _KEY)
    first = named.get(module)
    is_named = first is not None and (first.tool or "", first.measure) == (tool, measure)
    interval = None
    if row["personas"] > 1:
        interval = found.test(tool or module, measure).interval
    return {
        **row,
        "low": np.nan if interval is None else interval.low,
        "high": np.nan if interval is None else interval.high,
        "changed": is_named or float(row["p_adjusted"]) <= found.alpha,
        "noise": _noise(found, module) if measure == "rating" else np.nan,
    }


def _noise(found: Contrast, module: str) -> float:
    try:
        return found.noise_floor(module).mean
    except InvalidInputError:
        return np.nan
