"""Calibration: which raters notice when something is broken, and how strongly they say so.

Of each persona the favourite module is broken in chosen ticks, more or less. Who rates it lower
then can be believed about other things too; who does not is shown with a flag, never left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from mana_lab.analysis.contrast.arms import Varied
from mana_lab.analysis.statistics.raters import FLAGS, rater_profiles
from mana_lab.analysis.statistics.results import HypothesisTest
from mana_lab.analysis.statistics.sensitivity import d_prime, dose_response
from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.display import escaped
from mana_lab.errors import InvalidInputError
from mana_lab.experiments.design import Dose

_RATER = ["email", "brain", "model"]
_FIGURES = ("d_prime", "low", "high", "slope")


@dataclass(frozen=True, repr=False)
class RaterCalibration:
    """How far the raters of a run can be believed.

    Attributes:
        run: The number of the run.
        raters: A row for each ``persona`` (with ``email``), ``brain`` and ``model`` with a tick
            that ended: the ``module`` that was broken, ``whole`` and ``broken`` ticks that rated
            it, ``d_prime`` with its interval ``low`` and ``high``, ``slope`` (rating points from
            whole to broken in all calls), all missing where there is a ``reason`` why they
            cannot be told, which is empty elsewhere; ``friction_rho`` and what else
            :func:`mana_lab.analysis.statistics.rater_profiles` tells of all their ratings, with
            the flags of :data:`mana_lab.analysis.statistics.raters.FLAGS`, missing where there
            are too few ratings to tell.
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

    @property
    def unjudged(self) -> pd.DataFrame:
        """The raters of whom it cannot be told whether they notice; ``reason`` says why."""
        return self.raters[self.raters["reason"] != ""]

    def __repr__(self) -> str:
        insensitive = int((self.raters["high"] < 1).sum())
        unjudged = f", {len(self.unjudged)} cannot be judged" if len(self.unjudged) else ""
        slope = "" if self.dose_response is None else f"; {self.dose_response!r}"
        return (
            f"<RaterCalibration of run {self.run}: {len(self.raters)} raters, median d' "
            f"{self.raters['d_prime'].median():.2f}, {insensitive} do not notice, "
            f"{len(self.flagged)} flagged{unjudged}{slope}>"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escaped(repr(self)[1:-1])}</p>{self.raters.round(2).to_html(index=False)}"


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
    wanted = _favourites(varied, personas)
    rows = _about_favourites(varied, wanted, doses)
    table = _told(varied, wanted, rows)
    if not table["d_prime"].notna().any():
        raise InvalidInputError(f"nobody rated their module whole and broken in run {varied.run}")
    seed = int(varied.design.get("seed", 0))
    return RaterCalibration(varied.run, table, _dose_response(rows, seed))


def favourite(mix: Mapping[str, float], offered: Collection[str]) -> str | None:
    """Return the module that a persona wants most, of those that the app offers.

    Of several the first of the alphabet; None where there is none.
    """
    there = [module for module in mix if module in offered and mix[module] > 0]
    return min(there, key=lambda module: (-mix[module], module), default=None)


def _favourites(varied: Varied, personas: pd.DataFrame) -> Mapping[str, str | None]:
    """Return by address what each persona wants most of the modules that were used."""
    offered = set(varied.calls["module"])
    return {
        email: favourite(mix, offered)
        for email, mix in zip(personas["email"], personas["module_mix"], strict=True)
    }


def _about_favourites(
    varied: Varied, wanted: Mapping[str, str | None], doses: Mapping[str, float]
) -> pd.DataFrame:
    """Return the ratings of each persona's favourite module, with the dose."""
    rows = varied.ratings.merge(
        varied.ticks[["id", "model"]], left_on="tick_id", right_on="id", suffixes=("", "_tick")
    )
    rows = rows[rows["module"] == rows["email"].map(wanted)]
    return rows.assign(dose=rows["variant"].map(doses), rater=_keys(rows))


def _keys(rows: pd.DataFrame) -> pd.Series[str]:
    return rows["email"] + "\n" + rows["brain"] + "\n" + rows["model"].fillna("")


def _told(varied: Varied, wanted: Mapping[str, str | None], rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each rater with all that is told of them."""
    known = pd.DataFrame(
        [{"rater": rater, **_sensitivity(part)} for rater, part in rows.groupby("rater")],
        columns=["rater", "whole", "broken", *_FIGURES],
    )
    table = _explained(_took_part(varied.ticks, wanted).merge(known, on="rater", how="left"))
    if varied.ratings.empty:
        return table
    profiles = rater_profiles(_with_errors(varied), by=["rater"])
    counts = dict.fromkeys(("ratings", "shared_ticks"), "Int64")
    found = table.merge(profiles, on="rater", how="left").drop(columns="rater").astype(counts)
    return found.fillna(dict.fromkeys(counts, 0))


def _took_part(ticks: pd.DataFrame, wanted: Mapping[str, str | None]) -> pd.DataFrame:
    """Return a row for each rater, sorted, with the module that was broken for them."""
    keyed = ticks.assign(rater=_keys(ticks), module=ticks["email"].map(wanted))
    first = keyed.drop_duplicates("rater").sort_values("rater", ignore_index=True)
    return first[["rater", "persona", *_RATER, "module"]]


def _sensitivity(rows: pd.DataFrame) -> Mapping[str, object]:
    """Return how one rater took the doses; without figures where ratings of one kind are missing.

    Low is what is below the rater's own median of whole ticks.
    """
    rating = rows["rating"].astype("float64")
    broken = rows["dose"] > 0
    counts = {"whole": int((~broken).sum()), "broken": int(broken.sum())}
    if 0 in counts.values():
        return counts
    low = rating < rating[~broken].median()
    hits = int((low & broken).sum())
    found = d_prime(hits, counts["broken"], int(low.sum()) - hits, counts["whole"])
    dose = rows["dose"] - rows["dose"].mean()
    slope = float((dose * rating).sum() / (dose**2).sum())
    figures = (found.d_prime, found.interval.low, found.interval.high, slope)
    return {**counts, **dict(zip(_FIGURES, figures, strict=True))}


def _explained(table: pd.DataFrame) -> pd.DataFrame:
    """Return the raters with the reason why nothing can be told of some."""
    counts = ["whole", "broken"]
    known = table.assign(**table[counts].astype("Int64").fillna(0))
    reasons = [
        _reason(row["module"], int(row["whole"]), int(row["broken"]))
        for row in known.to_dict("records")
    ]
    return known.assign(reason=pd.Series(reasons, dtype="str"))


def _reason(module: str | None, whole: int, broken: int) -> str:
    if not isinstance(module, str):
        return "wants no module that was used"
    if whole and broken:
        return ""
    if not whole and not broken:
        return f"never rated {module}"
    return f"rated {module} only {'whole' if whole else 'broken'}"


def _with_errors(varied: Varied) -> pd.DataFrame:
    """Return all ratings with the failures that the persona had with the module in the tick."""
    failed = varied.calls[varied.calls["result"] == "error"]
    errors = failed.groupby(["tick_id", "module"]).size().rename("errors").reset_index()
    rows = varied.ratings.merge(errors, on=["tick_id", "module"], how="left")
    models = varied.ticks.set_index("id")["model"]
    rows = rows.assign(errors=rows["errors"].fillna(0), model=rows["tick_id"].map(models))
    return rows.assign(rater=_keys(rows))


def _dose_response(rows: pd.DataFrame, seed: int) -> HypothesisTest | None:
    varying = rows.groupby(PERSONA)["dose"].nunique()
    if int((varying > 1).sum()) < 2:
        return None
    return dose_response(rows, dose="dose", seed=seed)
