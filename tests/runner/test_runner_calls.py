import pytest

from mana_lab.runner.calls import CallError, CallOutcome, ToolInfo, module_of


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("habits.create", "habits"),
        ("me.listReferenceImages", "me"),
        ("mcp__mana__habits.create", "habits"),
        ("mcp__mana__habits_create", "habits"),
        ("mcp__mana-lab__journal_add", "journal"),
        ("habits_create", "habits"),
        ("habits", "habits"),
        ("mcp__habits", "habits"),
    ],
)
def test_the_module_is_found_however_an_agent_kit_spells_the_tool(name, module):
    """Defect 9.1-12: names like mcp__mana__habits_create left every tick without ratings."""
    assert module_of(name) == module


def test_a_tool_reads_or_destroys_only_if_it_says_so():
    silent = ToolInfo("a.b", "", {})
    assert not silent.reads
    assert not silent.destroys
    reading = ToolInfo("a.b", "", {}, {"readOnlyHint": True, "destructiveHint": True})
    assert reading.reads
    assert not reading.destroys
    assert ToolInfo("a.b", "", {}, {"destructiveHint": True}).destroys


def test_an_outcome_is_ok_when_there_is_no_error():
    assert CallOutcome("a.b", {}, None, 1.0, "id", 0).ok
    error = CallError("not-found", "not-found", "there is none")
    assert not CallOutcome("a.b", None, error, 1.0, "id", 0).ok
