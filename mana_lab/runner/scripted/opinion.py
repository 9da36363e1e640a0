"""Opinions: ratings that are a function of what happened, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mana_lab.runner.brain import Rating, TickMemory
from mana_lab.runner.calls import how_many
from mana_lab.runner.recorder import Action
from mana_lab.runner.scripted.archetypes import Temper
from mana_lab.runner.scripted.patience import times

_SLOW_MS = 30_000
"""From where on an answer is slow. A busy machine must not be taken for a slow app, or the same
seed would not give the same ratings on it."""
_MANY = 10
_POLITE = 4.0


def rate_module(
    module: str,
    actions: Sequence[Action],
    memory: TickMemory,
    temper: Temper,
    *,
    left: bool = False,
    returned: int = 0,
) -> Rating:
    """Rate one module by what happened to the persona there.

    Args:
        module: The module.
        actions: Its calls of this tick, in order; at least one.
        memory: What the brain kept of their outcomes.
        temper: How the persona judges.
        left: Whether its patience was used up there.
        returned: To how many unfinished things of earlier ticks it came back.
    """
    shown = {action.id: _shown(action, memory) for action in actions}
    empty = [action for action in actions if shown[action.id] == 0]
    looks = sum(count is not None for count in shown.values())
    crowded = [action for action in actions if (shown[action.id] or 0) > _MANY]
    stuck = _stuck(actions)
    slow = [action for action in actions if action.latency_ms > _SLOW_MS]
    failed = [action for action in actions if action.result == "error"]
    faults = [action for action in failed if action.error_kind == "infrastructure"]
    helped = [action for action in actions if action.result == "ok" and action not in empty]
    score = (
        temper.start
        + temper.useful * min(len(helped), 3)
        - temper.error * min(len(failed), 4)
        - temper.stuck * len(stuck)
        - temper.empty * len(empty) / max(1, looks)
        - temper.crowded * bool(crowded)
        - temper.fault * bool(faults)
        - temper.slow * bool(slow)
        - temper.left * left
    )
    score += (1 - temper.candour) * (_POLITE - score)
    facts = _facts(actions, empty, crowded, stuck, slow)
    if returned:
        facts.append(f"came back to something unfinished {times(returned)}")
    if left:
        facts.append("lost patience here and left")
    return Rating(
        module=module,
        rating=max(1, min(5, int(score + 0.5))),
        notes=("; ".join(facts[: temper.facts]) + ".")[:1000],
        evidence=tuple(action.id for action in actions),
    )


def _shown(action: Action, memory: TickMemory) -> int | None:
    outcome = memory.outcomes.get(action.id)
    return how_many(outcome.data) if outcome is not None and outcome.ok else None


def _stuck(actions: Sequence[Action]) -> list[str]:
    """Return the tools whose last call failed."""
    last = {action.tool_name: action.result for action in actions}
    return [tool for tool, result in last.items() if result == "error"]


def _facts(
    actions: Sequence[Action],
    empty: Sequence[Action],
    crowded: Sequence[Action],
    stuck: Sequence[str],
    slow: Sequence[Action],
) -> list[str]:
    calls = Counter(action.tool_name for action in actions)
    worked = Counter(action.tool_name for action in actions if action.result == "ok")
    facts = [f"{tool} worked {worked[tool]} of {times(n)}" for tool, n in calls.items()]
    failures = Counter(
        f"{action.tool_name} {action.error_kind}" for action in actions if action.error_kind
    )
    if failures:
        facts.append("failures: " + ", ".join(f"{what} {times(n)}" for what, n in failures.items()))
    mended = [tool for tool in calls if 0 < worked[tool] < calls[tool] and tool not in stuck]
    if mended:
        facts.append("went through after another try: " + ", ".join(mended))
    if stuck:
        facts.append("gave up on " + ", ".join(stuck))
    for seen, what in ((empty, "nothing"), (crowded, f"more than {_MANY} things")):
        if seen:
            tools = dict.fromkeys(action.tool_name for action in seen)
            facts.append(f"{', '.join(tools)} showed {what} {times(len(seen))}")
    if slow:
        facts.append(f"an answer took over {_SLOW_MS // 1000} s {times(len(slow))}")
    return facts
