"""Sensitivity: whether a rater notices what was broken on purpose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from mana_lab.analysis.statistics.comparing import compare_paired
from mana_lab.analysis.statistics.results import HypothesisTest, Interval, Seed, counted
from mana_lab.analysis.statistics.units import PERSONA, rated
from mana_lab.errors import InvalidInputError


@dataclass(frozen=True)
class Sensitivity:
    """How well a rater tells broken from whole.

    Attributes:
        d_prime: 0 where they do not, 1 and more where they do.
        criterion: How much they need to be told; above 0 they rather miss a fault than invent one.
        interval: Of *d_prime* (Gourevitch and Galanter 1967).
        hit_rate: The corrected share of broken ticks that were rated low.
        false_alarm_rate: The corrected share of whole ticks that were.
    """

    d_prime: float
    criterion: float
    interval: Interval
    hit_rate: float
    false_alarm_rate: float


def d_prime(
    hits: int, faults: int, false_alarms: int, wholes: int, *, level: float = 0.95
) -> Sensitivity:
    """Return the sensitivity index with the log-linear correction (Hautus 1995).

    Args:
        hits: In how many ticks with a planted fault the rating was low.
        faults: How many ticks had a planted fault.
        false_alarms: In how many ticks without one it was low too.
        wholes: How many ticks had none.
        level: Of the interval.

    Raises:
        InvalidInputError: A count is negative or above its total, or a total is 0.
    """
    if not 0 <= hits <= faults or not 0 <= false_alarms <= wholes or not faults or not wholes:
        raise InvalidInputError(
            f"{hits} hits of {faults} faults and {false_alarms} false alarms of {wholes}; "
            "counts are from 0 to their total, which is at least 1"
        )
    h, f = (hits + 0.5) / (faults + 1), (false_alarms + 0.5) / (wholes + 1)
    z_h, z_f = float(stats.norm.ppf(h)), float(stats.norm.ppf(f))
    variance = h * (1 - h) / (faults * stats.norm.pdf(z_h) ** 2)
    variance += f * (1 - f) / (wholes * stats.norm.pdf(z_f) ** 2)
    reach = float(stats.norm.isf((1 - level) / 2) * np.sqrt(variance))
    found = z_h - z_f
    interval = Interval(found - reach, found + reach, level, "normal")
    return Sensitivity(found, -(z_h + z_f) / 2, interval, h, f)


def dose_response(
    feedback: pd.DataFrame, *, dose: str, seed: Seed, level: float = 0.95
) -> HypothesisTest:
    """Return by how many points a rating differs for each unit of what went wrong.

    Each persona has a slope of their own, by least squares; the test is of the mean slope. Where
    the rows say the module, ratings and doses are those of the persona with that module, each less
    its mean there: that a module is rated low and often fails too gives no slope. A persona whose
    dose never varies has none and is left out.

    Args:
        feedback: Rows of ``feedback_df`` and the column *dose*.
        dose: The column that counts what went wrong, such as the errors of the tick.
        seed: For the random signs and the draws.
        level: Of the interval.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        MixedBrainsError: They are of different kinds of brains.
        InvalidInputError: Fewer than two personas have a slope, or a rating is not from 1 to 5.
    """
    rows, missing = rated(feedback, dose, call=f"dose_response(feedback, dose={dose!r})")
    slopes = slopes_of(rows, dose)
    used = len(with_varying(rows, dose))
    if len(slopes) < 2:
        raise InvalidInputError(f"{counted(len(slopes), 'persona')} with a varying {dose!r}")
    finding = compare_paired(
        np.zeros(len(slopes)),
        list(slopes.values()),
        personas=list(slopes),
        seed=seed,
        level=level,
        question=f"rating by {dose}",
    )
    return replace(finding, effect_name="mean slope", n_rows=used, n_missing=missing)


def slopes_of(rows: pd.DataFrame, dose: str) -> dict[str, float]:
    """Return by how many points each persona's rating changes for each unit, by least squares.

    Args:
        rows: With ``persona_id``, ``rating`` and *dose*, and ``module`` where that differs.
        dose: As for :func:`dose_response`.

    Returns:
        The slopes by persona id; who always had the same dose with each module has none.
    """
    used = with_varying(rows, dose)
    numbers = used[["rating", dose]].astype("float64")
    within = [used[name] for name in _groups(used)]
    apart = numbers - numbers.groupby(within, observed=True).transform("mean")
    owners = used[PERSONA].astype(str)
    together = (apart[dose] * apart["rating"]).groupby(owners).sum()
    slopes = together / (apart[dose] ** 2).groupby(owners).sum()
    return {str(persona): float(slope) for persona, slope in slopes.items()}


def with_varying(rows: pd.DataFrame, dose: str) -> pd.DataFrame:
    """Return the rows that slopes rest on: of personas with modules where the dose varies.

    Args:
        rows: As for :func:`slopes_of`.
        dose: As for :func:`dose_response`.
    """
    doses = rows.groupby(_groups(rows), observed=True)[dose]
    return rows[doses.transform("nunique") > 1]


def _groups(rows: pd.DataFrame) -> list[str]:
    return [PERSONA, "module"] if "module" in rows.columns else [PERSONA]
