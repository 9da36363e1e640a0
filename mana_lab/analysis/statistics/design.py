"""Design matrices: the effects of a model as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mana_lab.analysis.statistics.results import Floats
from mana_lab.errors import InvalidInputError


def design_matrix(rows: pd.DataFrame, effects: Sequence[str]) -> tuple[list[str], Floats]:
    """Return the names of the columns of a design and the design, without an intercept.

    Args:
        rows: Where the columns stand.
        effects: Columns. Numbers enter as they are; text is coded against its first level in
            alphabetical order, named as in ``temp[warm]``; ``a:b`` is the product of both.

    Raises:
        InvalidInputError: The effects cannot be told apart, as when a column never varies.
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
    whole = np.column_stack([np.ones(len(rows)), design])
    if np.linalg.matrix_rank(whole) < whole.shape[1]:
        raise InvalidInputError(
            f"the effects {', '.join(effects)} cannot be told apart in these ratings; "
            "a column never varies, or others make it up"
        )
    return names, design


def _coded(rows: pd.DataFrame, column: str) -> list[tuple[str, Floats]]:
    values = rows[column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return [(column, values.to_numpy(dtype=float))]
    text = values.astype(str).to_numpy()
    return [
        (f"{column}[{level}]", (text == level).astype(float)) for level in np.unique(text)[1:]
    ] or [(column, np.zeros(len(rows)))]
