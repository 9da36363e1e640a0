"""What did the treatment change? Treatment against control within each persona."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from mana_lab.analysis.contrast import (
    CONTROL,
    TREATMENT,
    TRIAL,
    Answer,
    Contrast,
    Named,
    contrast,
)
from mana_lab.analysis.findings.basis import Basis, cited_by, ids_of
from mana_lab.analysis.findings.finding import MOST_IDS, Finding, number
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.statistics.results import shown_p
from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.analysis.trust import Noise, Trust, noise_of_mean
from mana_lab.analysis.wording import counted
from mana_lab.errors import InvalidInputError

FAMILY: Final = "what the treatment changed"
_EARLY: Final = (
    "The experiment ended as soon as the evidence was enough, so that the difference comes out "
    "rather too large, and its interval too short."
)
_WIDE: Final = "Its interval does not leave out 0: how large it is, is not known."


def changed_by_treatment(basis: Basis) -> Looked:
    """Look what the treatment of an experiment changed."""
    if basis.run is None:
        return Looked(FAMILY, (), "asked of one run at a time")
    design = basis.warehouse.runs_df(basis.run)["design"].iloc[0]
    if design.get("kind") != TRIAL:
        return Looked(FAMILY, (), "the run compared no treatment with a control")
    found = contrast(basis.warehouse, basis.run)
    findings = [*_asked(basis, found)]
    findings += [_named(basis, found, each) for each in found.named]
    about = design["module"] or "all modules together"
    remark = (
        f"{design['treatment']} against {design['control']}: the ratings of {about}, which the "
        f"experiment was about, and besides {counted(len(found.table), 'measure')} of modules and "
        f"tools at a family-wise level of {found.alpha:g}; "
        f"{counted(len(found.named), 'module')} changed"
    )
    asked = f"{design['treatment']} against {design['control']}: {found.answer}"
    return Looked(FAMILY, tuple(findings), remark, asked)


def _asked(basis: Basis, found: Contrast) -> Iterator[Finding]:
    """Yield what the experiment set out to find, where it holds up."""
    answer = found.answer
    test, module = answer.difference, answer.module
    if test is None or not answer.holds:
        return
    rows = _rated(found, module)
    gaps = _gaps(rows)
    against = gaps.index[gaps * np.sign(test.effect) <= 0]
    treated = rows[rows["variant"] == TREATMENT]
    calls, n_calls = cited_by(treated)
    trust = _trust(basis, rows, gaps.index, module)
    told = basis.others(map(str, against), len(gaps), "it is not so")
    speaks = [told + _within_noise(test.effect, trust)]
    if answer.stopped_because is not None:
        speaks.append(_EARLY)
    if test.interval is not None and 0 in test.interval:
        speaks.append(_WIDE)
    side = "higher" if test.effect > 0 else "lower"
    argument = "" if module is None else repr(module)
    yield Finding(
        family=FAMILY,
        claim=basis.rated(
            f"Under treatment {answer.about} is rated {number(abs(test.effect))} "
            f"points {side} by the same {counted(test.n_personas, 'persona')}"
        ),
        effect=test.effect,
        effect_name="mean difference treatment - control, in points",
        interval=test.interval,
        p=answer.p,
        correction=_correction(answer),
        counter_evidence=" ".join(speaks),
        against=ids_of(treated[treated["email"].isin(against)]),
        calls=calls,
        n_calls=n_calls,
        cell=(f"lab.contrast({basis.run}).effect({argument}).difference.effect"),
        kind="confirmatory",
        about="ratings",
        trust=replace(trust, kind="confirmatory", compared=True),
        effect_unflagged=_unflagged(basis, gaps),
    )


def _correction(answer: Answer) -> str:
    evidence = answer.evidence
    if not answer.may_end_early or evidence is None:
        return ""
    return f"anytime-valid, of an e-process: e = {evidence.largest:.1f}"


def _named(basis: Basis, found: Contrast, named: Named) -> Finding:
    name = named.tool or named.module
    test = found.test(name, named.measure)
    by = "module" if named.tool is None else "tool_name"
    gap = found.gaps[by, name, named.measure].dropna()
    emails = found.varied.ticks.drop_duplicates(PERSONA).set_index(PERSONA)["email"]
    against = emails[gap.index[gap * np.sign(test.effect) <= 0]]
    own = found.varied.calls[found.varied.calls[by] == name]
    treated = own[own["variant"] == TREATMENT]
    trust = _trust_of_named(basis, found, named, [str(emails[who]) for who in gap.index])
    return Finding(
        family=FAMILY,
        claim=(
            f"Under treatment {_what(named)} differs by {number(test.effect)} in the {named.unit} "
            f"({counted(named.personas, 'persona')} under both)"
        ),
        effect=test.effect,
        effect_name=test.effect_name,
        interval=test.interval,
        p=named.p,
        correction=_family(named),
        counter_evidence=(
            basis.others(map(str, against), len(gap), "it is not so")
            + _within_noise(test.effect, trust)
        ),
        against=ids_of(treated[treated["email"].isin(against)]),
        calls=ids_of(own if treated.empty else treated)[:MOST_IDS],
        n_calls=len(own if treated.empty else treated),
        cell=(f"lab.contrast({basis.run}).test({name!r}, {named.measure!r}).effect"),
        kind="exploratory",
        about="ratings" if named.measure == "rating" else "calls",
        trust=replace(trust, compared=True),
    )


def _within_noise(effect: float, trust: Trust) -> str:
    """Return the sentence that an effect is not larger than the noise floor, if it is not.

    The floor is that of a difference between two conditions, as the effect is one: the blind
    halves of the control. Halves of the whole run hold the treatment too, and say nothing here.
    """
    noise = trust.noise
    if noise is None or noise.source != "blind A/A" or abs(effect) > noise.floor.mean:
        return ""
    return (
        f" It is not larger than the noise floor of {noise.of}, {noise.size} ({noise.basis}): a "
        "difference of this size can come by chance where nothing was changed."
    )


def _what(named: Named) -> str:
    return named.module if named.tool is None else f"{named.module}, in {named.tool},"


def _family(named: Named) -> str:
    """Return what the p-value is of, and that of the tool."""
    family = f"of {named.module}: Westfall-Young minP over all measures, modules weigh the same"
    if named.p_tool is None:
        return family
    return f"{family}; {named.tool} within {named.module}: {shown_p(named.p_tool)}"


def _trust(basis: Basis, rows: pd.DataFrame, emails: Iterable[str], module: str | None) -> Trust:
    """Return what a finding about ratings rests on: those of the personas who have both variants.

    The noise floor is that of the experiment, of all personas who rated in both blind halves.
    """
    known = basis.ratings[basis.ratings["id"].isin(rows["id"])]
    noise = noise_of_mean(known) if module is None else noise_of_mean(known, module)
    return basis.trust_in_ratings(known[known["email"].isin(set(emails))], noise)


def _trust_of_named(basis: Basis, found: Contrast, named: Named, emails: list[str]) -> Trust:
    if named.measure == "rating":
        rows = _rated(found, named.module)
        return _trust(basis, rows, emails, named.module)
    name = named.tool or named.module
    calls = found.varied.calls
    own = calls[calls["module" if named.tool is None else "tool_name"] == name]
    try:
        floor = found.noise_of(name, named.measure)
    except InvalidInputError:
        return basis.trust_in_calls(emails, len(own))
    noise = Noise(floor, "blind A/A", name, f"in the {named.unit}")
    return basis.trust_in_calls(emails, len(own), noise)


def _rated(found: Contrast, module: str | None) -> pd.DataFrame:
    rows = found.varied.ratings
    return rows if module is None else rows[rows["module"] == module]


def _gaps(rows: pd.DataFrame) -> pd.Series[float]:
    """Return treatment less control of each persona who rated under both, by address."""
    means = rows.groupby(["email", "variant"])["rating"].mean().unstack()
    both = means.reindex(columns=[CONTROL, TREATMENT]).dropna().astype("float64")
    return both[TREATMENT] - both[CONTROL]


def _unflagged(basis: Basis, gaps: pd.Series[float]) -> float:
    honest = gaps[gaps.index.isin(set(basis.honest["email"]))]
    return float(honest.mean()) if len(honest) > 1 else math.nan


QUESTION: Final = Question(FAMILY, changed_by_treatment)
