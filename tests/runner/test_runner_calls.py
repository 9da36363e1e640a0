import re

import pytest

from mana_lab.runner.calls import CallError, CallOutcome, ToolInfo, module_of
from mana_lab.runner.functions import functions_of, tool_name
from mana_lab.tools import default_registry


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
    """Names like mcp__mana__habits_create left every tick of the original without ratings."""
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


def test_a_model_gets_functions_whose_names_lead_back_to_the_tools():
    specs = list(default_registry())
    tools = [ToolInfo(spec.name, spec.description, spec.input_schema()) for spec in specs]
    functions = functions_of(tools)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", each["name"]) for each in functions)
    assert [tool_name(each["name"]) for each in functions] == [spec.name for spec in specs]
    assert functions[0]["parameters"] == specs[0].input_schema()
