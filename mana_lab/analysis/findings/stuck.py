"""After which errors do people not get on? Those after which the tool seldom works soon."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from mana_lab.analysis.apart import LEVEL
from mana_lab.analysis.findings.basis import MOST, Basis, ids_of, only_most
from mana_lab.analysis.findings.finding import Finding
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.friction.calls import SOON
from mana_lab.analysis.statistics.multiplicity import benjamini_hochberg
from mana_lab.analysis.statistics.shares import Share, clustered_share
from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.analysis.wording import counted, percent

FAMILY: Final = "errors after which people are stuck"
HALF: Final = 0.5


def recovered_soon(calls: pd.DataFrame, code: str) -> Share:
    """Return after which share of the calls that failed by a code the tool worked soon.

    Args:
        calls: What :meth:`~mana_lab.analysis.friction.Friction.calls` returned.
        code: The code of the error.

    Raises:
        InvalidInputError: No call failed by it.
    """
    failed = calls[calls["failed"] & (calls["error_code"] == code)]
    return clustered_share(_soon(failed), failed[PERSONA])


def errors_after_which_people_are_stuck(basis: Basis) -> Looked:
    """Look for errors after which the tool works within two calls in less than half the cases."""
    failures = basis.failures
    owners = failures.dropna(subset=["error_code"]).groupby("error_code")[PERSONA].nunique()
    codes = [str(code) for code in owners.index[owners > 1]]
    shares = [recovered_soon(failures, code) for code in codes]
    screened = benjamini_hochberg([share.p(HALF) for share in shares])
    held = [
        (share, code, float(q))
        for code, share, q in zip(codes, shares, screened.q, strict=True)
        if q <= LEVEL and share.interval.high < HALF
    ]
    held.sort(key=lambda each: (each[0].share, each[1]))
    findings = tuple(_finding(basis, code, share, q, len(codes)) for share, code, q in held[:MOST])
    remark = (
        f"{len(codes)} of {counted(len(owners), 'error code')} looked at, those of more than one "
        f"persona; after {len(held)} most do not get on, at a false discovery rate of "
        f"{LEVEL:.0%}{only_most(len(held))}"
    )
    return Looked(FAMILY, findings, remark)


def _finding(basis: Basis, code: str, share: Share, q: float, tests: int) -> Finding:
    failed = basis.failures[basis.failures["error_code"] == code]
    soon = _soon(failed)
    return Finding(
        family=FAMILY,
        claim=(
            f"After {code} people mostly do not get on: the tool works within {SOON} calls in "
            f"{percent(share.share)} of {counted(share.n_rows, 'case')} "
            f"({counted(share.n_personas, 'persona')})"
        ),
        effect=share.share,
        effect_name=f"share recovered within {SOON} calls",
        interval=share.interval,
        p=q,
        correction=f"Benjamini-Hochberg over {counted(tests, 'error code')}",
        counter_evidence=_against(basis, failed, soon),
        against=ids_of(failed[soon]),
        calls=ids_of(failed[~soon]),
        n_calls=int((~soon).sum()),
        cell=(
            "from mana_lab.analysis.findings import recovered_soon\n\n"
            f"recovered_soon(lab.friction.calls({basis.argument}), {code!r}).share"
        ),
        kind="exploratory",
        about="calls",
        trust=basis.trust_in_calls(failed["email"], len(failed)),
    )


def _against(basis: Basis, failed: pd.DataFrame, soon: pd.Series[bool]) -> str:
    own = soon.groupby(failed["email"]).mean()
    mostly = [str(email) for email in own.index[own >= HALF]]
    later = int((failed["recovered"] & ~soon).sum())
    more = f" Another {counted(later, 'time')} the tool worked later in the tick." if later else ""
    return basis.others(mostly, len(own), "it works soon in half of the cases or more") + more


def _soon(failed: pd.DataFrame) -> Any:
    return (failed["recovered_after"] <= SOON).fillna(value=False).astype(bool)


QUESTION: Final = Question(FAMILY, errors_after_which_people_are_stuck)
