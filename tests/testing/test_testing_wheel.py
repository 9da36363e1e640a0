"""What is in the wheel, and what pip tells pytest of it."""

import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook

from mana_lab.testing import plugin

ROOT = Path(__file__).parents[2]


def test_pytest_finds_the_plugin_of_the_installed_package():
    (found,) = [each for each in entry_points(group="pytest11") if each.name == "mana_lab"]
    assert found.load() is plugin


def test_pytest_may_be_started_where_the_package_is_loaded_already(pytestconfig):
    AssertionRewritingHook(pytestconfig).mark_rewrite("mana_lab")  # a warning would be an error


def test_the_wheel_has_the_plugin_and_says_so(tmp_path):
    wheels = pytest.importorskip("hatchling.builders.wheel")
    [built] = wheels.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as wheel:
        names = set(wheel.namelist())
        [declared] = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
        assert "[pytest11]\nmana_lab = mana_lab.testing.plugin\n" in wheel.read(declared).decode()
    assert {"mana_lab/testing/plugin.py", "mana_lab/py.typed"} <= names
    assert {
        "mana_lab/_shipped/catalog/personas.json",
        "mana_lab/_shipped/notebooks/00_quickstart.ipynb",
    } <= names
    assert not {name for name in names if name.startswith("tests/")}
