"""How are modules rated in ticks in which more calls to them fail? Each persona's slope."""

from __future__ import annotations

from typing import Final

import numpy as np

from mana_lab.analysis.apart import LEVEL, SEED
from mana_lab.analysis.findings.basis import Basis, cited_by, ids_of
from mana_lab.analysis.findings.finding import Finding, number
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.statistics.results import HypothesisTest, shown_p
from mana_lab.analysis.statistics.sensitivity import dose_response, slopes_of, with_varying
from mana_lab.analysis.trust import noise_of_slope
from mana_lab.analysis.wording import counted
from mana_lab.errors import InvalidInputError

FAMILY: Final = "ratings where calls fail"
_UNIT: Final = "rating points a failed call"


def ratings_where_calls_fail(basis: Basis) -> Looked:
    """Look whether a module is rated otherwise in ticks in which more calls to it fail."""
    test = dose_response(basis.ratings, dose="errors", seed=SEED)
    told = (
        f"mean slope {number(test.effect)} {test.interval!r}, {shown_p(test.p)}, of "
        f"{counted(test.n_personas, 'persona')} who had errors at times"
    )
    if test.interval is None or test.p > LEVEL or 0 in test.interval:
        return Looked(FAMILY, (), f"{told}; it does not hold up")
    return Looked(FAMILY, (_finding(basis, test),), told)


def _finding(basis: Basis, test: HypothesisTest) -> Finding:
    rows = basis.ratings
    slopes = slopes_of(rows, "errors")
    otherwise = {who for who, slope in slopes.items() if slope * np.sign(test.effect) <= 0}
    against = set(rows[rows["persona_id"].isin(otherwise)]["email"])
    behind = with_varying(rows, "errors")
    rough = behind[behind["errors"] > 0]
    calls, n_calls = cited_by(rough)
    side = "lower" if test.effect < 0 else "higher"
    return Finding(
        family=FAMILY,
        claim=basis.rated(
            f"In ticks with one more failed call to a module it is rated "
            f"{number(abs(test.effect))} points {side} by the same "
            f"{counted(test.n_personas, 'persona')}"
        ),
        effect=test.effect,
        effect_name="mean slope within personas and modules, in points a failed call",
        interval=test.interval,
        p=test.p,
        correction="",
        counter_evidence=basis.others(against, len(slopes), "it is not so"),
        against=ids_of(rough[rough["email"].isin(against)]),
        calls=calls,
        n_calls=n_calls,
        cell=(
            "from mana_lab.analysis.statistics import dose_response\n\n"
            f'dose_response(lab.ratings_in_context({basis.argument}), dose="errors", '
            f"seed={SEED}).effect"
        ),
        kind="exploratory",
        about="ratings",
        trust=basis.trust_in_ratings(behind, noise_of_slope(behind, "errors", _UNIT)),
        effect_unflagged=_unflagged(basis),
    )


def _unflagged(basis: Basis) -> float:
    try:
        return dose_response(basis.honest, dose="errors", seed=SEED).effect
    except InvalidInputError:
        return float("nan")


QUESTION: Final = Question(FAMILY, ratings_where_calls_fail)
