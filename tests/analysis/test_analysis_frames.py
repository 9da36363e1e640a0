import pandas as pd
import pytest

from mana_lab.analysis import columns, tables
from mana_lab.analysis.columns import DTYPES
from mana_lab.analysis.meanings import MEANINGS, described
from mana_lab.errors import InvalidInputError, NotFoundError
from mana_lab.identity.server import schema
from mana_lab.runner import ledger_tables

_SHARED = {"module", "occurred_at", "created_at", "tick", "tick_id"}
FRAMES = {
    "actions_df": columns.ACTIONS,
    "feedback_df": columns.FEEDBACK,
    "personas_df": columns.PERSONAS,
    "runs_df": columns.RUNS,
    "ticks_df": columns.TICKS,
}


def assert_typed(frame, kinds):
    expected = {name: str(pd.Series([], dtype=DTYPES[kind]).dtype) for name, kind in kinds.items()}
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == expected
    assert list(frame.columns) == list(kinds)


@pytest.mark.parametrize(
    ("read", "owner"),
    [
        (tables.USERS, schema.METADATA),
        (tables.PERSONAS, schema.METADATA),
        (tables.ACTIONS, schema.METADATA),
        (tables.FEEDBACK, schema.METADATA),
        (tables.RUNS, ledger_tables.METADATA),
        (tables.TICKS, ledger_tables.METADATA),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_column_that_is_read_exists_at_its_owner(read, owner):
    assert {column.name for column in read.c} <= {c.name for c in owner.tables[read.name].c}


@pytest.mark.parametrize("name", FRAMES)
async def test_empty_frames_have_their_columns_and_types(house, name):
    empty = getattr(house.warehouse, name)()
    assert empty.empty
    assert_typed(empty, FRAMES[name])


@pytest.mark.parametrize("name", FRAMES)
async def test_filled_frames_have_the_same_columns_and_types(lived_in, name):
    filled = getattr(lived_in.warehouse, name)()
    assert len(filled) > 0
    assert_typed(filled, FRAMES[name])


async def test_actions_come_by_run_time_persona_and_place(lived_in):
    frame = lived_in.warehouse.actions_df()
    shown = frame[["run", "persona", "tick", "seq", "tool_name", "result"]].to_numpy().tolist()
    assert shown == [
        [1, "Anna", 1, 0, "todo.create", "ok"],
        [1, "Anna", 1, 1, "journal.add", "ok"],
        [1, "Ben", 1, 0, "todo.create", "ok"],
        [1, "Ben", 1, 1, "journal.add", "ok"],
        [1, "Anna", 2, 0, "todo.create", "error"],
        [1, "Anna", 2, 1, "todo.create", "ok"],
    ]


async def test_rows_carry_the_name_address_and_archetype_of_the_persona(lived_in):
    for frame in (
        lived_in.warehouse.actions_df(),
        lived_in.warehouse.feedback_df(),
        lived_in.warehouse.ticks_df(),
    ):
        people = frame[["persona", "email", "archetype"]].drop_duplicates().sort_values("persona")
        assert people.to_numpy().tolist() == [
            ["Anna", "persona.anna@mana.test", "adhd-student"],
            ["Ben", "persona.ben@mana.test", "ceo-busy"],
        ]


async def test_a_run_is_chosen_by_its_number_its_id_or_itself(lived_in):
    ben = lived_in.warehouse.personas_df().set_index("persona").loc["Ben"]
    await lived_in.run(2)
    await lived_in.tick(type("P", (), {"id": ben.user_id, "email": ben.email}), 2, run=2)
    await lived_in.action(type("P", (), {"id": ben.user_id}), "notes.create", tick=2, run=2)
    second = lived_in.warehouse.runs_df().iloc[1]
    for choice in (2, "run-2", second, -1, lived_in.warehouse.runs_df()["run"].max()):
        assert lived_in.warehouse.actions_df(choice)["tool_name"].tolist() == ["notes.create"]
        assert lived_in.warehouse.ticks_df(choice)["persona"].tolist() == ["Ben"]
        assert lived_in.warehouse.feedback_df(choice).empty
        assert lived_in.warehouse.runs_df(choice)["run"].tolist() == [2]
    assert len(lived_in.warehouse.actions_df(1)) == 6
    assert len(lived_in.warehouse.actions_df()) == 7


@pytest.mark.parametrize("run", [9, 0, -2, "run-9", "1", ""])
async def test_an_unknown_run_is_named_together_with_the_known_ones(lived_in, run):
    with pytest.raises(NotFoundError, match=r"this lab has no run .*; its runs are 1"):
        lived_in.warehouse.actions_df(run)


@pytest.mark.parametrize("run", [1.0, float("nan"), [1], object(), b"run-1"])
async def test_what_can_be_no_run_is_refused(lived_in, run):
    with pytest.raises(InvalidInputError, match=r"run: got .*, allowed: a run, its id, or"):
        lived_in.warehouse.actions_df(run)


@pytest.mark.parametrize("run", [1, -1])
async def test_a_lab_without_runs_says_so(house, run):
    with pytest.raises(NotFoundError, match="it has no runs yet; let the personas live"):
        house.warehouse.feedback_df(run)


async def test_calls_by_hand_have_neither_run_nor_tick_number_and_come_last(lived_in):
    anna = await lived_in.persona("Zoe")
    await lived_in.action(
        anna, "notes.create", run=None, tick=9, occurred_at=pd.Timestamp(0, tz="UTC")
    )
    last = lived_in.warehouse.actions_df().iloc[-1]
    assert last["persona"] == "Zoe"
    assert last[["run", "tick"]].isna().all()


async def test_a_call_without_a_noted_module_gets_that_of_its_tool(house):
    await house.action(await house.persona(), "journal.add", module=None)
    assert house.warehouse.actions_df()["module"].tolist() == ["journal"]


async def test_nested_values_are_dictionaries_and_tuples(lived_in):
    assert lived_in.warehouse.personas_df()["module_mix"].iloc[0] == {"todo": 0.6, "journal": 0.4}
    evidence = lived_in.warehouse.feedback_df(1).query("persona == 'Ben'")["evidence"]
    assert evidence.tolist() == [("user-ben-tick-1-1-journal.add",)]


async def test_times_are_exact_instants_in_utc(house):
    moment = pd.Timestamp("2026-01-05T23:30:00.123456+01:00")
    await house.action(await house.persona(), occurred_at=moment.to_pydatetime())
    assert house.warehouse.actions_df()["occurred_at"].tolist() == [moment.tz_convert("UTC")]


async def test_changes_show_at_the_next_call(lived_in):
    before = lived_in.warehouse.actions_df()
    zoe = await lived_in.persona("Zoe")
    await lived_in.action(zoe)
    assert len(lived_in.warehouse.actions_df()) == len(before) + 1
    await lived_in.rename(zoe, "Zora")
    assert "Zora" in set(lived_in.warehouse.actions_df()["persona"])
    await lived_in.remove(zoe)
    pd.testing.assert_frame_equal(lived_in.warehouse.actions_df(), before)


async def test_a_frame_that_was_handed_out_belongs_to_the_reader(lived_in):
    before = lived_in.warehouse.actions_df()
    scratch = lived_in.warehouse.actions_df()
    scratch["result"] = "?"
    scratch.loc[0, "tool_name"] = "changed"
    pd.testing.assert_frame_equal(lived_in.warehouse.actions_df(), before)


@pytest.mark.parametrize("view", columns.VIEWS)
def test_every_column_has_a_meaning_and_no_meaning_is_left_over(view):
    table = described(view)
    assert table["column"].tolist() == list(columns.VIEWS[view])
    assert table["meaning"].str.endswith(".").all()
    assert not set(MEANINGS[view]) - set(columns.VIEWS[view]) - _SHARED


def test_a_view_that_nobody_has_is_told_with_those_that_there_are():
    with pytest.raises(NotFoundError, match="there is no view 'users'; there are persona_actions"):
        described("users")
