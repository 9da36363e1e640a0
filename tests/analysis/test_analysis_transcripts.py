from datetime import UTC, datetime

import pytest
from living_house import lab_of, lived

from mana_lab.analysis.transcripts import tick_of, ticks_of
from mana_lab.errors import InvalidInputError, NotFoundError

MODEL = {"brain": "model", "model": "a-model", "variant": "control", "prompt_hash": "ab" * 32}
INVALID = "(invalid-input: invalid-arguments)"
HOSTILE = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture(scope="module")
def lab():
    return lab_of(
        lived("todo.create! todo.create! journal.add todo.create", todo=2, journal=5),
        lived("todo.create!not-found todo.list", number=2, status="abandoned", todo=1),
        lived("todo.create!", "Ben", 3, more=MODEL, todo=1),
    )


def test_a_tick_is_told_call_by_call(lab):
    assert str(lab.tick("anna", 1)).splitlines() == [
        "Anna, tick 1, Mon 2026-01-05 07:00 UTC",
        "  run 1; played by scripted; status done; calls 4, 2 failed",
        f"    0  todo.create  failed; worked 3 calls later {INVALID}, 20 ms",
        "                    todo.create failed by invalid-arguments",
        f"    1  todo.create  failed; worked 2 calls later {INVALID}, 20 ms",
        "                    todo.create failed by invalid-arguments",
        "    2  journal.add  worked, 20 ms",
        "    3  todo.create  worked, 20 ms",
        "  journal: 5 of 5 It was a 5.",
        "       rests on calls 2",
        "  todo: 2 of 5 It was a 2.",
        "       rests on calls 0, 1, 3",
    ]


def test_what_was_given_up_and_what_worked_instead_is_told(lab):
    tick = lab.tick("Anna", 2)
    assert tick.status == "abandoned"
    assert tick.calls[0].became == "failed; not tried again at once; then todo.list worked"
    assert tick.calls[0].error_code == "not-found"


def test_who_played_by_which_prompt_in_which_app_is_told(lab):
    tick = lab.tick("ben@mana.test", 3)
    assert dict(tick.head()) == {
        "run": "1",
        "played by": "model (a-model)",
        "variant": "control",
        "status": "done",
        "prompt": "abababababab",
        "calls": "1, 1 failed",
    }
    assert tick.prompt_hash == "ab" * 32
    assert tick.calls[0].became == "failed; not tried again at once"
    assert repr(tick) == "<Tick: Ben, tick 3, Wed 2026-01-07 07:00 UTC, 1 calls, 1 ratings>"


def test_a_tick_is_found_by_its_id_too(lab):
    assert lab.tick("Anna-1-2") == lab.tick("anna", 2)
    assert lab.tick("anna", 2).began_at == datetime(2026, 1, 6, 7, tzinfo=UTC)


def test_several_ticks_come_in_the_order_in_which_they_are_asked_for(lab):
    found = ticks_of(lab.warehouse, ["Ben-1-3", "no such", "Anna-1-1", "Ben-1-3"])
    assert [tick.id for tick in found] == ["Ben-1-3", "Anna-1-1"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("Zoe", 1), "this lab has no persona 'Zoe'"),
        (("anna", 9), "Anna has no tick 9; there are 1 to 2"),
        (("anna", -1), "Anna has no tick -1; there are 1 to 2"),
        (("' OR true --", 1), "no persona"),
        (("no such id",), "no tick of the id 'no such id'; take a persona and a number"),
        (("x" * 10_000,), "no tick of the id 'xxx"),
    ],
)
def test_what_there_is_not_is_named(lab, asked, said):
    with pytest.raises(NotFoundError, match=said) as caught:
        lab.tick(*asked)
    assert len(str(caught.value)) < 300


async def test_personas_of_one_name_are_told_apart_by_their_address(house):
    first = await house.persona("Anna")
    await house.persona("Anna", slug="other")
    await house.run()
    await house.tick(first)
    with pytest.raises(
        InvalidInputError, match="2 personas are called 'Anna'; name one by their address"
    ):
        tick_of(house.warehouse, "Anna", 1)
    assert tick_of(house.warehouse, first.email, 1).calls == ()
    with pytest.raises(NotFoundError, match="has no tick 1; there is none yet"):
        tick_of(house.warehouse, "persona.other@mana.test", 1)


async def test_calls_by_hand_are_a_transcript_as_well(house):
    anna = await house.persona()
    await house.action(anna, run=None)
    tick = tick_of(house.warehouse, f"{anna.id}-tick-1")
    assert (tick.number, tick.run, tick.status) == (None, None, "")
    assert str(tick).startswith("Anna, by hand, Mon 2026-01-05 07:00 UTC\n  calls 1, 0 failed\n")


async def test_hostile_texts_stay_texts(house):
    eve = await house.persona(HOSTILE, slug="eve")
    await house.run()
    await house.tick(eve, model=HOSTILE, error=HOSTILE)
    failed = {"result": "error", "error_code": HOSTILE, "error_message": f"a\n{HOSTILE}"}
    await house.action(eve, HOSTILE, module=HOSTILE, **failed)
    await house.feedback(eve, HOSTILE, 1, notes=HOSTILE, evidence=[HOSTILE])
    tick = tick_of(house.warehouse, eve.email, 1)
    page = tick._repr_html_()
    assert "<img" not in page
    assert page.count("&lt;img src=x") == 8
    assert f"a {HOSTILE}" in str(tick)
    assert "rests on" not in str(tick)


def test_a_tick_without_calls_and_ratings_has_a_head():
    quiet = lab_of(lived("")).tick("Anna", 1)
    assert str(quiet).splitlines()[1].endswith("calls 0, 0 failed")
    assert "<table>" not in quiet._repr_html_()


def test_controls_in_a_transcript_are_shown_and_not_done():
    tick = lived("todo.create!", more={"error": "\x1b[2J", "model": "a\u202eb"}, todo=1)
    tick["calls"][0]["error_message"] = "red \x1b[31m, שלום"
    tick["ratings"][0]["notes"] = "bell\a \u202eturned"
    found = lab_of(tick).tick("anna", 1)
    for shown in (str(found), repr(found), found._repr_html_()):
        assert not set(shown) & set("\x1b\a\u202e")
    for shown in (str(found), found._repr_html_()):
        for said in (r"red \x1b[31m, שלום", r"bell\x07 \u202eturned", r"a\u202eb", r"\x1b[2J"):
            assert said in shown
