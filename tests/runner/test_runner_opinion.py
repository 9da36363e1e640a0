import pytest

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.runner.brain import TickMemory
from mana_lab.runner.calls import CallOutcome
from mana_lab.runner.recorder import Action
from mana_lab.runner.scripted.archetypes import Temper
from mana_lab.runner.scripted.opinion import rate_module

NOTHING = {"tasks": []}
ONE = {"tasks": [{"id": "a"}]}
MANY = {"tasks": [{"id": str(n)} for n in range(11)]}
MADE = {"task": {"id": "a"}}


def lived(*calls):
    """Return the actions and the memory of calls given as (tool, data or error kind, ms?)."""
    actions, memory = [], TickMemory()
    for seq, (tool, result, *latency) in enumerate(calls):
        kind = result if isinstance(result, str) else None
        action = Action(
            id=f"t-{seq}-{tool}",
            tick_id="t",
            run_id="r",
            seq=seq,
            tool_name=tool,
            tool_hash=None,
            module="todo",
            input_hash=None,
            result="error" if kind else "ok",
            error_kind=kind,
            error_code=kind,
            error_message=kind,
            latency_ms=latency[0] if latency else 1.0,
            shown=None,
            occurred_at=SIMULATION_EPOCH,
        )
        actions.append(action)
        if kind is None:
            memory.outcomes[action.id] = CallOutcome(tool, result, None, 1.0, action.id, seq)
    return actions, memory


def rated(*calls):
    actions, memory = lived(*calls)
    return rate_module("todo", actions, memory, Temper())


SMOOTH = [("todo.create", MADE), ("todo.create", MADE), ("todo.list", ONE)]


@pytest.mark.parametrize(
    "worse",
    [
        [("todo.create", "invalid-input"), *SMOOTH],
        [*SMOOTH, ("todo.complete", "not-found")],
        [("todo.create", "infrastructure"), *SMOOTH],
        [("todo.list", NOTHING)],
        [*SMOOTH[:2], ("todo.list", ONE, 30_001.0)],
    ],
    ids=["an error", "giving up", "a fault", "finding nothing", "slowness"],
)
def test_a_module_is_rated_worse_for(worse):
    assert rated(*worse).rating < rated(*SMOOTH).rating


def test_more_help_is_rated_better():
    assert rated(("todo.create", MADE)).rating < rated(*SMOOTH).rating == 5


def test_a_crowded_list_bothers_only_those_who_mind():
    actions, memory = lived(("todo.create", MADE), ("todo.list", MANY))
    patient = rate_module("todo", actions, memory, Temper())
    bothered = rate_module("todo", actions, memory, Temper(crowded=1.0))
    assert bothered.rating < patient.rating


def test_a_rating_stays_between_1_and_5():
    assert rated(*[("todo.create", "infrastructure")] * 9).rating == 1
    assert rated(*SMOOTH * 9).rating == 5


def test_latency_below_half_a_minute_does_not_matter():
    quick, slow = lived(("todo.create", MADE, 0.1)), lived(("todo.create", MADE, 29_999.0))
    assert rate_module("todo", *quick, Temper()) == rate_module("todo", *slow, Temper())


def test_who_left_says_so_and_rates_the_module_lower():
    actions, memory = lived(*SMOOTH, ("todo.create", "invalid-input"))
    stayed = rate_module("todo", actions, memory, Temper())
    left = rate_module("todo", actions, memory, Temper(), left=True)
    assert left.rating < stayed.rating
    assert left.notes == stayed.notes[:-1] + "; lost patience here and left."


def test_coming_back_to_something_is_a_note_and_no_merit():
    actions, memory = lived(*SMOOTH)
    plain = rate_module("todo", actions, memory, Temper())
    back = rate_module("todo", actions, memory, Temper(), returned=2)
    assert back.rating == plain.rating
    assert back.notes == plain.notes[:-1] + "; came back to something unfinished 2 times."


def test_the_notes_cite_what_happened_and_the_evidence_is_its_actions():
    rating = rated(
        ("todo.create", "invalid-input"),
        ("todo.create", "invalid-input"),
        ("todo.create", MADE),
        ("todo.list", NOTHING),
        ("todo.complete", "not-found"),
    )
    assert rating.notes == (
        "todo.create worked 1 of 3 times; todo.list worked 1 of 1 time; "
        "todo.complete worked 0 of 1 time; "
        "failures: todo.create invalid-input 2 times, todo.complete not-found 1 time; "
        "went through after another try: todo.create; gave up on todo.complete; "
        "todo.list showed nothing 1 time."
    )
    assert rating.evidence == (
        "t-0-todo.create",
        "t-1-todo.create",
        "t-2-todo.create",
        "t-3-todo.list",
        "t-4-todo.complete",
    )
