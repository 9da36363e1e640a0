"""A desk in a terminal: what is shown, and what can be typed."""

import asyncio
import io
import os
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from mana_lab.commands.desk import TerminalDesk
from mana_lab.commands.keyboard import Keyboard
from mana_lab.commands.picking import hint, pick
from mana_lab.commands.screen import Screen
from mana_lab.identity.wire import Space
from mana_lab.personas import load_catalog
from mana_lab.runner import ToolInfo
from mana_lab.runner.human import (
    Card,
    Finish,
    Form,
    GiveUp,
    Line,
    Menu,
    Miss,
    Report,
    Thing,
    Use,
    Verdict,
)
from mana_lab.runner.human.sitting import shelves_of

BERLIN = ZoneInfo("Europe/Berlin")
ANNA = load_catalog().get("anna")
ID = "0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70"
CREATE = ToolInfo(
    "todo.create",
    "Add a task.\nNot for habits.",
    {
        "properties": {
            "note": {"type": "string", "description": "Details"},
            "title": {"type": "string", "minLength": 1, "maxLength": 9, "description": "What"},
            "level": {"enum": ["low", "high"], "default": "low"},
        },
        "required": ["title"],
    },
)
DONE = ToolInfo(
    "todo.complete",
    "Tick it off.",
    {"properties": {"id": {"type": "string", "format": "uuid"}}, "required": ["id"]},
)
LIST = ToolInfo("notes.list", "List notes.", {"type": "object"})
TOOLS = [DONE, CREATE, LIST]


def menu_of(**more):
    return Menu(shelves_of(TOOLS, {"todo": 0.6, "cards": 0.4}), **more)


class Talk:
    """A desk whose answers are piped in at once.

    Attributes:
        said: All that was shown.
    """

    def __init__(self, *answers, width=100):
        reader, writer = os.pipe()
        os.write(writer, "".join(f"{answer}\n" for answer in answers).encode())
        os.close(writer)
        self._out = io.StringIO()
        self.keyboard = Keyboard(reader)
        console = Console(file=self._out, width=width, highlight=False, markup=False, emoji=False)
        self.desk = TerminalDesk(Screen(self.keyboard, console))

    @property
    def said(self):
        return self._out.getvalue()

    @property
    def lines(self):
        return self.said.splitlines()


async def chosen(*answers, menu=None, times=1):
    talk, menu = Talk(*answers), menu or menu_of()
    found = [await talk.desk.choose(menu) for _ in range(times)]
    return talk, found


async def filled(form, *answers):
    talk = Talk(*answers)
    sent = await talk.desk.fill(form)
    return talk, sent


async def test_the_person_is_told_who_and_when_they_are():
    talk = Talk(width=60)
    now = datetime(2026, 1, 5, 8, tzinfo=BERLIN)
    await talk.desk.welcome(Card(ANNA, now, 3, ("On Monday you used todo.list.",)))
    told = " ".join(talk.said.split())
    assert ANNA.system_prompt in told
    assert "It is Monday, 2026-01-05 08:00 in Europe/Berlin. You write in en." in told
    assert "This is visit 3. Last time: On Monday you used todo.list." in told
    assert all(len(line) <= 60 and line == line.rstrip() for line in talk.lines)


async def test_modules_and_tools_are_listed_and_chosen_by_number():
    talk, [choice] = await chosen("1", "2")
    assert choice == Use(CREATE)
    for shown in ("  1  todo   2 tools, 60% of what you come for", "  2  cards  nothing, 40%"):
        assert shown in talk.said
    assert "  3  notes  1 tool\n" in talk.said
    assert "  2  todo.create    Add a task.\n" in talk.said


@pytest.mark.parametrize(
    "answers",
    [
        ["todo", "todo.create"],
        ["TODO", "create"],
        ["to", "cr"],
        ["notes", "todo", "create"],
        ["todo.create"],
        ["notes", "todo.create"],
        ["notes", "back", "todo", "2"],
        ["", "list", "help", "me", "show", "space", "todo", "list", "2"],
    ],
    ids=" ".join,
)
async def test_a_tool_is_found_by_name_from_wherever_one_is(answers):
    _, [choice] = await chosen(*answers)
    assert choice == Use(CREATE)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("nots", "there is no 'nots' here; did you mean notes?"),
        ("99", "there is no '99' here\n"),
        ("-1", "there is no '-1' here\n"),
        ("\x1b[A", "there is no '\\x1b[A' here\n"),
        ("x" * 9999, f"there is no '{'x' * 60}' here\n"),
        ("help dance", "there is no tool 'dance'; list shows what there is\n"),
        ("space moon", "you share no space 'moon'\n"),
    ],
)
async def test_what_is_not_there_is_said_and_asked_again(entry, said):
    talk, [choice] = await chosen(entry, "done")
    assert choice == Finish()
    assert said in talk.said
    assert "\x1b" not in talk.said.replace(entry, "")


async def test_help_tells_what_a_tool_does_and_takes():
    talk, _ = await chosen("help todo.create", "todo", "help 1", "done")
    assert "Add a task.\n  Not for habits.\n" in talk.said
    assert "    title: text of 1 to 9 characters. What\n" in talk.said
    assert "level: one of low, high (may be left out). Left out: low\n" in talk.said
    assert "id: the id of something\n" in talk.said


@pytest.mark.parametrize(
    ("answers", "choice"),
    [
        (["done"], Finish()),
        (["Done"], Finish()),
        (["give up it is slow"], GiveUp("it is slow")),
        (["GIVE  UP"], GiveUp("")),
        (["give up", "no idea"], GiveUp("no idea")),
        (["cards"], Miss("cards")),
        (["2"], Miss("cards")),
    ],
)
async def test_one_can_end_or_want_what_is_not_there(answers, choice):
    _, [found] = await chosen(*answers, "")
    assert found == choice


async def test_a_shared_space_is_chosen_and_left_by_name():
    flat = Space(id="s", name="The flat", slug="anna-and-ben", type="family")
    menu = menu_of(spaces=(flat,))
    talk, _ = await chosen("space", "space anna", "done", menu=menu)
    assert menu.space is flat
    assert "  1  anna-and-ben  The flat, family\nYou act in your own space.\n" in talk.said
    assert "You act in the space The flat.\n" in talk.said
    await chosen("space own", "done", menu=menu)
    assert menu.space is None


async def test_the_module_stays_open_after_a_call():
    talk, [first, second] = await chosen("todo", "1", "2", times=2)
    assert [first, second] == [Use(DONE), Use(CREATE)]
    assert talk.said.count("Tools of todo") == 1


async def test_the_last_answer_can_be_seen_as_a_whole():
    talk = Talk("show", "done")
    talk.desk.tell(
        Report(ok=True, headline="t worked", lines=("a: 1", "  b: 2"), whole="{\n  1\n}")
    )
    await talk.desk.choose(menu_of())
    assert "t worked\n  a: 1\n    b: 2\n" in talk.said
    assert "{\n  1\n}\n" in talk.said


async def test_what_is_needed_is_asked_for_and_the_rest_may_be_said():
    form = Form.of(CREATE, BERLIN)
    talk, sent = await filled(form, "Essay", "level", "2", "note", "all of \\", "it", "")
    assert sent
    assert form.arguments() == {"title": "Essay", "level": "high", "note": "all of \nit"}
    assert "title: text of 1 to 9 characters. What\n" in talk.said
    assert "  1  title  = Essay\n  2  note   Details\n  3  level\n" in talk.said


async def test_a_wrong_entry_is_said_at_the_field_and_asked_for_again():
    form = Form.of(CREATE, BERLIN)
    talk, sent = await filled(form, "", "far too long", "Essay", "3", "9", "high", "")
    assert sent
    assert "title is needed\n" in talk.said
    assert "title has 12 characters, and 9 fit; shorten it\n" in talk.said
    assert "level must be one of low, high, got '9'\n" in talk.said
    assert form.arguments() == {"title": "Essay", "level": "high"}


async def test_a_field_keeps_what_it_has_and_can_be_emptied():
    form = Form.of(CREATE, BERLIN)
    form.entries = {"title": "Essay", "level": "high"}
    talk, sent = await filled(form, "level", "", "1", "/clear", "Exam", "3", "/clear", "", "")
    assert sent
    assert "level [high]> " in talk.said
    assert form.arguments() == {"title": "Exam"}


@pytest.mark.parametrize(
    "answers", [["/back"], ["Essay", "back"], ["Essay", "/back"], ["Essay", "level", "/back"]]
)
async def test_one_can_turn_away_and_nothing_typed_is_lost(answers):
    form = Form.of(CREATE, BERLIN)
    _, sent = await filled(form, *answers)
    assert not sent
    assert form.entries.get("title", "Essay") == "Essay"
    assert form.entries.keys() <= {"title"}


async def test_a_field_that_begins_like_a_command_is_no_command():
    tool = ToolInfo("a.b", "", {"properties": {"background": {}, "help": {}}})
    form = Form.of(tool, BERLIN)
    _, sent = await filled(form, "help", "me", "backg", "red", "back")
    assert (sent, form.entries) == (False, {"help": "me", "background": "red"})


async def test_help_is_there_within_a_form():
    talk, _ = await filled(Form.of(CREATE, BERLIN), "/help", "Essay", "help", "list", "odd", "")
    assert talk.said.count("Not for habits.") == 2
    assert talk.said.count("  1  title  = Essay") == 2
    assert "there is no field 'odd'; Enter sends\n" in talk.said


async def test_things_that_were_seen_are_named_by_number():
    form = Form.of(DONE, BERLIN)
    form.things = [Thing("other", "Milk"), Thing(ID, "Essay")]
    talk, sent = await filled(form, "2")
    assert (sent, form.arguments()) == (True, {"id": ID})
    assert f"  2  Essay  {ID}\n" in talk.said


async def test_what_the_app_refused_is_asked_for_again_with_what_was_typed():
    form = Form.of(DONE, BERLIN)
    form.entries, form.problems, form.trouble = {"id": "x"}, {"id": "was not taken"}, "no"
    talk, sent = await filled(form, "y", "")
    assert (sent, form.entries) == (True, {"id": "y"})
    assert "id was not taken\nid [x]> y\n" in talk.said


async def test_a_tool_that_takes_nothing_is_called_at_once_but_not_again_and_again():
    form = Form.of(LIST, BERLIN)
    _, sent = await filled(form)
    assert sent
    form.trouble = "The app did not work: gone"
    _, sent = await filled(form, "back")
    assert not sent


async def judged(*answers):
    calls = (Line("a", "todo.create worked"), Line("b", "todo.list failed: \x1b[2J"))
    verdict = Verdict("todo", calls)
    talk = Talk(*answers)
    await talk.desk.judge([verdict])
    return talk, verdict


async def test_a_rating_has_no_preset_and_is_asked_for_until_it_is_one():
    talk, verdict = await judged("", "6", "four", "4", "y" * 1001, "quick", "3", "2, 1 2")
    assert (verdict.rating, verdict.notes, verdict.evidence) == ("4", "quick", ("b", "a"))
    assert "the rating of todo is a number from 1 to 5, and there is none yet\n" in talk.said
    assert "the notes on todo may have 1000 characters, got 1001\n" in talk.said
    assert "there is no call '3'; give numbers from 1 to 2\n" in talk.said
    assert "\x1b" not in talk.said


@pytest.mark.parametrize(("entry", "calls"), [("", ()), ("all", ("a", "b"))])
async def test_a_rating_may_rest_on_no_call_in_particular_or_on_all(entry, calls):
    _, verdict = await judged("1", "", entry)
    assert verdict.read().evidence == calls


async def test_what_is_rated_is_not_asked_for_again():
    talk = Talk()
    await talk.desk.judge([Verdict("todo", (), "3")])
    assert "rating of" not in talk.said


async def test_the_end_of_the_input_is_the_end_of_every_question():
    for question in (
        lambda desk: desk.choose(menu_of()),
        lambda desk: desk.fill(Form.of(CREATE, BERLIN)),
        lambda desk: desk.judge([Verdict("todo", ())]),
    ):
        with pytest.raises(EOFError):
            await question(Talk().desk)


async def test_nobody_begins_a_tick_after_the_person_has_left():
    talk = Talk()
    talk.keyboard.leave()
    now = datetime(2026, 1, 5, 8, tzinfo=BERLIN)
    waiting = asyncio.create_task(talk.desk.welcome(Card(ANNA, now, 1)))
    await talk.desk.deserted()
    assert not waiting.done()
    assert (talk.said, talk.desk.sittings) == ("", 0)
    waiting.cancel()
    with pytest.raises(EOFError):
        await talk.desk.judge([Verdict("todo", ())])
    assert talk.said == ""


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("b", 1),
        ("B ", 1),
        ("2", 1),
        ("be", 1),
        ("a", None),
        ("1", 2),
        ("9", None),
        ("", None),
        ("²", None),
    ],
)
def test_a_name_counts_before_a_number_and_a_number_before_a_beginning(entry, place):
    assert (
        pick(["Abc", "b" if entry.strip().lower() == "b" else "Beta", "1", "abd"], entry) == place
    )


def test_what_may_have_been_meant_is_said_only_if_there_is_something():
    assert hint(["todo", "notes"], "tod") == "; did you mean todo?"
    assert hint(["todo"], "quite else") == hint([], "x") == ""
