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

from mana_lab.analysis.statistics.intervals import t_interval
from mana_lab.analysis.statistics.results import Interval
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
    return _wilson(successes / trials, trials, level, "Wilson")


def journey_reliability(trials: pd.DataFrame, *, k: int = 3, level: float = 0.95) -> pd.DataFrame:
    """Return how reliably each journey is completed.

    The tries of one persona resemble each other. Where some persona tried a journey several times,
    each of its figures is the mean over personas of their own, and the interval is Student's over
    personas. Where all these have the same success rate, how far personas differ is not known, and
    the interval is Wilson's with as many observations as personas, as if all tries of a persona
    were one. Where nobody tried several times, or one persona alone is left, the tries are pooled
    and the interval is Wilson's.

    Simulated with five tries each at a true rate of 0.95, personas being alike, the 95 % interval
    holds it in 99.8 % of cases for 4 and for 8 personas. For 20 it does in 88 %: Student's interval
    is too short where one or two of many personas failed at all.

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
    interval = wilson_interval(*totals, level=level) if pooled else _over_personas(rates, level)
    return {
        "personas": len(kept),
        "left_out": len(counts) - len(kept),
        "trials": totals[0],
        "successes": totals[1],
        "pass_at_1": float(rates.mean()),
        "low": max(0.0, interval.low),
        "high": min(1.0, interval.high),
        "interval": interval.method,
        "pass_at_k": _mean([pass_any(n, c, k) for n, c in often]),
        "pass_hat_k": _mean([pass_all(n, c, k) for n, c in often]),
    }


def _kept(counts: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """Return the tries and successes of those whom all figures are of."""
    often = counts[:, 0] >= k
    return counts[often] if often.any() else counts


def _over_personas(rates: npt.NDArray[np.float64], level: float) -> Interval:
    if np.ptp(rates) == 0:
        return _wilson(float(rates[0]), len(rates), level, "Wilson, of the personas")
    return t_interval(rates, level=level)


def _wilson(share: float, n: int, level: float, method: str) -> Interval:
    if not 0 < level < 1:
        raise InvalidInputError(f"got a level of {level}; it lies between 0 and 1")
    z = float(stats.norm.isf((1 - level) / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
    low = 0.0 if share == 0 else middle - half
    return Interval(low, 1.0 if share == 1 else middle + half, level, method)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


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
