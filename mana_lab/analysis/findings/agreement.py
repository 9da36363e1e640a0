"""Do personas agree on the modules? Krippendorff's alpha, with an interval over personas."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from mana_lab.analysis.findings.basis import FEWEST, Basis, cited_by, ids_of
from mana_lab.analysis.findings.finding import Finding, number
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.statistics.agreement import (
    krippendorff_alpha,
    krippendorff_interval,
    order_fits,
)
from mana_lab.analysis.statistics.results import Floats, Interval
from mana_lab.analysis.statistics.units import rated
from mana_lab.analysis.wording import counted
from mana_lab.errors import InvalidInputError

FAMILY: Final = "whether personas agree"
TENTATIVE: Final = 2 / 3
"""Below it ratings are no ground even for tentative conclusions (Krippendorff 2004, p. 241)."""
_BY_CHANCE: Final = "chance alone gives half"
_NO_ORDER: Final = "Nobody rated three modules apart, so no order can be compared."


def agreement_on_modules(feedback: pd.DataFrame) -> tuple[float, Interval]:
    """Return how far personas agree on which modules are good.

    Each persona counts with the median of their ratings of a module.

    Args:
        feedback: Rows of ``feedback_df``.

    Returns:
        Krippendorff's alpha for ordinal ratings, and its interval; NaN where it cannot be told.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: There is no rating.
    """
    table = _medians(feedback)
    return krippendorff_alpha(table).alpha, krippendorff_interval(table)


def whether_personas_agree(basis: Basis) -> Looked:
    """Look whether personas agree on which modules are good, or clearly do not."""
    alpha, interval = agreement_on_modules(basis.ratings)
    personas, modules = (basis.ratings[name].nunique() for name in ("email", "module"))
    told = (
        f"alpha {number(alpha)} {interval!r} of {counted(personas, 'persona')} on "
        f"{counted(modules, 'module')}"
    )
    if np.isnan(interval.low) or alpha not in interval or personas < FEWEST:
        return Looked(FAMILY, (), f"{told}; too few to tell")
    if interval.low > 0:
        claim = "Personas agree on which modules are good more than by chance"
    elif interval.high < TENTATIVE:
        claim = "Personas do not agree enough on which modules are good to speak with one voice"
    else:
        return Looked(FAMILY, (), f"{told}; it does not hold up")
    return Looked(FAMILY, (_finding(basis, claim, alpha, interval),), told)


def _finding(basis: Basis, claim: str, alpha: float, interval: Interval) -> Finding:
    rows = basis.ratings
    against, told = orders_against(basis, _means(rows), agree=interval.low > 0)
    calls, n_calls = cited_by(rows)
    return Finding(
        family=FAMILY,
        claim=basis.rated(
            f"{claim}: Krippendorff's alpha is {number(alpha)} ({rows['email'].nunique()} personas)"
        ),
        effect=alpha,
        effect_name="Krippendorff's alpha, ordinal",
        interval=interval,
        p=None,
        correction="",
        counter_evidence=told,
        against=ids_of(rows[rows["email"].isin(against)]),
        calls=calls,
        n_calls=n_calls,
        cell=(
            "from mana_lab.analysis.findings import agreement_on_modules\n\n"
            f"agreement_on_modules(lab.ratings_in_context({basis.argument}))[0]"
        ),
        kind="exploratory",
        about="ratings",
        trust=basis.trust,
        effect_unflagged=_unflagged(basis),
    )


def orders_against(basis: Basis, means: pd.DataFrame, *, agree: bool) -> tuple[list[str], str]:
    """Return whose order of modules speaks against a claim, by address, and the sentence of it.

    Args:
        basis: Whose names they have.
        means: The mean rating by address (rows) and module (columns).
        agree: Whether the claim is that personas agree; else, that they do not.
    """
    fits = order_fits(means)
    if fits.empty:
        return [], _NO_ORDER
    against = list(map(str, fits.index[fits <= 0] if agree else fits.index[fits > 0]))
    size = "by 0 or less" if agree else "by more than 0"
    what = f"the order of modules correlates with that of the others {size} ({_BY_CHANCE})"
    return against, basis.others(against, len(fits), what)


def _unflagged(basis: Basis) -> float:
    try:
        return agreement_on_modules(basis.honest)[0]
    except InvalidInputError:
        return float("nan")


def _medians(feedback: pd.DataFrame) -> Floats:
    rows, _ = rated(feedback, "module", call="agreement_on_modules(feedback)")
    table = rows.groupby(["persona_id", "module"])["rating"].median().unstack()
    return table.to_numpy(dtype=float)


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby(["email", "module"])["rating"].mean().unstack().astype("float64")


QUESTION: Final = Question(FAMILY, whether_personas_agree)
