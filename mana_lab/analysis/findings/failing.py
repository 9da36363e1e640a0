"""Which tools fail most? Each persona's failures with a tool against their other calls."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from mana_lab.analysis.apart import LEVEL, SEED
from mana_lab.analysis.findings.basis import FEWEST, MOST, Basis, only_most
from mana_lab.analysis.findings.finding import Finding
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.statistics.comparing import compare_paired
from mana_lab.analysis.statistics.multiplicity import benjamini_hochberg
from mana_lab.analysis.statistics.results import Interval, Seed
from mana_lab.analysis.wording import counted, percent

FAMILY: Final = "tools that fail"
_COLUMNS: Final = [
    "tool_name",
    "personas",
    "calls",
    "errors",
    "error_rate",
    "excess",
    "low",
    "high",
    "interval",
    "p",
    "q",
]


def failing_tools(
    counts: pd.DataFrame, *, seed: Seed, fewest: int = FEWEST, level: float = 0.95
) -> pd.DataFrame:
    """Return by how much each tool fails more often than the other calls of the same personas.

    Args:
        counts: What :meth:`~mana_lab.analysis.friction.Friction.personas` returned: a row for each
            persona with each tool.
        seed: For the random signs and the draws.
        fewest: A tool is tested where at least so many personas called it and something else.
        level: Of the intervals, over personas.

    Returns:
        A row per tool that was tested, the greatest excess first: ``tool_name``, ``personas``,
        their ``calls`` and ``errors`` with it, ``error_rate`` (the mean over personas), ``excess``
        (the mean over personas of the error rate with the tool less that of their other calls),
        ``low``, ``high``, ``interval`` (which it is; see
        :func:`~mana_lab.analysis.statistics.bootstrap_interval`), ``p`` (by flipping the signs of
        personas) and ``q`` (after Benjamini and Hochberg over the tools tested).
    """
    rows = []
    for tool, part in _rates(counts).groupby("tool_name", observed=True):
        if len(part) < fewest:
            continue
        test = compare_paired(
            part["elsewhere"],
            part["rate"],
            personas=part["email"].to_numpy(),
            seed=seed,
            level=level,
        )
        interval = (test.interval or Interval(float("nan"), float("nan"), level)).within(1.0)
        ends = {"low": interval.low, "high": interval.high, "interval": interval.method}
        shown = {"excess": test.effect, **ends, "p": test.p}
        sums = {"calls": int(part["calls"].sum()), "errors": int(part["errors"].sum())}
        rate = float(part["rate"].mean())
        rows.append({"tool_name": tool, "personas": len(part), "error_rate": rate, **sums, **shown})
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["q"] = benjamini_hochberg(table["p"].astype("float64")).q
    ordered = table.sort_values(["excess", "tool_name"], ascending=[False, True], kind="stable")
    return ordered.reset_index(drop=True)


def held_up(tested: pd.DataFrame) -> pd.DataFrame:
    """Return the tools that hold up: those that findings tell.

    Args:
        tested: What :func:`failing_tools` returned.
    """
    return tested[(tested["q"] <= LEVEL) & (tested["low"] > 0)]


def tools_that_fail(basis: Basis) -> Looked:
    """Look for tools that fail more often than what else the same personas call."""
    counts = basis.friction.personas(basis.run)
    table = failing_tools(counts, seed=SEED)
    held = held_up(table)
    told = held.head(MOST).to_dict("records")
    findings = tuple(_finding(basis, counts, row, len(table)) for row in told)
    every = counts[counts["calls"] > counts["unknown_tool"]]["tool_name"].nunique()
    remark = (
        f"{len(table)} of {counted(every, 'tool')} looked at, those that at least {FEWEST} "
        f"personas called; {len(held)} fail more often at a false discovery rate of {LEVEL:.0%}"
        f"{only_most(len(held))}"
    )
    return Looked(FAMILY, findings, remark)


def _finding(basis: Basis, counts: pd.DataFrame, row: dict[Any, Any], tests: int) -> Finding:
    tool = str(row["tool_name"])
    rates = _rates(counts)
    own = rates[rates["tool_name"] == tool].set_index("email")
    against = own.index[own["rate"] <= own["elsewhere"]]
    calls, n_calls = basis.calls("tool_name = $tool AND result = 'error'", tool=tool)
    worked, _ = basis.calls(
        "tool_name = $tool AND result = 'ok' AND list_contains($who::VARCHAR[], email)",
        tool=tool,
        who=list(map(str, against)),
    )
    rate, excess = float(row["error_rate"]), float(row["excess"])
    return Finding(
        family=FAMILY,
        claim=(
            f"{tool} fails in {percent(rate)} of the calls of a persona on average, "
            f"{excess * 100:.0f} percentage points more often than what else they call "
            f"({row['errors']} of {row['calls']} calls of {row['personas']} personas)"
        ),
        effect=excess,
        effect_name="mean difference of error rates within personas",
        interval=Interval(float(row["low"]), float(row["high"]), 0.95, str(row["interval"])),
        p=float(row["q"]),
        correction=f"Benjamini-Hochberg over {counted(tests, 'tool')}",
        counter_evidence=basis.others(
            map(str, against), len(own), "it does not fail more often than the rest"
        ),
        against=worked,
        calls=calls,
        n_calls=n_calls,
        cell=(
            "from mana_lab.analysis.findings import failing_tools\n\n"
            f"found = failing_tools(lab.friction.personas({basis.argument}), seed={SEED})\n"
            f'found.set_index("tool_name").loc[{tool!r}, "excess"]'
        ),
        kind="exploratory",
        about="calls",
        trust=basis.trust_in_calls(map(str, own.index), int(row["calls"])),
    )


def _rates(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of personas who called something else too, with both error rates.

    Calls of names that no tool has are left out: they say nothing of a tool.
    """
    numbers = counts[["calls", "errors"]].sub(counts["unknown_tool"], axis="index")
    frame = counts[["email", "tool_name"]].join(numbers.astype("float64"))
    frame = frame[frame["calls"] > 0]
    whole = frame.groupby("email")[["calls", "errors"]].transform("sum")
    other = whole["calls"] - frame["calls"]
    known = frame.assign(
        rate=frame["errors"] / frame["calls"],
        elsewhere=(whole["errors"] - frame["errors"]) / other.where(other > 0),
    )
    return known.dropna(subset=["elsewhere"])


QUESTION: Final = Question(FAMILY, tools_that_fail)
