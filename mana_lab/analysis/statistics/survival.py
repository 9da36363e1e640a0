"""Survival: after how many ticks personas give the app up."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from mana_lab.analysis.statistics.results import Floats, Interval
from mana_lab.analysis.statistics.units import PERSONA, known_by_address, needed, unit_values
from mana_lab.errors import InvalidInputError

_ENDED = ("done", "abandoned")
_CALL = "kaplan_meier(last.duration, last.abandoned, personas=last.index), last = last_activity(…)"


@dataclass(frozen=True)
class Survival:
    """The Kaplan-Meier estimate of how many personas still use the app.

    Attributes:
        times: When somebody gave up, ascending.
        share: Who is left after each, 0 … 1.
        low: The lower end of its confidence interval (of log(-log)); NaN where it has none.
        high: The upper end.
        at_risk: How many were still observed just before each.
        median: When half have given up; NaN where that was not reached.
        median_interval: Brookmeyer and Crowley's; an end that was not reached is infinite.
        n_personas: How many personas.
        n_events: How many gave up; the others were still there when they were last observed.
    """

    times: Floats
    share: Floats
    low: Floats
    high: Floats
    at_risk: npt.NDArray[np.int64]
    median: float
    median_interval: Interval
    n_personas: int
    n_events: int


@dataclass(frozen=True)
class LogRank:
    """A log-rank test of two groups.

    Attributes:
        chi2: The statistic, of one degree of freedom.
        p: By the chi-squared distribution.
        observed: How many of the second group gave up.
        expected: How many would have, were the groups alike.
        n_personas: How many personas.
        n_strata: How many strata had both groups.
    """

    chi2: float
    p: float
    observed: float
    expected: float
    n_personas: int
    n_strata: int


def last_activity(
    ticks: pd.DataFrame, *, grace: int = 3, tick: str = "tick", calls: str = "calls"
) -> pd.DataFrame:
    """Return when each persona was last active, and whether they gave up then.

    Ticks that failed or did not end are neither activity nor silence: nobody stayed away in them.

    Args:
        ticks: Rows of ``ticks_df``: one per persona and tick. Without ``status`` all have ended.
        grace: Who made no call in at least so many last ticks that ended gave up; who was silent
            for fewer may come back, and is only known to have stayed until then.
        tick: The column that counts the ticks of a persona from 1.
        calls: The column with the calls of the tick; missing counts as none.

    Returns:
        A row per persona of whom a tick ended, indexed by ``persona_id``, with ``duration`` (ticks
        to the last activity) and ``abandoned``.

    Raises:
        InvalidInputError: A column is missing, *grace* is below 1, or a tick is there twice.
    """
    needed(ticks, PERSONA, tick, calls)
    if grace < 1:
        raise InvalidInputError(f"a grace of {grace} ticks; at least 1 is needed")
    ticks = known_by_address(ticks)
    if bool(ticks.duplicated([PERSONA, tick]).any()):
        raise InvalidInputError("a tick of a persona is there twice; choose one run of one lab")
    if "status" in ticks.columns:
        ticks = ticks[ticks["status"].isin(_ENDED)]
    last = ticks[tick].where(ticks[calls].fillna(0) > 0, 0).groupby(ticks[PERSONA]).max()
    silent = (ticks[tick] > ticks[PERSONA].map(last)).groupby(ticks[PERSONA]).sum()
    frame = pd.DataFrame({"duration": last.astype(float), "abandoned": silent >= grace})
    return frame.astype({"abandoned": bool}).sort_index()


def kaplan_meier(
    durations: npt.ArrayLike,
    abandoned: npt.ArrayLike,
    *,
    personas: Sequence[Hashable] | npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Survival:
    """Estimate how many personas still use the app after how many ticks.

    Args:
        durations: One per persona: ticks to the last activity, not negative.
        abandoned: Whether they gave up then, or were only observed until then.
        personas: Whose they are; each once.
        level: Of the intervals.

    Raises:
        PseudoReplicationError: There are no persona ids, or one persona has several durations.
        InvalidInputError: A duration is negative or not finite, or the lists differ in length.
    """
    times, gone = _checked(durations, abandoned, personas)
    found = stats.ecdf(stats.CensoredData.right_censored(times, ~gone)).sf
    events = np.unique(times[gone])
    at_risk = np.array([(times >= event).sum() for event in events], dtype=np.int64)
    if not len(events):
        nothing, forever = np.empty(0), Interval(np.inf, np.inf, level, "Brookmeyer-Crowley")
        return Survival(nothing, nothing, nothing, nothing, at_risk, np.nan, forever, len(times), 0)
    low, high = _band(found, events, level)
    share = np.asarray(found.evaluate(events))
    half = events[share <= 0.5]
    return Survival(
        times=events,
        share=share,
        low=low,
        high=high,
        at_risk=at_risk,
        median=float(half[0]) if len(half) else float("nan"),
        median_interval=Interval(
            _first(events, low), _first(events, high), level, "Brookmeyer-Crowley"
        ),
        n_personas=len(times),
        n_events=int(gone.sum()),
    )


def log_rank(
    durations: npt.ArrayLike,
    abandoned: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    personas: Sequence[Hashable] | npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
) -> LogRank:
    """Test whether two groups of personas give up at the same rate (Mantel 1966).

    With strata, such as the archetype, groups are compared within each and the differences added.

    Args:
        durations: One per persona, as for :func:`kaplan_meier`.
        abandoned: Whether they gave up then.
        groups: Of two kinds.
        personas: Whose they are; each once.
        strata: Of each persona; None is a single stratum.

    Raises:
        PseudoReplicationError: There are no persona ids, or one persona has several durations.
        InvalidInputError: There are not two groups, nobody gave up while both were observed, or
            the lists differ in length.
    """
    times, gone = _checked(durations, abandoned, personas)
    kinds = np.asarray(groups).astype(str)
    layers = np.zeros(len(times)) if strata is None else np.asarray(strata).astype(str)
    if kinds.shape != times.shape or layers.shape != times.shape:
        raise InvalidInputError("groups and strata are needed for each persona")
    names = np.unique(kinds)
    if len(names) != 2:
        raise InvalidInputError(f"two groups are needed; got: {', '.join(names)}")
    second = kinds == names[1]
    parts = np.array([_parts(times[at], gone[at], second[at]) for at in _each(layers)])
    observed, expected, variance = parts.sum(axis=0)
    if variance == 0:
        raise InvalidInputError("nobody gave up while both groups were observed")
    chi2 = float((observed - expected) ** 2 / variance)
    return LogRank(
        chi2=chi2,
        p=float(stats.chi2.sf(chi2, 1)),
        observed=float(observed),
        expected=float(expected),
        n_personas=len(times),
        n_strata=int((parts[:, 2] > 0).sum()),
    )


def _checked(
    durations: npt.ArrayLike,
    abandoned: npt.ArrayLike,
    personas: Sequence[Hashable] | npt.ArrayLike | None,
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    times = unit_values(durations, personas, call=_CALL)
    gone = np.asarray(abandoned)
    if gone.shape != times.shape or not len(times) or (times < 0).any():
        raise InvalidInputError("a duration that is not negative and an end are needed for each")
    return times, gone.astype(bool)


def _band(found: Any, events: Floats, level: float) -> tuple[Floats, Floats]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where nobody is left there is no band
        interval = found.confidence_interval(level, method="log-log")
    return np.asarray(interval.low.evaluate(events)), np.asarray(interval.high.evaluate(events))


def _first(events: Floats, bound: Floats) -> float:
    reached = events[np.nan_to_num(bound, nan=np.inf) <= 0.5]
    return float(reached[0]) if len(reached) else float("inf")


def _each(layers: npt.NDArray[np.generic]) -> list[npt.NDArray[np.bool_]]:
    return [layers == layer for layer in np.unique(layers)]


def _parts(
    times: Floats, gone: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    events = np.unique(times[gone])[:, None]
    risk = times[None, :] >= events
    n, n2 = risk.sum(axis=1), (risk & second).sum(axis=1)
    dying = (times[None, :] == events) & gone
    d, d2 = dying.sum(axis=1), (dying & second).sum(axis=1)
    share = n2 / n
    variance = d * share * (1 - share) * (n - d) / np.maximum(n - 1, 1)
    return float(d2.sum()), float((d * share).sum()), float(variance.sum())
