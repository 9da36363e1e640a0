import pandas as pd
import pytest
from friction_house import friction_of, tick, warehouse_of

from mana_lab import Archive, Archives
from mana_lab.analysis import Friction
from mana_lab.analysis.archive import write_archive
from mana_lab.analysis.columns import DTYPES, SQL_TYPES
from mana_lab.analysis.friction import DEFINITIONS
from mana_lab.analysis.meanings import described
from mana_lab.errors import NotFoundError

METHODS = {name: name.removeprefix("friction_") for name in DEFINITIONS}
MIXES = {"Anna": {"a": 1.0, "x": 1.0}, "Ben": {"a": 1.0, "x": 1.0}}

BY_HAND = tick("a#1! a#1! b! x#2 x#2", number=3, run=None)


@pytest.fixture(scope="module")
def lively():
    """Two runs and calls by hand in which every question has an answer."""
    return warehouse_of(
        tick("a#1! a#1 b a#1 c!unknown-tool b d!"),
        tick("a! b", "Ben"),
        tick("b c!unknown-tool a b#1 b#1 d! b", "Ben", 2, run=2),
        BY_HAND,
        mixes=MIXES,
    )


def assert_typed(frame, kinds):
    expected = {name: str(pd.Series([], dtype=DTYPES[kind]).dtype) for name, kind in kinds.items()}
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == expected


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_view_is_a_method_whose_frames_are_typed_with_and_without_rows(name, lively):
    definition = DEFINITIONS[name]
    for warehouse in (lively, warehouse_of()):
        found = getattr(Friction(warehouse), METHODS[name])()
        assert_typed(found, definition.columns())
        assert found.empty == (warehouse is not lively)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_view_has_the_columns_that_its_description_says(name, lively):
    types = lively.sql(f"DESCRIBE {name}")
    table = described(name)
    assert table["column"].tolist() == types["column_name"].tolist()
    assert table["sql_type"].tolist() == types["column_type"].tolist()
    assert table["meaning"].str.endswith(".").all()
    assert set(table["dtype"]) <= set(DTYPES.values())
    assert set(table["sql_type"]) <= set(SQL_TYPES.values())
    assert "run" in set(table["column"])


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("run", [1, 2])
def test_a_view_of_one_run_says_what_the_method_says(name, run, lively):
    of_run = getattr(Friction(lively), METHODS[name])(run)
    assert not of_run.empty
    order = "ORDER BY occurred_at, persona, seq" if name == "friction_calls" else ""
    query = f"SELECT * FROM {name} WHERE run = {run} {order}"
    viewed = lively.typed(query, DEFINITIONS[name].columns())
    pd.testing.assert_frame_equal(viewed, of_run)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_runs_are_chosen_as_everywhere(name, lively):
    ask = getattr(Friction(lively), METHODS[name])
    pd.testing.assert_frame_equal(ask("run-1"), ask(1))
    with pytest.raises(NotFoundError, match="has no run 3; its runs are 1, 2"):
        ask(3)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_persona_is_chosen_by_name_or_address(name, lively):
    ask = getattr(Friction(lively), METHODS[name])
    pd.testing.assert_frame_equal(ask(persona="Ben"), ask(persona="ben@mana.test"))
    with pytest.raises(NotFoundError, match="this lab has no persona 'Zoe'"):
        ask(persona="Zoe")
    alone = ask(persona="Anna")
    if "persona" in alone:
        assert set(alone["persona"]) <= {"Anna"}


def test_a_personas_counts_are_theirs_alone(lively):
    of = Friction(lively)
    assert of.tools(persona="Ben")["calls"].sum() == 9
    assert of.tools(1, persona="Ben")["calls"].sum() == 2
    assert of.tools()["calls"].sum() == of.calls().shape[0] == 21


def test_calls_by_hand_are_counted_with_all_runs_and_have_no_run(lively):
    by_hand = lively.sql("SELECT sum(calls) AS n FROM friction_tools WHERE run IS NULL")
    assert by_hand["n"].tolist() == [5]
    assert Friction(lively).tools().set_index("tool_name").loc["x", "calls"] == 2


@pytest.mark.parametrize(
    "name", sorted({*DEFINITIONS} - {"friction_undiscovered", "friction_unknown_tools"})
)
def test_the_rows_of_a_view_without_a_run_are_those_of_calls_by_hand(name, lively):
    alone = warehouse_of(BY_HAND)
    order = "ORDER BY seq" if name == "friction_calls" else ""
    query = f"SELECT * FROM {name} WHERE run IS NULL {order}"
    viewed = lively.typed(query, DEFINITIONS[name].columns())
    pd.testing.assert_frame_equal(viewed, getattr(Friction(alone), METHODS[name])())


def test_a_hostile_name_is_a_name_and_no_sql():
    of = friction_of(tick("a';DROP!unknown-tool b"), tick("b", "O'Brien"))
    assert of.unknown_tools()["tool_name"].tolist() == ["a';DROP"]
    assert of.tools(persona="O'Brien")["calls"].tolist() == [1]
    assert of.undiscovered(offered=["'; SELECT 1 --"]).empty
    with pytest.raises(NotFoundError):
        of.tools(persona="' OR true --")


def test_a_call_without_a_module_is_counted_as_any_other(lively):
    assert Friction(lively).detours()["calls"].sum() == 21


@pytest.fixture(scope="module")
def alone(lively, tmp_path_factory):
    """An archive of that lab."""
    folder = tmp_path_factory.mktemp("monday")
    write_archive(lively, folder)
    return Archive.open(folder)


@pytest.fixture(scope="module")
def together(alone, tmp_path_factory):
    """The same lab twice, so that all ids are there twice, and another with a seventh run."""
    other = tmp_path_factory.mktemp("other")
    write_archive(warehouse_of(tick("a! b", number=9, run=7), tick("a! b")), other)
    return Archives.open({"monday": alone.place, "tuesday": alone.place, "other": other})


@pytest.mark.parametrize("name", DEFINITIONS)
def test_labs_with_the_same_ids_are_kept_apart(name, alone, together):
    one, all_of_them = (getattr(of.friction, METHODS[name])() for of in (alone, together))
    assert all_of_them.columns[0] == "lab"
    for lab in ("monday", "tuesday"):
        of_lab = all_of_them[all_of_them["lab"] == lab].drop(columns="lab").reset_index(drop=True)
        pd.testing.assert_frame_equal(of_lab, one)
    viewed = together.sql(f"SELECT count(*) AS n FROM {name} WHERE lab = 'monday'")
    pd.testing.assert_frame_equal(viewed, alone.sql(f"SELECT count(*) AS n FROM {name}"))


def test_a_run_of_several_labs_is_chosen_by_its_number(together):
    of = together.friction
    assert set(of.tools(1)["lab"]) == {"monday", "tuesday", "other"}
    assert set(of.tools(7)["lab"]) == {"other"}
    assert set(of.undiscovered(1, offered=["x"])["lab"]) == {"monday", "tuesday"}
    with pytest.raises(NotFoundError, match="its runs are 1, 2, 7"):
        of.tools(3)


async def test_a_lab_offers_it(lived_in):
    of = Friction(lived_in.warehouse)
    assert of.tools(1)["tool_name"].tolist() == ["todo.create", "journal.add"]
    assert of.errors()["example"].tolist() == ["dueDate: got 'tomorrow', expected a date"]
    assert of.first_success(persona="Anna").query("tries > 1").empty
    assert repr(of) == (
        "<Friction: calls, confusion, detours, error_recovery, errors, first_success, personas, "
        "repeats, tools, transitions, undiscovered, unknown_tools, variants>"
    )
