"""After which errors do people not get on? Those after which the tool seldom works soon.

A tool that does not exist can never work. After a call of one, people get on where another tool
works soon: such calls are the ``redirected`` ones of ``friction.error_recovery``.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from mana_lab.analysis.apart import LEVEL
from mana_lab.analysis.findings.basis import FEWEST, MOST, Basis, ids_of, only_most, too_few
from mana_lab.analysis.findings.finding import Finding
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.friction.calls import SOON
from mana_lab.analysis.statistics.multiplicity import benjamini_hochberg
from mana_lab.analysis.statistics.shares import Share, clustered_share
from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.analysis.wording import counted, percent
from mana_lab.errors import UnknownToolError

FAMILY: Final = "errors after which people are stuck"
HALF: Final = 0.5
NO_SUCH_TOOL: Final = UnknownToolError.code


def recovered_soon(calls: pd.DataFrame, code: str) -> Share:
    """Return after which share of the calls that failed by a code the tool worked soon.

    Where there is no such tool, it is the share after which another one did.

    Args:
        calls: What :meth:`~mana_lab.analysis.friction.Friction.calls` returned.
        code: The code of the error.

    Raises:
        InvalidInputError: No call failed by it.
    """
    failed = calls[calls["failed"] & (calls["error_code"] == code)]
    return clustered_share(_got_on(failed), failed[PERSONA])


def errors_after_which_people_are_stuck(basis: Basis) -> Looked:
    """Look for errors after which people get on within two calls in less than half the cases."""
    failures = basis.failures
    owners = failures.dropna(subset=["error_code"]).groupby("error_code")[PERSONA].nunique()
    codes = [str(code) for code in owners.index[owners >= FEWEST]]
    shares = [recovered_soon(failures, code) for code in codes]
    screened = benjamini_hochberg([share.exact_p(HALF) for share in shares])
    held = [
        (share, code, float(q))
        for code, share, q in zip(codes, shares, screened.q, strict=True)
        if q <= LEVEL and share.interval.high < HALF
    ]
    held.sort(key=lambda each: (each[0].share, each[1]))
    findings = tuple(_finding(basis, code, share, q, len(codes)) for share, code, q in held[:MOST])
    remark = (
        f"{len(codes)} of {counted(len(owners), 'error code')} looked at, "
        f"{too_few(len(owners) - len(codes), 'code')}; after {len(held)} most do not get on, "
        f"at a false discovery rate of {LEVEL:.0%}{only_most(len(held))}"
    )
    if NO_SUCH_TOOL in codes:
        remark += f"; after {NO_SUCH_TOOL} another tool counts, since that one can never work"
    return Looked(FAMILY, findings, remark)


def _finding(basis: Basis, code: str, share: Share, q: float, tests: int) -> Finding:
    failed = basis.failures[basis.failures["error_code"] == code]
    soon, tool = _got_on(failed), _tool(code)
    return Finding(
        family=FAMILY,
        claim=(
            f"After {code} people mostly do not get on: {tool} works within {SOON} calls in "
            f"{percent(share.share)} of {counted(share.n_rows, 'case')} "
            f"({counted(share.n_personas, 'persona')})"
        ),
        effect=share.share,
        effect_name=f"share after which {tool} works within {SOON} calls",
        interval=share.interval,
        p=q,
        correction=f"Benjamini-Hochberg over {counted(tests, 'error code')}",
        counter_evidence=_against(basis, failed, soon, tool),
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


def _against(basis: Basis, failed: pd.DataFrame, soon: pd.Series[bool], tool: str) -> str:
    own = soon.groupby(failed["email"]).mean()
    mostly = [str(email) for email in own.index[own >= HALF]]
    later = int((failed["recovered"] & ~soon).sum())
    more = f" Another {counted(later, 'time')} the tool worked later in the tick." if later else ""
    return basis.others(mostly, len(own), f"{tool} works soon in half of the cases or more") + more


def _tool(code: str) -> str:
    return "another tool" if code == NO_SUCH_TOOL else "the tool"


def _got_on(failed: pd.DataFrame) -> Any:
    """Return after which of the failed calls people got on soon."""
    same = (failed["recovered_after"] <= SOON).fillna(value=False).astype(bool)
    redirected = (failed["error_code"] == NO_SUCH_TOOL) & failed["then_tool"].notna()
    return same | redirected.astype(bool)


QUESTION: Final = Question(FAMILY, errors_after_which_people_are_stuck)
