"""Tools of other packages, through entry points or handed over."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from pydantic import Field

from mana_lab.errors import DuplicateToolError, SettingsError
from mana_lab.registry import Done, ToolContext, ToolInput, tool
from mana_lab.tools import ENTRY_POINTS, default_registry, with_plugins


class Given(ToolInput):
    times: int = Field(1, ge=1, le=9, description="How often")


@tool("bells.ring", policy_hint="write")
async def ring(_given: Given, _ctx: ToolContext) -> Done:
    """Ring a bell some times.

    Not for an alarm: use calendar.create for that.

    Example: {"times": 2}
    """
    return Done()


@pytest.fixture
def point(monkeypatch):
    """Return what makes an entry point of a value."""

    def make(value, name="bells"):
        module = ModuleType("bells_of_the_tests")
        module.value = value
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return EntryPoint(name, "bells_of_the_tests:value", ENTRY_POINTS)

    return make


@pytest.mark.parametrize("value", [ring, [ring], (ring,)], ids=["one", "list", "tuple"])
def test_an_entry_point_gives_one_tool_or_several(point, value):
    registry = with_plugins(default_registry(), found=[point(value)])
    assert "bells.ring" in registry
    assert len(registry) == len(default_registry()) + 1


def test_tools_are_handed_over():
    assert "bells.ring" in with_plugins(default_registry(), [ring])


def test_no_package_that_is_installed_here_adds_tools():
    assert len(with_plugins(default_registry())) == len(default_registry())


@pytest.mark.parametrize("value", [None, 3, [ring, "bells.ring"], "bells.ring"], ids=repr)
def test_an_entry_point_that_is_no_tool_is_named(point, value):
    with pytest.raises(SettingsError, match="bells = bells_of_the_tests:value"):
        with_plugins(default_registry(), found=[point(value)])


def test_an_entry_point_that_cannot_be_loaded_is_named():
    broken = EntryPoint("bells", "no_such_module:value", ENTRY_POINTS)
    with pytest.raises(SettingsError, match="cannot be loaded: No module named"):
        with_plugins(default_registry(), found=[broken])


def test_a_tool_that_is_there_already_is_refused(point):
    with pytest.raises(DuplicateToolError, match=r"bells\.ring"):
        with_plugins(default_registry(), [ring], found=[point(ring)])


def test_what_is_handed_over_must_be_a_tool():
    with pytest.raises(SettingsError, match="str where a ToolSpec is needed"):
        with_plugins(default_registry(), ["bells.ring"])
