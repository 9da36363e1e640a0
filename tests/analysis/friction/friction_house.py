"""Labs of short texts: ``"a! b#1 a"`` is a tick of three calls, of which the first failed."""

from datetime import timedelta

from living_house import KINDS, MONDAY
from scipy.stats import binomtest

from mana_lab.analysis import Frames, Friction, Warehouse, columns
from mana_lab.analysis.columns import frame_of
from mana_lab.analysis.frames import Context, actions_of, feedback_of
from mana_lab.analysis.friction import DEFINITIONS


def tick(text, persona="Anna", number=1, *, run=1, module=None):
    """Make the calls of a tick.

    Each word is a tool; ``#x`` is its input, ``!`` says that it failed for bad arguments, and
    ``!code`` why else. Ticks are a day apart; *run* None makes calls by hand.
    """
    return [
        _call(word, persona, number, run=run, module=module) | {"seq": seq}
        for seq, word in enumerate(text.split())
    ]


def _call(word, persona, number, *, run, module):
    name, failed, code = word.partition("!")
    tool, _, given = name.partition("#")
    code = (code or "invalid-arguments") if failed else None
    return {
        "persona_id": persona,
        "run_id": None if run is None else f"run-{run}",
        "tick_id": f"{persona}-{run}-{number}",
        "tool_name": tool,
        "module": module,
        "input_hash": given or None,
        "result": "error" if failed else "ok",
        "error_kind": KINDS.get(code),
        "error_code": code,
        "error_message": f"{tool} failed by {code}" if failed else None,
        "occurred_at": MONDAY + timedelta(days=number - 1),
    }


def _frame(kinds, rows):
    return frame_of(list(kinds), [[row.get(name) for name in kinds] for row in rows], kinds)


def warehouse_of(*ticks, mixes=(), idle=()):
    """Return the warehouse of a lab in which these ticks took place.

    Args:
        ticks: What :func:`tick` made.
        mixes: The module mix of a persona by their name.
        idle: Personas with a tick of run 1 in which they called nothing.
    """
    calls = [call | {"id": f"{call['tick_id']}-{call['seq']}"} for calls in ticks for call in calls]
    names = sorted({call["persona_id"] for call in calls} | set(mixes) | set(idle))
    personas = [
        {
            "persona": name,
            "email": f"{name.lower()}@mana.test",
            "archetype": "student",
            "module_mix": dict(mixes).get(name, {}),
            "user_id": name,
        }
        for name in names
    ]
    numbers = sorted({int(call["run_id"].removeprefix("run-")) for call in calls if call["run_id"]})
    runs = [{"run": number, "id": f"run-{number}"} for number in numbers or [1] * bool(idle)]
    slept = [
        {"run": 1, "run_id": "run-1", "persona": name, "persona_id": name, "id": f"{name}-slept"}
        for name in idle
    ]
    known = Context(
        _frame(columns.PERSONAS, personas),
        _frame(columns.RUNS, runs),
        _frame(columns.TICKS, slept),
    )
    return Warehouse(Frames(known, actions_of(calls, known), feedback_of([], known)))


def friction_of(*ticks, **more):
    """Return the friction of such a lab."""
    return Friction(warehouse_of(*ticks, **more))


def rows(frame, *names):
    """Return the named columns as a list of tuples, missing values as None."""
    some = frame[list(names)].astype("object")
    return list(some.where(some.notna(), None).itertuples(index=False, name=None))


def pairs_of(*pairs):
    """Return what ``Friction.confusion`` gives for pairs of names and ``times``/``failures``.

    They are those of up to three personas.

    Args:
        pairs: ``(tried, worked, times, failures)``, and ``nearest`` where no such tool is.
    """
    return _with_intervals(
        DEFINITIONS["friction_confusion"].columns(),
        [
            {
                "tried": tried,
                "worked": worked,
                "part": times,
                "whole": failures,
                "times": times,
                "failures": failures,
                "usual": 0.05,
                "personas": min(times, 3),
                "returned": 0,
                "nearest": nearest[0] if nearest else None,
                "distance": 1 if nearest else None,
            }
            for tried, worked, times, failures, *nearest in pairs
        ],
    )


def errors_of(*errors):
    """Return what ``Friction.error_recovery`` gives for codes and counts.

    Args:
        errors: ``(code, recovered, redirected, errors)``.
    """
    return _with_intervals(
        DEFINITIONS["friction_error_recovery"].columns(),
        [
            {
                "error_kind": KINDS.get(code, ""),
                "error_code": code,
                "part": recovered,
                "whole": count,
                "recovered": recovered,
                "redirected": redirected,
                "errors": count,
                "tools": 1,
                "personas": 1,
            }
            for code, recovered, redirected, count in errors
        ],
    )


def _with_intervals(kinds, found):
    for row in found:
        limits = binomtest(row["part"], row["whole"]).proportion_ci(method="wilson")
        row |= {"share": row["part"] / row["whole"]}
        row |= {"share_low": limits.low, "share_high": limits.high}
    return _frame(kinds, found)
