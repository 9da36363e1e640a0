from asyncio import to_thread
from datetime import UTC, datetime

import pandas as pd
import pytest
from living_house import lab_of, lived

from mana_lab.analysis import columns
from mana_lab.analysis.views import DERIVED
from mana_lab.errors import NotFoundError, QueryError


async def test_a_query_sees_the_rows_and_what_is_derived_from_them(lived_in):
    for view in columns.VIEWS:
        frame = lived_in.warehouse.sql(f"SELECT count(*) AS n FROM {view}")
        assert frame["n"].iloc[0] > 0
    assert (*columns.VIEWS, *DERIVED) == lived_in.warehouse.VIEWS
    for view in DERIVED:
        assert "run" in lived_in.warehouse.sql(f"SELECT * FROM {view}").columns
    assert repr(lived_in.warehouse).startswith(
        "<Warehouse: persona_actions, persona_feedback, personas, runs, ticks, ratings_in_context, "
    )


async def test_views_have_the_columns_of_the_frames(lived_in):
    of = lived_in.warehouse
    for view, frame in {
        "persona_actions": of.actions_df(),
        "persona_feedback": of.feedback_df(),
        "personas": of.personas_df(),
        "runs": of.runs_df(),
        "ticks": of.ticks_df(),
    }.items():
        got = of.sql(f"SELECT * FROM {view}")
        assert list(got.columns) == list(frame.columns)
        times = frame.select_dtypes("datetimetz").columns
        pd.testing.assert_frame_equal(got[times], frame[times])
        texts = frame.select_dtypes("str").columns
        pd.testing.assert_frame_equal(got[texts], frame[texts])


async def test_views_of_an_empty_lab_have_their_types(house):
    types = house.warehouse.sql("DESCRIBE personas").set_index("column_name")["column_type"]
    assert types["module_mix"] == "MAP(VARCHAR, DOUBLE)"
    assert types["last_active_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["archetype"] == "VARCHAR"
    types = house.warehouse.sql("DESCRIBE persona_feedback").set_index("column_name")["column_type"]
    assert types["evidence"] == "VARCHAR[]"
    assert types["rating"] == "BIGINT"


async def test_the_readmes_query_works(lived_in):
    frame = lived_in.warehouse.sql(
        "SELECT module, avg(rating) AS mean FROM persona_feedback GROUP BY ALL ORDER BY ALL"
    )
    assert frame.to_dict("list") == {"module": ["journal", "todo"], "mean": [4.0, 3.5]}


async def test_parameters_are_values_and_never_text_of_the_query(lived_in):
    query = "SELECT count(*) AS n FROM persona_actions WHERE persona = $who AND run = $run"
    assert lived_in.warehouse.sql(query, who="Anna", run=1)["n"].tolist() == [4]
    assert lived_in.warehouse.sql(query, who="' OR 1=1 --", run=1)["n"].tolist() == [0]
    after = datetime(2026, 1, 6, tzinfo=UTC)
    query = "SELECT count(*) AS n FROM persona_actions WHERE occurred_at > $query"
    assert lived_in.warehouse.sql(query, query=after)["n"].tolist() == [2]


async def test_nested_columns_can_be_asked(lived_in):
    frame = lived_in.warehouse.sql("SELECT persona, module_mix['todo'] AS share FROM personas")
    assert frame["share"].tolist() == [0.6, 0.6]
    frame = lived_in.warehouse.sql("SELECT unnest(evidence) AS action FROM persona_feedback")
    assert frame["action"].tolist() == ["user-ben-tick-1-1-journal.add"]


async def test_times_are_in_utc_whatever_the_order_and_the_names(lived_in):
    frame = lived_in.warehouse.sql(
        'SELECT a.*, p.*, a.occurred_at AS "when ""it"" was", hour(a.occurred_at) AS hours '
        "FROM persona_actions a JOIN personas p ON p.user_id = a.persona_id "
        "ORDER BY a.occurred_at DESC, a.id DESC"
    )
    assert frame['when "it" was'].is_monotonic_decreasing
    assert str(frame["created_at_1"].dtype) == "datetime64[us, UTC]"
    assert set(frame["hours"]) == {7}


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
async def test_the_zone_of_the_machine_changes_nothing(lived_in, monkeypatch, zone):
    query = "SELECT occurred_at, occurred_at::VARCHAR AS text FROM persona_actions ORDER BY ALL"
    before = lived_in.warehouse.sql(query)
    monkeypatch.setenv("TZ", zone)
    pd.testing.assert_frame_equal(lived_in.warehouse.sql(query), before)
    assert before["text"].iloc[0] == "2026-01-05 07:00:00+00"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM personas", 'column "nothing" not found'),
        ("SELECT * FROM users", "users does not exist"),
        ("SELECT $who", "who"),
        ("SELECT 1 / 'x'::INTEGER", "Conversion Error"),
        ("  ", "the query is empty"),
        (
            "SELECT {'moment': occurred_at} AS box FROM persona_actions",
            "box: .*VARCHAR",
        ),
        ("SELECT {'moment': now()} FROM range(0)", "cast it to VARCHAR"),
        ("SELECT MAP {1: [now()]}", "cast it to VARCHAR"),
    ],
)
async def test_a_refused_query_says_why_in_duckdbs_words(lived_in, query, sentence):
    with pytest.raises(QueryError, match=sentence):
        lived_in.warehouse.sql(query)


async def test_a_parameter_that_the_query_does_not_have_is_an_error(lived_in):
    with pytest.raises(QueryError):
        lived_in.warehouse.sql("SELECT 1", who="Anna")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM read_json('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "COPY personas TO '{folder}/out.parquet'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/out.db'",
        "ATTACH '{file}' (TYPE sqlite)",
        "INSTALL sqlite",
        "LOAD sqlite",
        "SET enable_external_access = true",
        "RESET enable_external_access",
        "SET TimeZone = 'Asia/Tokyo'",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
    ],
)
async def test_a_query_reaches_neither_the_disk_nor_the_network(house, tmp_path, query):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(QueryError):
        house.warehouse.sql(query.format(file=secret, folder=tmp_path))
    assert sorted(tmp_path.iterdir()) == before


async def test_a_query_does_not_see_the_variables_of_its_caller(house):
    secrets = pd.DataFrame({"a": [1]})
    with pytest.raises(QueryError, match="secrets does not exist"):
        house.warehouse.sql("SELECT * FROM secrets")
    assert len(secrets) == 1


async def test_a_query_cannot_change_what_the_next_one_sees(lived_in):
    lived_in.warehouse.sql("DROP VIEW personas")
    assert len(lived_in.warehouse.sql("SELECT * FROM personas")) == 2


async def test_results_keep_missing_values_and_types(house):
    frame = house.warehouse.sql(
        "SELECT 1::BIGINT AS a, NULL::VARCHAR AS b, NULL::TIMESTAMPTZ AS c, true AS d "
        "UNION ALL SELECT NULL, NULL, NULL, NULL"
    )
    kinds = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert kinds == {"a": "Int64", "b": "str", "c": "datetime64[us, UTC]", "d": "boolean"}
    assert house.warehouse.sql("SELECT occurred_at FROM persona_actions").empty


async def test_within_a_snapshot_all_answers_are_of_one_time(lived_in):
    warehouse = lived_in.warehouse
    cleo = await lived_in.persona("Cleo")
    with warehouse.snapshot():
        before = len(warehouse.actions_df())
        await lived_in.action(cleo)
        with warehouse.snapshot():
            assert warehouse.sql("SELECT count(*) AS n FROM persona_actions")["n"].item() == before
        assert len(warehouse.actions_df()) == before
        others = await to_thread(lambda: len(warehouse.actions_df()))
        assert others == before + 1
        assert len(warehouse.actions_df()) == before
    assert len(warehouse.actions_df()) == before + 1


async def test_what_is_made_once_is_of_one_time_and_made_again_of_new_rows(lived_in):
    warehouse, made = lived_in.warehouse, []

    def both():
        made.append(len(warehouse.actions_df()))
        return made[-1], len(warehouse.ticks_df())

    assert warehouse.once("both", both) == warehouse.once("both", both)
    assert len(made) == 1
    await lived_in.action(await lived_in.persona("Cleo"))
    assert warehouse.once("both", both)[0] == made[0] + 1


async def test_a_query_that_changes_views_is_forgotten_within_a_snapshot_too(lived_in):
    with lived_in.warehouse.snapshot():
        with lived_in.warehouse.snapshot():
            lived_in.warehouse.sql("DROP VIEW personas")
        assert len(lived_in.warehouse.personas_df()) == 2
    assert len(lived_in.warehouse.personas_df()) == 2


async def test_a_block_that_fails_lets_go_of_its_snapshot(lived_in):
    warehouse = lived_in.warehouse
    with pytest.raises(QueryError), warehouse.snapshot():
        warehouse.sql("SELECT nothing")
    await lived_in.action(await lived_in.persona("Cleo"))
    assert set(warehouse.actions_df()["persona"]) == {"Anna", "Ben", "Cleo"}


def test_what_is_no_query_is_refused_as_one():
    lab = lab_of(lived("todo.create", todo=4))
    for wrong, said in ((None, "got None"), (5, "got 5"), ("SELECT '\ud800'", "half of a char")):
        with pytest.raises(QueryError, match=said):
            lab.sql(wrong)
    with pytest.raises(NotFoundError, match="no view None; there are"):
        lab.describe(None)
    assert lab.sql("SELECT 1 AS n")["n"].item() == 1
