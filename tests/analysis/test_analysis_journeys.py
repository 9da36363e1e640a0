"""Journeys of labs of short texts: what a persona set out to do, and whether it worked."""

import pandas as pd
import pytest
from living_house import lab_of, lived

from mana_lab import Archives
from mana_lab.analysis.archive import write_archive
from mana_lab.analysis.columns import DTYPES
from mana_lab.analysis.journeys import JOURNEYS
from mana_lab.analysis.meanings import described
from mana_lab.analysis.statistics import journey_reliability
from mana_lab.errors import NotFoundError


@pytest.fixture(scope="module")
def lab():
    """Two personas with some ticks, the second of whom gives one up, and two more runs."""
    return lab_of(
        lived("todo.create! todo.create journal.add!"),
        lived("todo.create", number=2),
        lived("todo.create todo.list", number=3),
        lived("todo.create! todo.list!", "Ben"),
        lived("journal.add todo.create", "Ben", 2, status="abandoned"),
        lived("todo.create", "Ben", 3, status="failed"),
        lived("todo.create", "Ben", 4, status="running"),
        lived("notes.add", run=2, number=4, more={"model": "a-model", "variant": "control"}),
    )


def of(frame, *columns):
    return frame[list(columns)].to_numpy().tolist()


def test_a_journey_succeeds_where_its_last_call_worked_and_nobody_gave_up_there(lab):
    assert of(lab.journeys_df(1), "persona", "tick", "journey", "success", "calls", "errors") == [
        ["Anna", 1, "journal", False, 1, 1],
        ["Anna", 1, "todo", True, 2, 1],
        ["Ben", 1, "todo", False, 2, 2],
        ["Anna", 2, "todo", True, 1, 0],
        ["Ben", 2, "journal", True, 1, 0],
        ["Ben", 2, "todo", False, 1, 0],
        ["Anna", 3, "todo", True, 2, 0],
    ]


def test_their_reliability_needs_nothing_else(lab):
    table = journey_reliability(lab.journeys_df(1), k=2).set_index("journey")
    assert of(table, "personas", "trials", "successes") == [[2, 2, 1], [2, 5, 3]]
    assert table.loc["todo", ["pass_at_1", "pass_hat_k", "pass_at_k"]].tolist() == [0.5] * 3


def test_a_run_is_chosen_as_everywhere(lab):
    assert of(lab.journeys_df(2), "journey", "model", "variant") == [
        ["notes", "a-model", "control"]
    ]
    assert len(lab.journeys_df()) == 8
    with pytest.raises(NotFoundError, match="has no run 3"):
        lab.journeys_df(3)


def test_sql_sees_the_same_as_a_view_whose_columns_are_described(lab):
    table, types = described("journeys"), lab.sql("DESCRIBE journeys")
    assert table["column"].tolist() == types["column_name"].tolist()
    assert table["sql_type"].tolist() == types["column_type"].tolist()
    query = "SELECT * FROM journeys WHERE run = 1 ORDER BY scheduled_at, persona, journey"
    viewed = lab.warehouse.typed(query, JOURNEYS.columns())
    pd.testing.assert_frame_equal(viewed, lab.journeys_df(1))


def test_it_is_typed_without_rows():
    empty = lab_of().journeys_df()
    expected = {
        name: str(pd.Series([], dtype=DTYPES[kind]).dtype)
        for name, kind in JOURNEYS.columns().items()
    }
    assert {name: str(dtype) for name, dtype in empty.dtypes.items()} == expected
    assert journey_reliability(empty).empty


def test_labs_with_the_same_ids_are_kept_apart_and_their_personas_are_one(lab, tmp_path):
    for name in ("monday", "tuesday"):
        (tmp_path / name).mkdir()
        write_archive(lab.warehouse, tmp_path / name)
    both = Archives.open({name: tmp_path / name for name in ("monday", "tuesday")})
    found = both.journeys_df()
    for _, part in found.groupby("lab"):
        one = part.drop(columns="lab").reset_index(drop=True)
        pd.testing.assert_frame_equal(one, lab.journeys_df())
    table = journey_reliability(found).set_index("journey")
    assert of(table.loc[["todo"]], "personas", "trials") == [[2, 10]]


async def test_calls_by_hand_are_no_journeys_and_tools_tell_their_module(house):
    anna = await house.persona()
    await house.run()
    await house.tick(anna, status="done")
    await house.action(anna, "todo.create", module=None)
    await house.action(anna, "notes.list", tick=99, run=None)
    assert house.warehouse.journeys_df()["journey"].tolist() == ["todo"]
