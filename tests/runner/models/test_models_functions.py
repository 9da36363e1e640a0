"""Tools of any name as functions that models can call."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.functions import FunctionNames, functions_of


def tools(*names):
    return [ToolInfo(name, "", {}) for name in names]


@pytest.mark.parametrize(
    ("tool", "function"),
    [
        ("todo.create", "todo_create"),
        ("newsResearch.find", "newsResearch_find"),
        ("read_graph", "read_graph"),
        ("get-sum", "get-sum"),
        ("files/read", "files_read_2b733164"),
        ("näher.an", "n_her_an_80aef532"),
        ("", "_e3b0c442"),
    ],
)
def test_functions_keep_what_they_can_of_a_name(tool, function):
    names = FunctionNames(tools(tool))
    assert names.function(tool) == function
    assert names.tool(function) == tool


def test_tools_that_look_alike_as_functions_stay_apart():
    alike = ["todo_create", "todo.create", "todo/create", "todo create", "leave"]
    names = FunctionNames(tools(*alike), reserved=("leave",))
    functions = [names.function(tool) for tool in alike]
    assert len(set(functions)) == len(alike)
    assert names.function("todo.create") == "todo_create"
    assert "leave" not in functions
    assert [names.tool(function) for function in functions] == alike


@pytest.mark.parametrize(
    ("function", "tool"),
    [("todo_fly", "todo.fly"), ("fly", "fly"), ("a_b_c", "a_b_c"), ("Do it!", "Do it!"), ("", "")],
)
def test_a_function_that_nobody_offers_leads_to_what_was_probably_meant(function, tool):
    assert FunctionNames(tools("todo.create")).tool(function) == tool


@settings(max_examples=50)
@given(st.lists(st.text(max_size=90), max_size=12))
def test_every_name_leads_back_from_a_function_that_models_take(given_names):
    names = FunctionNames(tools(*given_names))
    unique = set(given_names)
    functions = {name: names.function(name) for name in unique}
    assert len(set(functions.values())) == len(unique)
    for name, function in functions.items():
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function)
        assert names.tool(function) == name


def test_definitions_go_by_the_names_that_are_given():
    offered = tools("leave")
    [definition] = functions_of(offered, FunctionNames(offered, reserved=("leave",)))
    assert definition["name"] == "leave_af193190"
