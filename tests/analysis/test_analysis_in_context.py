import pandas as pd
import pytest
from living_house import lab_of, lived

from mana_lab import Archives
from mana_lab.analysis.archive import write_archive
from mana_lab.analysis.columns import DTYPES
from mana_lab.analysis.in_context import RATINGS_IN_CONTEXT
from mana_lab.analysis.meanings import described
from mana_lab.errors import NotFoundError

MODEL = {"brain": "model", "model": "a-model", "variant": "control"}


@pytest.fixture(scope="module")
def lab():
    """Two runs of two brains; Ben rates what he did not use."""
    return lab_of(
        lived("todo.create! todo.create todo.get!not-found journal.add", todo=2, journal=5),
        lived("todo.create journal.add!forbidden", number=2, todo=5, journal=3),
        lived("todo.create", "Ben", todo=4, journal=1, run=2, more=MODEL),
    )


def test_a_rating_stands_beside_the_calls_that_it_rests_on(lab):
    shown = ["persona", "tick", "module", "rating", "calls", "errors", "invalid_input"]
    table = lab.ratings_in_context()[[*shown, "refused", "not_found"]]
    assert table.to_numpy().tolist() == [
        ["Anna", 1, "journal", 5, 1, 0, 0, 0, 0],
        ["Anna", 1, "todo", 2, 3, 2, 1, 0, 1],
        ["Anna", 2, "journal", 3, 1, 1, 0, 1, 0],
        ["Anna", 2, "todo", 5, 1, 0, 0, 0, 0],
        ["Ben", 1, "journal", 1, 0, 0, 0, 0, 0],
        ["Ben", 1, "todo", 4, 1, 0, 0, 0, 0],
    ]


def test_it_says_who_played_the_persona_in_which_app_and_how_long_answers_took(lab):
    ben = lab.ratings_in_context(2)
    assert ben["brain"].tolist() == ["model", "model"]
    assert ben["model"].tolist() == ["a-model", "a-model"]
    assert ben["latency_ms"].isna().tolist() == [True, False]
    assert ben["latency_ms"].iloc[1] == 20.0
    assert ben["variant"].tolist() == ["control", "control"]
    assert lab.ratings_in_context(1)[["model", "variant"]].isna().all(axis=None)


def test_it_has_all_ratings_in_their_order_and_those_of_a_run(lab):
    assert lab.ratings_in_context()["id"].tolist() == lab.feedback_df()["id"].tolist()
    assert lab.ratings_in_context(2)["id"].tolist() == lab.feedback_df(2)["id"].tolist()
    with pytest.raises(NotFoundError, match="has no run 3"):
        lab.ratings_in_context(3)


def test_sql_sees_the_same_as_a_view_whose_columns_are_described(lab):
    table = described("ratings_in_context")
    types = lab.sql("DESCRIBE ratings_in_context")
    assert table["column"].tolist() == types["column_name"].tolist()
    assert table["sql_type"].tolist() == types["column_type"].tolist()
    query = "SELECT * FROM ratings_in_context WHERE run = 2 ORDER BY module"
    viewed = lab.warehouse.typed(query, RATINGS_IN_CONTEXT.columns())
    pd.testing.assert_frame_equal(viewed, lab.ratings_in_context(2))


def test_it_is_typed_without_rows():
    empty = lab_of().ratings_in_context()
    expected = {
        name: str(pd.Series([], dtype=DTYPES[kind]).dtype)
        for name, kind in RATINGS_IN_CONTEXT.columns().items()
    }
    assert {name: str(dtype) for name, dtype in empty.dtypes.items()} == expected


def test_labs_with_the_same_ids_are_kept_apart(lab, tmp_path):
    for name in ("monday", "tuesday"):
        (tmp_path / name).mkdir()
        write_archive(lab.warehouse, tmp_path / name)
    both = Archives.open({name: tmp_path / name for name in ("monday", "tuesday")})
    counted = both.sql(
        "SELECT lab, count(*) AS n, sum(errors) AS errors FROM ratings_in_context "
        "GROUP BY ALL ORDER BY ALL"
    )
    assert counted.to_numpy().tolist() == [["monday", 6, 3], ["tuesday", 6, 3]]
    assert both.ratings_in_context()["lab"].tolist() == ["monday"] * 6 + ["tuesday"] * 6


async def test_calls_whose_module_nobody_noted_are_told_by_the_name_of_the_tool(house):
    anna = await house.persona()
    await house.run()
    await house.tick(anna)
    await house.action(anna, "todo.create", module=None, result="error", error_kind="conflict")
    await house.feedback(anna, "todo", 1)
    table = house.warehouse.ratings_in_context()
    assert table[["calls", "errors", "conflict"]].to_numpy().tolist() == [[1, 1, 1]]
