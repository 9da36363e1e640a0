"""The desk in a notebook: widgets that are clicked without a front end."""

import asyncio
import threading
from datetime import date, datetime

import ipywidgets as widgets
import pytest
from desk_house import ANNA, TOOLS, Counter, scene_of
from ipywidgets.widgets.widget import _instances as open_widgets

from mana_lab.identity.wire import Space
from mana_lab.notebook.desk import WidgetDesk
from mana_lab.runner import CallError, ToolInfo
from mana_lab.runner.human import HumanBrain

EVERYTHING = ToolInfo(
    "todo.everything",
    "Takes <b>everything</b>.",
    {
        "properties": {
            "text": {"type": "string", "maxLength": 20},
            "story": {"type": "string"},
            "count": {"type": "integer", "minimum": 1},
            "flag": {"type": "boolean"},
            "level": {"enum": ["low", "high"]},
            "day": {"type": "string", "format": "date"},
            "due": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            "moods": {"type": "array", "items": {"enum": ["sad", "glad", 3]}},
            "tags": {"type": "array", "items": {"type": "string"}},
            "lines": {"type": "array", "items": {"type": "object"}},
            "taskId": {"type": "string", "format": "uuid"},
        }
    },
)


class Sitting:
    """Somebody who plays one tick after the other at a desk of widgets."""

    def __init__(self, app=None):
        self.app = app or Counter()
        self.desk = WidgetDesk()
        self.brain = HumanBrain(self.desk)

    def begin(self, persona=ANNA):
        self.scene = scene_of(persona)
        self.app.actions.clear()
        self.tick = asyncio.create_task(self._tick())

    async def _tick(self):
        await self.brain.use(self.app, self.scene)
        return await self.brain.rate(self.scene, self.app.actions)

    async def seen(self, what):
        """Let the loop go on until *what* is so."""
        for _ in range(1000):
            if what():
                return
            await asyncio.sleep(0)
        pytest.fail("it never came to that")

    async def menu(self):
        await self.seen(lambda: self.desk._menu is not None)
        return self.desk._menu

    async def form(self, tool):
        """Choose a tool; return its form."""
        menu = await self.menu()
        pick(menu.modules, tool.partition(".")[0])
        pick(menu.tools, tool)
        await self.seen(lambda: self.desk._form and self.desk._form.form.tool.name == tool)
        return self.desk._form

    async def ratings(self):
        await self.seen(lambda: self.desk._ratings is not None)
        return self.desk._ratings

    async def sent(self, form):
        """Send a form that the app takes."""
        form.send.click()
        await self.seen(lambda: self.desk._form is not form)

    async def finish(self, **ratings):
        (await self.menu()).done.click()
        sheet = await self.ratings()
        for module, rating in ratings.items():
            sheet.forms[module].rating.value = rating
        sheet.send.click()
        return await self.tick

    def html(self):
        """Return all HTML that is shown."""
        return "\n".join(each.value for each in parts(self.desk.page) if type(each) is widgets.HTML)


def pick(select, name):
    """Select what begins with *name*, as a click does."""
    [place] = [value for label, value in select.options if label.partition(" ")[0] == name]
    select.value = place


def parts(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


@pytest.fixture
async def sitting():
    sitting = Sitting()
    sitting.begin()
    yield sitting
    sitting.tick.cancel()
    await asyncio.wait([sitting.tick])


async def test_a_tick_is_played_by_clicks(sitting):
    form = await sitting.form("todo.create")
    assert "You are Anna" in sitting.html()
    assert "Monday, 2026-01-05 08:00 in Europe/Berlin" in sitting.html()
    form.inputs["title"].widget.value = "Essay"
    form.inputs["priority"].widget.value = "high"
    await sitting.sent(form)
    assert sitting.app.calls == [("todo.create", {"title": "Essay", "priority": "high"}, None)]
    assert "todo.create worked" in sitting.html()
    [rating] = await sitting.finish(todo="4")
    assert (rating.module, rating.rating, rating.notes, rating.evidence) == ("todo", 4, "", ())
    assert "The tick is over: 1 call; ratings: todo 4." in sitting.html()
    assert sitting.desk._menu_place.children == sitting.desk._form_place.children == ()


async def test_before_a_run_the_desk_says_how_to_begin_one():
    desk = WidgetDesk()
    assert repr(desk) == "<WidgetDesk>"
    assert "asyncio.create_task(lab.run(" in desk._card.value
    shown = desk._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown


async def test_what_is_wrong_is_said_at_the_field_and_nothing_typed_is_lost(sitting):
    form = await sitting.form("todo.create")
    form.inputs["description"].widget.value = "all of it"
    form.send.click()
    await sitting.seen(lambda: "title is needed" in sitting.html())
    assert "Not everything above can be used yet." in sitting.html()
    assert sitting.desk._form is form
    form.inputs["title"].widget.value = "Essay"
    await sitting.sent(form)
    assert sitting.app.calls[0][1] == {"title": "Essay", "description": "all of it"}


async def test_a_second_click_counts_for_nothing(sitting):
    sitting.app.answers["todo.list"] = [CallError("gone", "infrastructure", "gone"), {"ok": True}]
    form = await sitting.form("todo.list")
    for _ in range(3):
        form.send.click()
    await sitting.seen(lambda: "The app did not work: gone" in sitting.html())
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(sitting.app.calls) == 1
    await sitting.sent(form)
    assert len(sitting.app.calls) == 2


async def test_a_click_may_come_in_another_thread(sitting):
    form = await sitting.form("todo.create")

    def front_end():
        form.inputs["title"].widget.value = "Essay"
        form.send.click()

    await asyncio.to_thread(threading.Thread(target=front_end).run)
    await sitting.seen(lambda: sitting.desk._form is None)
    assert sitting.app.calls[0][1] == {"title": "Essay"}


async def test_a_click_after_the_loop_has_closed_is_harmless():
    sitting = Sitting()

    async def play():
        sitting.begin()
        menu = await sitting.menu()
        sitting.tick.cancel()
        await asyncio.wait([sitting.tick])
        return menu

    menu = await asyncio.to_thread(asyncio.run, play())
    menu.done.click()


async def test_another_tool_can_be_picked_meanwhile_and_the_draft_is_found_again(sitting):
    form = await sitting.form("todo.create")
    form.inputs["title"].widget.value = "Half"
    notes = await sitting.form("notes.list")
    assert sitting.desk._form is notes
    again = await sitting.form("todo.create")
    assert again is not form
    assert again.inputs["title"].widget.value == "Half"


async def test_a_tool_can_be_picked_again_after_it_was_used(sitting):
    for _ in range(2):
        await sitting.sent(await sitting.form("todo.list"))
    assert [name for name, *_ in sitting.app.calls] == ["todo.list"] * 2


async def test_every_kind_of_field_has_its_widget():
    things = {"tasks": [{"id": "0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70", "title": "Essay"}]}
    app = Counter({"todo.list": [things]}, offered=[*TOOLS, EVERYTHING])
    sitting = Sitting(app)
    sitting.begin()
    await sitting.sent(await sitting.form("todo.list"))
    form = await sitting.form("todo.everything")
    values = {
        "text": "short",
        "story": "long\nand wide",
        "count": "3",
        "flag": "no",
        "level": "high",
        "day": date(2026, 1, 5),
        "due": datetime.fromisoformat("2026-07-05T09:30"),
        "moods": (1, 2),
        "tags": "a, b\nc",
        "lines": '[{"n": 1}]',
        "taskId": "Essay (0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70)",
    }
    for name, value in values.items():
        form.inputs[name].widget.value = value
    await sitting.form("notes.list")
    form = await sitting.form("todo.everything")
    assert {name: form.inputs[name].widget.value for name in values} == values
    await sitting.sent(form)
    assert app.calls[-1][1] == {
        "text": "short",
        "story": "long\nand wide",
        "count": 3,
        "flag": False,
        "level": "high",
        "day": "2026-01-05",
        "due": "2026-07-05T07:30:00.000Z",
        "moods": ["glad", 3],
        "tags": ["a, b", "c"],
        "lines": [{"n": 1}],
        "taskId": "0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70",
    }
    form = await sitting.form("todo.everything")
    form.inputs["due"].null.value = True
    await sitting.form("notes.list")
    form = await sitting.form("todo.everything")
    await sitting.sent(form)
    assert app.calls[-1][1] == {"due": None}
    await sitting.finish(todo="3")


async def test_only_what_can_be_set_to_nothing_offers_it(sitting):
    form = await sitting.form("todo.update")
    offered = {name for name, each in form.inputs.items() if each.null is not None}
    assert offered == {"dueDate"}


async def test_no_rating_is_preset_and_none_is_made_up(sitting):
    await sitting.sent(await sitting.form("todo.list"))
    await sitting.sent(await sitting.form("notes.list"))
    (await sitting.menu()).done.click()
    sheet = await sitting.ratings()
    assert [each.rating.value for each in sheet.forms.values()] == [None, None]
    sheet.forms["notes"].rating.value = "2"
    sheet.forms["notes"].notes.value = "bare"
    sheet.send.click()
    await sitting.seen(lambda: "the rating of todo is a number from 1 to 5" in sitting.html())
    assert sitting.desk._ratings is sheet
    sheet.forms["todo"].rating.value = "5"
    sheet.forms["todo"].evidence["t-0-todo.list"].value = True
    sheet.send.click()
    given = {each.module: (each.rating, each.notes, each.evidence) for each in await sitting.tick}
    assert given == {"todo": (5, "", ("t-0-todo.list",)), "notes": (2, "bare", ())}


async def test_one_can_give_up_and_say_why(sitting):
    menu = await sitting.menu()
    menu.reason.value = "too many fields"
    menu.give_up.click()
    assert await sitting.tick == []
    assert sitting.scene.memory.gave_up == "too many fields"


async def test_a_module_that_the_app_does_not_have_is_noted():
    sitting = Sitting()
    sitting.begin(ANNA.model_copy(update={"module_mix": {"cards": 1.0}}))
    menu = await sitting.menu()
    pick(menu.modules, "cards")
    await sitting.seen(lambda: sitting.scene.skipped_modules)
    assert "The app has no cards; that you wanted it is noted." in sitting.html()
    assert menu.tools.options == ()
    menu.done.click()
    await sitting.tick


async def test_a_shared_space_can_be_chosen():
    flat = Space(id="s1", name="The flat", slug="flat", type="family")
    sitting = Sitting(Counter(shared_spaces=(flat,)))
    sitting.begin()
    menu = await sitting.menu()
    menu.space.value = flat
    await sitting.sent(await sitting.form("todo.list"))
    menu.space.value = None
    await sitting.sent(await sitting.form("todo.list"))
    assert [space for *_, space in sitting.app.calls] == ["s1", None]
    await sitting.finish(todo="3")


EVIL = "<script>alert(1)</script>"


async def test_nothing_that_comes_from_elsewhere_is_taken_for_markup():
    tool = ToolInfo(
        f"todo.{EVIL}",
        EVIL,
        {"properties": {EVIL: {"type": "string", "description": EVIL, "default": EVIL}}},
    )
    app = Counter({tool.name: [{"note": EVIL}, CallError("x", "refused", EVIL)]}, offered=[tool])
    sitting = Sitting(app)
    sitting.begin(ANNA.model_copy(update={"system_prompt": EVIL, "name": EVIL, "language": "<b>"}))
    shown = []
    form = await sitting.form(tool.name)
    shown.append(sitting.html())
    await sitting.sent(form)
    form = await sitting.form(tool.name)
    form.send.click()
    await sitting.seen(lambda: "The app refused" in sitting.html())
    shown.append(sitting.html())
    (await sitting.menu()).done.click()
    await sitting.ratings()
    shown.append(sitting.html())
    sitting.tick.cancel()
    await asyncio.wait([sitting.tick])
    shown.append(sitting.html())
    assert not any("<script" in html or "<b>everything" in html for html in shown)
    assert "&lt;script&gt;" in shown[0]
    boxes = [each for each in parts(sitting.desk.page) if isinstance(each, widgets.Checkbox)]
    assert not any(each.description_allow_html for each in boxes)


async def test_one_tick_follows_the_other_and_leaves_no_widget_behind(sitting):
    counts = []
    for _ in range(3):
        await sitting.sent(await sitting.form("todo.list"))
        await sitting.form("mood.log")
        await sitting.finish(todo="3")
        counts.append(len(open_widgets))
        sitting.begin()
    assert counts[1] == counts[2]


async def test_a_click_on_the_end_of_one_tick_does_not_end_the_next(sitting):
    menu = await sitting.menu()
    for _ in range(3):
        menu.done.click()
    await sitting.tick
    sitting.begin()
    await sitting.menu()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not sitting.tick.done()


async def test_a_tick_that_is_stopped_says_so_and_clears_the_desk(sitting):
    await sitting.form("todo.create")
    sitting.tick.cancel()
    await asyncio.wait([sitting.tick])
    assert "The tick has ended: it was stopped, or its time was up." in sitting.html()
    assert sitting.desk._form_place.children == ()
