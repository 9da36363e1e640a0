"""Are modules rated apart? Friedman's test over all of them, and pairs after Holm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from mana_lab.analysis.apart import LEVEL, SEED, modules_apart
from mana_lab.analysis.findings.agreement import orders_against
from mana_lab.analysis.findings.basis import (
    FEWEST,
    MOST,
    Basis,
    cited_by,
    ids_of,
    only_most,
)
from mana_lab.analysis.findings.finding import Finding, number
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.statistics.modules import ModuleComparison, Pair, compare_modules
from mana_lab.analysis.statistics.units import persona_means
from mana_lab.analysis.trust import noise_of_modules, noise_of_pair
from mana_lab.analysis.wording import counted
from mana_lab.errors import InvalidInputError

FAMILY: Final = "modules rated apart"
_NO_INTERVAL: Final = (
    " W has no interval: personas who are drawn twice agree with themselves, so that a bootstrap "
    "puts it too high."
)
_IMPORT: Final = "from mana_lab.analysis.statistics import compare_modules\n\n"


def modules_rated_apart(basis: Basis) -> Looked:
    """Look whether some modules are rated above others."""
    rows = basis.ratings
    apart = modules_apart(rows)
    found, held = apart.found, apart.pairs
    tested = [pair for pair in found.pairs if pair.n_personas >= FEWEST]
    pairs = [_pair(basis, pair, len(found.pairs)) for pair in held[:MOST]]
    findings = [*_overall(basis, found), *pairs]
    tried = "tried" if found.overall else f"not possible: {found.n_complete} rated all of them"
    remark = (
        f"{counted(len(found.means), 'module')} together ({tried}) and "
        f"{counted(len(found.pairs), 'pair')}, {len(tested)} with the {FEWEST} personas that a "
        f"test takes; {counted(len(held), 'pair')} apart at a level of {LEVEL:.0%} after Holm"
        f"{only_most(len(held))}"
    )
    return Looked(FAMILY, tuple(findings), remark)


def _overall(basis: Basis, found: ModuleComparison) -> Iterator[Finding]:
    """Yield whether the modules are rated apart at all; Kendall's W has no interval.

    A bootstrap over personas would draw some of them several times, and these agree with
    themselves: W comes out too large in nearly every draw, and the interval lies too high.
    """
    test = found.overall
    if test is None or test.p > LEVEL:
        return
    rows = basis.ratings
    means = persona_means(rows.assign(persona_id=rows["email"]), "module").means.dropna()
    order = means.mean()
    against, told = orders_against(basis, means, agree=True)
    low, high = str(order.idxmin()), str(order.idxmax())
    behind = rows[rows["email"].isin(means.index)]
    calls, n_calls = cited_by(behind)
    yield Finding(
        family=FAMILY,
        claim=basis.rated(
            f"The {len(found.means)} modules are rated apart: {low} lowest "
            f"({number(order[low])} of 5), {high} highest ({number(order[high])}), with a "
            f"Kendall's W of {number(test.effect)} among {counted(test.n_personas, 'persona')} who "
            "rated all"
        ),
        effect=test.effect,
        effect_name="Kendall's W",
        interval=None,
        p=test.p,
        correction="",
        counter_evidence=told + _NO_INTERVAL,
        against=ids_of(rows[rows["email"].isin(against)]),
        calls=calls,
        n_calls=n_calls,
        cell=(
            f"{_IMPORT}compare_modules(lab.ratings_in_context({basis.argument}), seed={SEED})"
            ".overall.effect"
        ),
        kind="exploratory",
        about="ratings",
        trust=basis.trust_in_ratings(behind, noise_of_modules(behind)),
        effect_unflagged=_unflagged_w(basis),
    )


def _unflagged_w(basis: Basis) -> float:
    try:
        test = compare_modules(basis.honest, seed=SEED).overall
    except InvalidInputError:
        return float("nan")
    return test.effect if test else float("nan")


def _pair(basis: Basis, pair: Pair, tests: int) -> Finding:
    test = pair.test
    if test is None:
        raise InvalidInputError(f"{pair.first} and {pair.second} were not tested")
    rows = basis.ratings[basis.ratings["module"].isin([pair.first, pair.second])]
    gaps = _gaps(rows, pair)
    against = list(gaps.index[gaps * np.sign(test.effect) <= 0])
    behind = rows[rows["email"].isin(gaps.index)]
    noise = noise_of_pair(behind, pair.first, pair.second)
    calls, n_calls = cited_by(behind)
    side = "above" if test.effect > 0 else "below"
    honest = _gaps(basis.honest, pair)
    return Finding(
        family=FAMILY,
        claim=basis.rated(
            f"{pair.second} is rated {number(abs(test.effect))} points {side} {pair.first} by the "
            f"same {counted(pair.n_personas, 'persona')}"
        ),
        effect=test.effect,
        effect_name=f"mean difference {pair.second} - {pair.first}, in points",
        interval=test.interval,
        p=pair.p_holm,
        correction=f"Holm over {counted(tests, 'pair')}",
        counter_evidence=basis.others(against, len(gaps), "it is not so"),
        against=ids_of(rows[rows["email"].isin(against)]),
        calls=calls,
        n_calls=n_calls,
        cell=(
            f"{_IMPORT}found = compare_modules(lab.ratings_in_context({basis.argument}), "
            f'seed={SEED}).pairs_df()\nfound.set_index(["first", "second"])'
            f'.loc[({pair.first!r}, {pair.second!r}), "difference"]'
        ),
        kind="exploratory",
        about="ratings",
        trust=basis.trust_in_ratings(behind, noise),
        effect_unflagged=float(honest.mean()) if len(honest) > 1 else float("nan"),
    )


def _gaps(rows: pd.DataFrame, pair: Pair) -> pd.Series[float]:
    """Return the difference of the two modules for each persona who rated both, by address."""
    means = rows.groupby(["email", "module"])["rating"].mean().unstack()
    both = means.reindex(columns=[pair.first, pair.second]).dropna().astype("float64")
    return both[pair.second] - both[pair.first]


QUESTION: Final = Question(FAMILY, modules_rated_apart)
