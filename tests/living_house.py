"""Labs of short texts with ratings: ``lived("todo.create! todo.create", todo=2)`` is a tick."""

from datetime import UTC, datetime, timedelta

from mana_lab.analysis import Frames, Warehouse, columns
from mana_lab.analysis.columns import frame_of
from mana_lab.analysis.frames import Context, actions_of, feedback_of
from mana_lab.lab.reading import Reading

MONDAY = datetime(2026, 1, 5, 7, tzinfo=UTC)
KINDS = {
    "invalid-arguments": "invalid-input",
    "not-found": "not-found",
    "unknown-tool": "not-found",
    "forbidden": "refused",
    "conflict": "conflict",
    "infrastructure": "infrastructure",
}


def lived(text, persona="Anna", number=1, *, run=1, lab="", status="done", more=None, **ratings):
    """Make a tick with its calls and ratings.

    Each word is a tool; ``!`` says that it failed for bad arguments, and ``!code`` why else.
    *more* is said of the tick besides, such as its brain and its model. Another *lab* gives the
    persona another id.
    """
    tick_id = f"{persona}-{run}-{number}"
    day = MONDAY + timedelta(days=number - 1)
    who = f"{lab}{persona}"
    same = {"persona_id": who, "run_id": f"run-{run}", "tick_id": tick_id, "occurred_at": day}
    calls = [
        same | _call(word) | {"seq": seq, "id": f"{tick_id}-{seq}"}
        for seq, word in enumerate(text.split())
    ]
    told = {"brain": "scripted", **(more or {})}
    said = [
        same
        | {
            "id": f"{tick_id}-{module}",
            "module": module,
            "rating": rating,
            "brain": told["brain"],
            "notes": f"It was a {rating}.",
            "evidence": [call["id"] for call in calls if call["module"] == module],
        }
        for module, rating in ratings.items()
    ]
    tick = {
        "run": run,
        "run_id": f"run-{run}",
        "id": tick_id,
        "persona": persona,
        "persona_id": who,
        "email": f"{persona.lower()}@mana.test",
        "archetype": "student",
        "tick": number,
        "scheduled_at": day,
        "status": status,
        "attempt": 1,
        "calls": len(calls),
        "errors": sum(call["result"] == "error" for call in calls),
        **told,
    }
    return {"tick": tick, "calls": calls, "ratings": said}


def _call(word):
    name, failed, code = word.partition("!")
    code = (code or "invalid-arguments") if failed else None
    return {
        "tool_name": name,
        "module": name.partition(".")[0],
        "input_hash": f"hash of {name}",
        "result": "error" if failed else "ok",
        "error_kind": KINDS.get(code),
        "error_code": code,
        "error_message": f"{name} failed by {code}" if failed else None,
        "latency_ms": 20.0,
    }


def _frame(kinds, rows):
    return frame_of(list(kinds), [[row.get(name) for name in kinds] for row in rows], kinds)


class Kept(Reading):
    """What a lab has to read, of frames."""

    def __init__(self, frames):
        self._frames = frames

    def _source(self):
        return self._frames


def lab_of(*ticks, mixes=None, design=None, reason=None):
    """Return a lab in which these ticks took place.

    Args:
        ticks: What :func:`lived` made.
        mixes: The module mix of a persona by their name; everybody else wants todo and journal.
        design: What the runs varied, as the ledger keeps it.
        reason: Why they ended early.
    """
    usual = {"todo": 0.5, "journal": 0.5}
    ids = {tick["tick"]["persona"]: tick["tick"]["persona_id"] for tick in ticks}
    personas = [
        {
            "persona": name,
            "email": f"{name.lower()}@mana.test",
            "archetype": "student",
            "module_mix": (mixes or {}).get(name, usual),
            "user_id": ids[name],
        }
        for name in sorted(ids)
    ]
    brains = {tick["tick"]["run"]: tick["tick"]["brain"] for tick in reversed(ticks)}
    runs = [
        {
            "run": run,
            "id": f"run-{run}",
            "seed": 7,
            "status": "done",
            "brain": brain,
            "design": design,
            "reason": reason,
        }
        for run, brain in sorted(brains.items())
    ]
    known = Context(
        _frame(columns.PERSONAS, personas),
        _frame(columns.RUNS, runs),
        _frame(columns.TICKS, [tick["tick"] for tick in ticks]),
    )
    calls = [call for tick in ticks for call in tick["calls"]]
    ratings = [rating for tick in ticks for rating in tick["ratings"]]
    return Kept(Frames(known, actions_of(calls, known), feedback_of(ratings, known)))


def warehouse_of(*ticks, **more) -> Warehouse:
    """Return the warehouse of such a lab."""
    return lab_of(*ticks, **more).warehouse
