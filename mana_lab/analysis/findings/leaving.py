"""Where do personas give the app up? How many are left after how many ticks (Kaplan-Meier)."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from mana_lab.analysis.findings.basis import Basis
from mana_lab.analysis.findings.finding import Finding
from mana_lab.analysis.findings.findings import Looked, Question
from mana_lab.analysis.statistics.results import Interval
from mana_lab.analysis.statistics.survival import Survival, kaplan_meier, last_activity
from mana_lab.analysis.wording import counted, percent

FAMILY: Final = "personas who give up"
GRACE: Final = 3
"""In how many last ticks that ended somebody made no call who gave up."""
_IN_TICKS: Final = "list_contains($ticks::VARCHAR[], tick_id)"


def staying(ticks: pd.DataFrame) -> Survival:
    """Return how many personas still use the app after how many ticks.

    Ticks that failed or did not end are left out: nobody stayed away in them. So are personas who
    never made a call: they did not begin.

    Args:
        ticks: Rows of ``ticks_df``.

    Raises:
        InvalidInputError: Nobody made a call.
    """
    last = _last(ticks)
    return kaplan_meier(last["duration"], last["abandoned"], personas=list(last.index))


def personas_who_give_up(basis: Basis) -> Looked:
    """Look whether personas stop to use the app, and after which tick."""
    last = _last(basis.ticks)
    if last.empty:
        return Looked(FAMILY, (), "nobody made a call in a tick that ended")
    found = staying(basis.ticks)
    if not found.n_events:
        unseen = 1 - 0.05 ** (1 / found.n_personas)
        remark = (
            f"none of {counted(found.n_personas, 'persona')} was silent in their last {GRACE} "
            f"ticks; in a run of so many, a share of up to {percent(unseen)} may stay unseen"
        )
        return Looked(FAMILY, (), remark)
    finding = _finding(basis, last, found)
    remark = f"{counted(found.n_personas, 'persona')} looked at, {found.n_events} gave up"
    return Looked(FAMILY, (finding,), remark)


def _finding(basis: Basis, last: pd.DataFrame, found: Survival) -> Finding:
    left = float(found.share[-1])
    interval = Interval(float(found.low[-1]), float(found.high[-1]), 0.95, "log(-log)")
    gone, there = last.index[last["abandoned"]], last.index[~last["abandoned"]]
    emails = basis.ticks.drop_duplicates("persona_id").set_index("persona_id")["email"]
    calls, n_calls = basis.calls(_IN_TICKS, ticks=_last_ticks(basis.ticks, gone))
    against, _ = basis.calls(_IN_TICKS, ticks=_last_ticks(basis.ticks, there))
    first = int(found.times[0])
    half = "" if np.isnan(found.median) else f"; half are gone after {int(found.median)}"
    return Finding(
        family=FAMILY,
        claim=(
            f"{found.n_events} of {counted(found.n_personas, 'persona')} gave the app up "
            f"({basis.names(emails[gone])}), the first after {counted(first, 'tick')}{half}: "
            f"{percent(left)} are left after {counted(int(found.times[-1]), 'tick')}"
        ),
        effect=left,
        effect_name="share of personas who are left (Kaplan-Meier)",
        interval=None if np.isnan(interval.low) else interval,
        p=None,
        correction="",
        counter_evidence=(
            f"{len(there)} of {counted(found.n_personas, 'persona')} were still there: "
            f"{basis.names(emails[there])}."
            if len(there)
            else "Nobody was still there."
        ),
        against=against,
        calls=calls,
        n_calls=n_calls,
        cell=(
            "from mana_lab.analysis.findings import staying\n\n"
            f"staying(lab.ticks_df({basis.argument})).share[-1]"
        ),
        kind="exploratory",
        about="calls",
        trust=basis.trust_in_calls(map(str, emails[last.index]), None),
    )


def _last_ticks(ticks: pd.DataFrame, personas: pd.Index) -> list[str]:
    """Return the ids of the last ticks in which these personas made a call."""
    active = ticks[(ticks["calls"] > 0) & ticks["persona_id"].isin(personas)]
    last = active.sort_values("tick", kind="stable").drop_duplicates("persona_id", keep="last")
    return sorted(last["id"])


def _last(ticks: pd.DataFrame) -> pd.DataFrame:
    last = last_activity(ticks, grace=GRACE)
    return last[last["duration"] > 0]


QUESTION: Final = Question(FAMILY, personas_who_give_up)
