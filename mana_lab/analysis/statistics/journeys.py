"""Journeys: how reliably personas get to the end of one.

``pass@k`` is the chance that at least one of k tries succeeds (Chen et al. 2021, *Evaluating
large language models trained on code*), ``pass^k`` that all k do (Yao et al. 2024, *tau-bench*).
"""

from __future__ import annotations

from math import comb
from numbers import Integral

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from mana_lab.analysis.statistics.results import Interval
from mana_lab.analysis.statistics.shares import wilson
from mana_lab.analysis.statistics.units import PERSONA, known_by_address, needed
from mana_lab.errors import InvalidInputError, PseudoReplicationError


def pass_all(trials: int, successes: int, k: int) -> float:
    """Return the unbiased estimate of pass^k: C(c, k) / C(n, k).

    Args:
        trials: How often the journey was tried, n.
        successes: How often it was completed, c.
        k: How many tries all have to succeed.

    Raises:
        InvalidInputError: k is below 1 or above the trials, or the successes are not from 0 to
            the trials.
    """
    _check(trials, successes, k)
    return comb(successes, k) / comb(trials, k)


def pass_any(trials: int, successes: int, k: int) -> float:
    """Return the unbiased estimate of pass@k: 1 - C(n-c, k) / C(n, k).

    Args:
        trials: How often the journey was tried, n.
        successes: How often it was completed, c.
        k: Of how many tries one has to succeed.

    Raises:
        InvalidInputError: As for :func:`pass_all`.
    """
    _check(trials, successes, k)
    return 1 - comb(trials - successes, k) / comb(trials, k)


def wilson_interval(trials: int, successes: int, *, level: float = 0.95) -> Interval:
    """Return Wilson's score interval of a success rate.

    Args:
        trials: How many there were, independent of each other.
        successes: How many succeeded.
        level: Of the interval.

    Raises:
        InvalidInputError: There was no trial, the successes are not from 0 to the trials, or the
            level is not between 0 and 1.
    """
    _check(trials, successes, 1)
    return wilson(successes / trials, trials, _level(level), "Wilson")


def journey_reliability(trials: pd.DataFrame, *, k: int = 3, level: float = 0.95) -> pd.DataFrame:
    """Return how reliably each journey is completed.

    The tries of one persona resemble each other. Where some persona tried a journey several times,
    each of its figures is the mean over personas of their own. The interval is Wilson's of as many
    observations as the tries are worth by the spread of the personas' rates, lessened for the few
    from which that is known (Korn and Graubard 1998, *Survey Methodology* 24). Where all have the
    same rate, that spread is not known, and there are as many observations as personas, as if all
    tries of a persona were one. Where nobody tried several times, or one persona alone is left,
    the tries are pooled.

    All figures of a row are of the same personas, so that pass^k is never above the success rate:
    of those who tried at least *k* times, unless the tries are pooled because nobody tried twice.
    Where nobody tried so often, the row is of all, and has neither pass@k nor pass^k.

    Args:
        trials: Rows with ``persona_id``, ``journey`` and ``success``, such as those of
            ``lab.journeys_df()``.
        k: How many tries count for pass^k and pass@k.
        level: Of the interval.

    Returns:
        A row per journey, sorted, with ``journey``, ``personas``, ``left_out`` (how many more tried
        it, but fewer than *k* times), ``trials``, ``successes``, ``pass_at_1`` (the success rate),
        ``low`` and ``high`` (its interval), ``interval`` (which), ``pass_at_k`` and
        ``pass_hat_k``, the last two missing where nobody tried *k* times.

    Raises:
        PseudoReplicationError: The rows do not say whose they are.
        InvalidInputError: A column is missing, k is below 1, a success is missing, or the level is
            not between 0 and 1.
    """
    needed(trials)
    if PERSONA not in trials.columns or bool(trials[PERSONA].isna().any()):
        raise PseudoReplicationError(
            f"{len(trials)} tries of an unknown number of personas; add a persona_id to each and "
            "call journey_reliability(trials) again",
            rows=len(trials),
        )
    _level(level)
    needed(trials, "journey", "success")
    if k < 1 or bool(trials[["journey", "success"]].isna().any(axis=None)):
        raise InvalidInputError("k from 1 and a journey and success for each try are needed")
    found = []
    rows = known_by_address(trials).astype({"success": bool})
    for journey, part in rows.groupby("journey", observed=True):
        counts = part.groupby(PERSONA, observed=True)["success"].agg(["size", "sum"])
        found.append({"journey": journey, **_reliability(counts.to_numpy(dtype=int), k, level)})
    columns = ["journey", *_reliability(np.array([[1, 1]]), 1, level)]
    return pd.DataFrame(found, columns=columns)


def _reliability(counts: npt.NDArray[np.int64], k: int, level: float) -> dict[str, object]:
    kept = _kept(counts, k)
    totals = [int(number) for number in kept.sum(axis=0)]
    pooled = len(kept) == 1 or int(kept[:, 0].max()) == 1
    rows = [totals] if pooled else [[int(n), int(c)] for n, c in kept]
    rates = np.array([c / n for n, c in rows])
    often = [(n, c) for n, c in rows if n >= k]
    interval = (
        wilson_interval(*totals, level=level) if pooled else _over_personas(rates, totals[0], level)
    )
    return {
        "personas": len(kept),
        "left_out": len(counts) - len(kept),
        "trials": totals[0],
        "successes": totals[1],
        "pass_at_1": float(rates.mean()),
        "low": interval.low,
        "high": interval.high,
        "interval": interval.method,
        "pass_at_k": _mean([pass_any(n, c, k) for n, c in often]),
        "pass_hat_k": _mean([pass_all(n, c, k) for n, c in often]),
    }


def _kept(counts: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """Return the tries and successes of those whom all figures are of."""
    often = counts[:, 0] >= k
    return counts[often] if often.any() else counts


def _over_personas(rates: npt.NDArray[np.float64], trials: int, level: float) -> Interval:
    mean, personas = float(rates.mean()), len(rates)
    if np.ptp(rates) == 0:
        return wilson(mean, personas, level, "Wilson, of the personas")
    worth = min(trials, mean * (1 - mean) / (rates.var(ddof=1) / personas))
    tail = (1 - level) / 2
    few = float(stats.norm.isf(tail) / stats.t.isf(tail, personas - 1)) ** 2
    return wilson(mean, worth * few, level, "Wilson, of the effective number")


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise InvalidInputError(f"got a level of {level}; it lies between 0 and 1")
    return level


def _check(trials: int, successes: int, k: int) -> None:
    if not all(isinstance(number, Integral) for number in (trials, successes, k)):
        raise InvalidInputError(
            f"{successes!r} successes in {trials!r} trials with k = {k!r}; whole numbers are needed"
        )
    if not 0 <= successes <= trials or not 1 <= k <= trials:
        raise InvalidInputError(
            f"{successes} successes in {trials} trials with k = {k}; "
            "0 <= successes <= trials and 1 <= k <= trials are needed"
        )
