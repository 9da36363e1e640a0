"""Calibration: which raters notice when something is broken, and how strongly they say so.

Of each persona the favourite module is broken in chosen ticks, more or less. Who rates it lower
then can be believed about other things too; who does not is shown with a flag, never left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd

from mana_lab.analysis.contrast.arms import Varied
from mana_lab.analysis.statistics.raters import FLAGS, rater_profiles
from mana_lab.analysis.statistics.results import HypothesisTest
from mana_lab.analysis.statistics.sensitivity import d_prime, dose_response
from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.errors import InvalidInputError
from mana_lab.experiments.design import Dose

_RATER = ["persona", "email", "brain", "model"]


@dataclass(frozen=True, repr=False)
class RaterCalibration:
    """How far the raters of a run can be believed.

    Attributes:
        run: The number of the run.
        raters: A row for each ``persona`` (with ``email``), ``brain`` and ``model``: ``module``
            that was broken, ``whole`` and ``broken`` ticks that rated it, ``d_prime`` with its
            interval ``low`` and ``high``, ``slope`` (rating points from whole to broken in all
            calls), ``friction_rho``, and the flags of
            :data:`mana_lab.analysis.statistics.raters.FLAGS`, missing where there are too few
            ratings to tell.
        dose_response: By how many points the rating falls from no failures to failures alone;
            None where fewer than two personas rated under several doses.
    """

    run: int
    raters: pd.DataFrame
    dose_response: HypothesisTest | None

    @property
    def flagged(self) -> pd.DataFrame:
        """The raters with at least one flag; nobody is left out of anything because of it."""
        return self.raters[self.raters[list(FLAGS)].fillna(False).any(axis="columns")]

    def __repr__(self) -> str:
        insensitive = int((self.raters["high"] < 1).sum())
        slope = "" if self.dose_response is None else f"; {self.dose_response!r}"
        return (
            f"<RaterCalibration of run {self.run}: {len(self.raters)} raters, median d' "
            f"{self.raters['d_prime'].median():.2f}, {insensitive} do not notice, "
            f"{len(self.flagged)} flagged{slope}>"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self)[1:-1])}</p>{self.raters.round(2).to_html(index=False)}"


def calibrated(varied: Varied, personas: pd.DataFrame) -> RaterCalibration:
    """Return how the raters of a run took the doses.

    Args:
        varied: The rows of a run that :class:`Dose` designed.
        personas: The personas with their ``module_mix``.

    Raises:
        InvalidInputError: The run was designed otherwise, or nobody rated under both.
    """
    if varied.design.get("kind") != Dose.kind:
        raise InvalidInputError(
            f"run {varied.run} was no calibration but {varied.design.get('kind')!r}"
        )
    doses = Dose(tuple(varied.design["rates"])).doses()
    rows = _about_favourites(varied, personas, doses)
    found = [_rater(rows[rows["rater"] == rater]) for rater in sorted(set(rows["rater"]))]
    known = [row for row in found if row is not None]
    if not known:
        raise InvalidInputError(f"nobody rated their module whole and broken in run {varied.run}")
    profiles = rater_profiles(_with_errors(varied), by=_RATER)
    table = pd.DataFrame(known).merge(profiles, on=_RATER, how="left")
    return RaterCalibration(
        varied.run, table, _dose_response(rows, int(varied.design.get("seed", 0)))
    )


def favourite(mix: Mapping[str, float], offered: Collection[str]) -> str | None:
    """Return the module that a persona wants most, of those that the app offers.

    Of several the first of the alphabet; None where there is none.
    """
    there = [module for module in mix if module in offered and mix[module] > 0]
    return min(there, key=lambda module: (-mix[module], module), default=None)


def _about_favourites(
    varied: Varied, personas: pd.DataFrame, doses: Mapping[str, float]
) -> pd.DataFrame:
    """Return the ratings of each persona's favourite module, with the dose."""
    offered = set(varied.calls["module"])
    wanted = {
        email: favourite(mix, offered)
        for email, mix in zip(personas["email"], personas["module_mix"], strict=True)
    }
    rows = varied.ratings.merge(
        varied.ticks[["id", "model"]], left_on="tick_id", right_on="id", suffixes=("", "_tick")
    )
    rows = rows[rows["module"] == rows["email"].map(wanted)]
    return rows.assign(
        dose=rows["variant"].map(doses),
        rater=rows["email"] + "\n" + rows["brain"] + "\n" + rows["model"].fillna(""),
    )


def _rater(rows: pd.DataFrame) -> dict[str, object] | None:
    """Return one rater's sensitivity; None where a rating of one kind is missing.

    Low is what is below the rater's own median of whole ticks.
    """
    rating = rows["rating"].astype("float64")
    broken = rows["dose"] > 0
    if not broken.any() or broken.all():
        return None
    usual = rating[~broken].median()
    low = rating < usual
    hits, faults = int((low & broken).sum()), int(broken.sum())
    found = d_prime(hits, faults, int(low.sum()) - hits, len(rows) - faults)
    dose = rows["dose"] - rows["dose"].mean()
    slope = float((dose * rating).sum() / (dose**2).sum())
    first = rows.iloc[0]
    return {
        **{name: first[name] for name in _RATER},
        "module": first["module"],
        "whole": int((~broken).sum()),
        "broken": int(broken.sum()),
        "d_prime": found.d_prime,
        "low": found.interval.low,
        "high": found.interval.high,
        "slope": slope,
    }


def _with_errors(varied: Varied) -> pd.DataFrame:
    """Return all ratings with the failures that the persona had with the module in the tick."""
    failed = varied.calls[varied.calls["result"] == "error"]
    errors = failed.groupby(["tick_id", "module"]).size().rename("errors").reset_index()
    rows = varied.ratings.merge(errors, on=["tick_id", "module"], how="left")
    models = varied.ticks.set_index("id")["model"]
    return rows.assign(errors=rows["errors"].fillna(0), model=rows["tick_id"].map(models))


def _dose_response(rows: pd.DataFrame, seed: int) -> HypothesisTest | None:
    varying = rows.groupby(PERSONA)["dose"].nunique()
    if int((varying > 1).sum()) < 2:
        return None
    return dose_response(rows, dose="dose", seed=seed)
