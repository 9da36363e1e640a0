"""Design matrices: the effects of a model as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mana_lab.analysis.statistics.results import Floats
from mana_lab.errors import InvalidInputError


def design_matrix(rows: pd.DataFrame, effects: Sequence[str]) -> tuple[list[str], Floats, Floats]:
    """Return the names of the columns of a design, the design and its columns' spreads.

    There is no column for an intercept.

    Args:
        rows: Where the columns stand.
        effects: Columns. Numbers enter as they are; text is coded against its first level in
            alphabetical order, named as in ``temp[warm]``; ``a:b`` is the product of both.

    Raises:
        InvalidInputError: The effects cannot be told apart, as when a column never varies, or a
            number is not finite.
    """
    names: list[str] = []
    columns: list[Floats] = []
    for effect in effects:
        coded = [("", np.ones(len(rows)))]
        for part in effect.split(":"):
            coded = [
                (f"{name}:{more}".lstrip(":"), values * by)
                for name, values in coded
                for more, by in _coded(rows, part)
            ]
        names += [name for name, _ in coded]
        columns += [values for _, values in coded]
    design = np.column_stack(columns) if columns else np.empty((len(rows), 0))
    spread = np.where(np.ptp(design, axis=0) > 0, design.std(axis=0), 1.0)
    whole = np.column_stack([np.ones(len(rows)), design / spread])
    if np.linalg.matrix_rank(whole) < whole.shape[1]:
        raise InvalidInputError(
            f"the effects {', '.join(effects)} cannot be told apart in these ratings; "
            "a column never varies, or others make it up"
        )
    return names, design, spread


def _coded(rows: pd.DataFrame, column: str) -> list[tuple[str, Floats]]:
    values = rows[column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=float)
        if not np.isfinite(numbers).all():
            raise InvalidInputError(f"a {column!r} is not finite")
        return [(column, numbers)]
    text = values.astype(str).to_numpy()
    return [
        (f"{column}[{level}]", (text == level).astype(float)) for level in np.unique(text)[1:]
    ] or [(column, np.zeros(len(rows)))]
