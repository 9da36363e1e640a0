"""Which tools do people never find, although they want what these are for?"""

from __future__ import annotations

from typing import Final

import pandas as pd

from mana_lab.analysis.apart import LEVEL
from mana_lab.analysis.findings.basis import FEWEST, MOST, Basis, only_most, too_few
from mana_lab.analysis.findings.finding import Finding
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.statistics.multiplicity import benjamini_hochberg
from mana_lab.analysis.statistics.shares import Share, clustered_share
from mana_lab.analysis.wording import counted, percent

FAMILY: Final = "tools never discovered"
HALF: Final = 0.5


def never_called(
    undiscovered: pd.DataFrame, counts: pd.DataFrame, personas: pd.DataFrame, tool: str
) -> Share:
    """Return which share of the personas who want a tool's module never called the tool.

    Args:
        undiscovered: What :meth:`~mana_lab.analysis.friction.Friction.undiscovered` returned.
        counts: What :meth:`~mana_lab.analysis.friction.Friction.personas` returned.
        personas: What ``personas_df`` returned.
        tool: The tool.

    Raises:
        InvalidInputError: Nobody wants it.
    """
    missed, module = _missed(undiscovered, tool)
    found = _found(counts, personas, tool, module)
    marks = [True] * len(missed) + [False] * len(found)
    return clustered_share(marks, [*missed, *found])


def tools_never_discovered(basis: Basis) -> Looked:
    """Look for tools that most of those never call who want their module."""
    missed = basis.friction.undiscovered(basis.run)
    counts = basis.friction.personas(basis.run)
    personas = basis.warehouse.personas_df()
    every = sorted(map(str, missed["tool_name"].unique()))
    known = {tool: never_called(missed, counts, personas, tool) for tool in every}
    tools = [tool for tool in every if known[tool].n_personas >= FEWEST]
    shares = [known[tool] for tool in tools]
    screened = benjamini_hochberg([share.exact_p(HALF) for share in shares])
    held = [
        (share, tool, float(q))
        for tool, share, q in zip(tools, shares, screened.q, strict=True)
        if q <= LEVEL and share.interval.low > HALF
    ]
    held.sort(key=lambda each: (-each[0].interval.low, each[1]))
    findings = tuple(
        _finding(basis, (missed, counts, personas), tool, share, q, len(tools))
        for share, tool, q in held[:MOST]
    )
    remark = (
        f"{counted(len(tools), 'tool')} looked at that somebody missed and somebody used in this "
        f"lab, {too_few(len(every) - len(tools), 'tool')}; {len(held)} that most miss, at "
        f"a false discovery rate of {LEVEL:.0%}{only_most(len(held))}"
    )
    return Looked(FAMILY, findings, remark)


def _finding(
    basis: Basis,
    frames: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    tool: str,
    share: Share,
    q: float,
    tests: int,
) -> Finding:
    missed, module = _missed(frames[0], tool)
    found = _found(frames[1], frames[2], tool, module)
    calls, n_calls = basis.calls(
        "module = $module AND list_contains($who::VARCHAR[], email)", module=module, who=missed
    )
    against, _ = basis.calls(
        "tool_name = $tool AND list_contains($who::VARCHAR[], email)", tool=tool, who=found
    )
    run = basis.argument
    return Finding(
        family=FAMILY,
        claim=(
            f"{tool} is never called by {share.hits} of the {counted(share.n_rows, 'persona')} who "
            f"want {module} ({percent(share.share)})"
        ),
        effect=share.share,
        effect_name="share of personas who never called it",
        interval=share.interval,
        p=q,
        correction=f"Benjamini-Hochberg over {counted(tests, 'tool')}",
        counter_evidence=basis.others(found, share.n_rows, "it was found"),
        against=against,
        calls=calls,
        n_calls=n_calls,
        cell=(
            "from mana_lab.analysis.findings import never_called\n\n"
            f"never_called(\n    lab.friction.undiscovered({run}),\n"
            f"    lab.friction.personas({run}),\n    lab.personas_df(),\n    {tool!r},\n).share"
        ),
        kind="exploratory",
        about="calls",
        trust=basis.trust_in_calls([*missed, *found], None),
    )


def _missed(undiscovered: pd.DataFrame, tool: str) -> tuple[list[str], str]:
    rows = undiscovered[undiscovered["tool_name"] == tool]
    return sorted(map(str, rows["email"])), str(rows["module"].iloc[0]) if len(rows) else ""


def _found(counts: pd.DataFrame, personas: pd.DataFrame, tool: str, module: str) -> list[str]:
    """Return who called the tool, of those who want its module."""
    mixes = personas.set_index("email")["module_mix"]
    wanting = {email for email, mix in mixes.items() if mix.get(module, 0) > 0}
    callers = counts[counts["tool_name"] == tool]["email"]
    return sorted(str(email) for email in callers if email in wanting)


QUESTION: Final = Question(FAMILY, tools_never_discovered)
