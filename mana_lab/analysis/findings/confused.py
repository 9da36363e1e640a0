"""Which tool is taken for another? How often the other is what worked instead."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from mana_lab.analysis.apart import LEVEL
from mana_lab.analysis.findings.basis import FEWEST, MOST, Basis, ids_of, only_most, too_few
from mana_lab.analysis.findings.finding import Finding
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.friction.confusion import CONFUSING, CONFUSING_CODES
from mana_lab.analysis.statistics.multiplicity import benjamini_hochberg
from mana_lab.analysis.statistics.shares import Share, clustered_share
from mana_lab.analysis.statistics.units import PERSONA
from mana_lab.analysis.wording import counted, percent

FAMILY: Final = "tools taken for another"


def mistaken_for(calls: pd.DataFrame, tried: str, worked: str) -> Share:
    """Return after which share of the confused calls of a tool another one worked instead.

    The definition is that of :mod:`mana_lab.analysis.friction.confusion`; the interval knows that
    the calls of one persona are alike.

    Args:
        calls: What :meth:`~mana_lab.analysis.friction.Friction.calls` returned.
        tried: The tool that was tried.
        worked: The other one.

    Raises:
        InvalidInputError: No call of the tool failed in a confused way.
    """
    failed = _confused(calls, tried)
    return clustered_share(_instead(failed, worked), failed[PERSONA])


def tools_taken_for_another(basis: Basis) -> Looked:
    """Look for tools that are tried where another is right, above what is usual."""
    pairs = basis.friction.confusion(basis.run)
    possible = pairs[pairs["usual"] < 1]
    known = [
        mistaken_for(basis.failures, tried, worked)
        for tried, worked in zip(possible["tried"], possible["worked"], strict=True)
    ]
    shares = [share for share in known if share.n_personas >= FEWEST]
    enough = [share.n_personas >= FEWEST for share in known]
    several = possible[pd.Series(enough, possible.index, dtype="bool")]
    usual = [float(each) for each in several["usual"]]
    screened = benjamini_hochberg([s.exact_p(u) for s, u in zip(shares, usual, strict=True)])
    held = [
        (row, share, float(q))
        for row, share, q in zip(several.to_dict("records"), shares, screened.q, strict=True)
        if q <= LEVEL and share.interval.low > float(row["usual"])
    ]
    findings = tuple(_finding(basis, row, share, q, len(several)) for row, share, q in held[:MOST])
    remark = (
        f"{len(several)} of {counted(len(pairs), 'pair')} looked at, "
        f"{too_few(len(possible) - len(several), 'pair')}; {len(held)} above what is "
        f"usual at a false discovery rate of {LEVEL:.0%}{only_most(len(held))}"
    )
    return Looked(FAMILY, findings, remark)


def _finding(basis: Basis, row: dict[Any, Any], share: Share, q: float, tests: int) -> Finding:
    tried, worked = str(row["tried"]), str(row["worked"])
    failed = _confused(basis.failures, tried)
    hits = _instead(failed, worked)
    rest = failed[~hits]
    usual = float(row["usual"])
    return Finding(
        family=FAMILY,
        claim=(
            f"{tried} was tried where {worked} was right: after {percent(share.share)} of its "
            f"{counted(share.n_rows, 'confused call')}, and {percent(usual)} are usual"
        ),
        effect=share.share,
        effect_name="share of the confused calls",
        interval=share.interval,
        p=q,
        correction=f"Benjamini-Hochberg over {counted(tests, 'pair')}",
        counter_evidence=_against(rest, share.n_rows, tried),
        against=ids_of(rest),
        calls=ids_of(failed[hits]),
        n_calls=int(hits.sum()),
        cell=(
            "from mana_lab.analysis.findings import mistaken_for\n\n"
            f"mistaken_for(lab.friction.calls({basis.argument}), {tried!r}, {worked!r}).share"
        ),
        kind="exploratory",
        about="calls",
        trust=basis.trust_in_calls(failed["email"], len(failed)),
    )


def _against(rest: pd.DataFrame, of: int, tried: str) -> str:
    if rest.empty:
        return f"After none of {counted(of, 'confused call')} it was otherwise."
    return (
        f"After {len(rest)} of {counted(of, 'confused call')} it was not so: "
        f"{counted(int(rest['recovered'].sum()), 'time')} {tried} itself worked later, else "
        "another tool or none did."
    )


def _confused(calls: pd.DataFrame, tool: str) -> pd.DataFrame:
    why = calls["error_kind"].isin(CONFUSING) | calls["error_code"].isin(CONFUSING_CODES)
    return calls[calls["failed"] & why & (calls["tool_name"] == tool)]


def _instead(failed: pd.DataFrame, worked: str) -> pd.Series[bool]:
    return failed["abandoned"].astype(bool) & (failed["then_tool"] == worked).astype(bool)


QUESTION: Final = Question(FAMILY, tools_taken_for_another)
