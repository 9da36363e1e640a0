"""The sheets of a desk in a notebook: the menu, a tool's form, the ratings.

A sheet tells what the person did as an event that holds all that was typed at that moment; it is
told from whatever thread the front end is heard in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import ipywidgets as widgets

from mana_lab.display import escaped
from mana_lab.notebook import pages
from mana_lab.notebook.inputs import Input, tick_box
from mana_lab.runner.human import Choice, Finish, Form, GiveUp, Menu, Miss, Shelf, Use, Verdict

_ROWS = 9


@dataclass(frozen=True)
class Send:
    """The person sends a form.

    Attributes:
        round: Which time it was shown, so that a second click counts for nothing.
        entries: What stands in it.
    """

    round: int
    entries: dict[str, str]


@dataclass(frozen=True)
class HandedIn:
    """The person hands in their ratings.

    Attributes:
        round: Which time they were asked.
        ratings: By module: the rating, the notes and the ids of the calls it rests on.
    """

    round: int
    ratings: Mapping[str, tuple[str, str, tuple[str, ...]]]


Event: TypeAlias = Choice | Send | HandedIn
Tell: TypeAlias = Callable[[Event], None]


class MenuSheet:
    """The modules and their tools, and how to end.

    Args:
        menu: What can be done.
        tell: Told what the person chose.
    """

    def __init__(self, menu: Menu, tell: Tell) -> None:
        self._menu = menu
        self._tell = tell
        self._shelf: Shelf | None = None
        self.tools = widgets.Select(options=[], rows=_ROWS)
        self.modules = widgets.Select(
            options=[(_named(shelf), place) for place, shelf in enumerate(menu.shelves)],
            value=None,
            rows=_ROWS,
        )
        self.modules.layout.flex = self.tools.layout.flex = "0 0 17em"
        self.about = widgets.HTML("Choose a module, then a tool.")
        self.done = widgets.Button(description="I am done", button_style="success")
        self.reason = widgets.Text(placeholder="why you would give up")
        self.give_up = widgets.Button(description="I give up", button_style="warning")
        self.modules.observe(self._open, "value")
        self.tools.observe(self._use, "value")
        self.done.on_click(lambda _: tell(Finish()))
        self.give_up.on_click(lambda _: tell(GiveUp(self.reason.value)))
        choice = widgets.HBox([self.modules, self.tools, self.about])
        ending = widgets.HBox([self.done, self.give_up, self.reason])
        self.box = widgets.VBox([*self._spaces(), choice, ending])

    def let_go(self) -> None:
        """Select no tool, so that any can be picked, also the last one again."""
        self.tools.value = None

    def _spaces(self) -> list[Any]:
        if not self._menu.spaces:
            return []
        options = [("your own space", None), *((each.name, each) for each in self._menu.spaces)]
        self.space = widgets.Dropdown(options=options, description="You act in")
        self.space.observe(self._move, "value")
        return [self.space]

    def _move(self, change: Any) -> None:
        self._menu.space = change["new"]

    def _open(self, change: Any) -> None:
        if change["new"] is None:
            return
        shelf = self._shelf = self._menu.shelves[change["new"]]
        self.tools.options = [(tool.name, place) for place, tool in enumerate(shelf.tools)]
        self.tools.value = None
        if shelf.tools:
            self.about.value = f"Choose a tool of {escaped(shelf.module)}."
        else:
            said = f"The app has no {shelf.module}; that you wanted it is noted."
            self.about.value = pages.remark(said, good=False)
            self._tell(Miss(shelf.module))

    def _use(self, change: Any) -> None:
        if change["new"] is not None and self._shelf is not None:
            tool = self._shelf.tools[change["new"]]
            self.about.value = pages.description(tool)
            self._tell(Use(tool))


class FormSheet:
    """The form of a tool.

    Args:
        form: What is filled in; entries that it has are shown.
        tell: Told when it is sent.

    Attributes:
        inputs: Where one types, by field.
    """

    def __init__(self, form: Form, tell: Tell) -> None:
        self.form = form
        self._round = 0
        self.inputs = {
            field.name: Input(field, form.entries.get(field.name, ""), form.things)
            for field in form.fields
        }
        self._trouble = widgets.HTML()
        self.send = widgets.Button(description=f"Call {form.tool.name}", button_style="primary")
        self.send.layout.width, self.send.layout.align_self = "auto", "flex-start"
        self.send.on_click(lambda _: tell(Send(self._round, self.entries)))
        fields = [each.box for each in self.inputs.values()]
        title = widgets.HTML(f"<b style='font-size:1.1em'>{escaped(form.tool.name)}</b>")
        self.box = widgets.VBox([title, *fields, self.send, self._trouble])
        look = self.box.layout
        look.border, look.padding, look.margin = "1px solid #c7c7d1", "10px", "8px 0"

    @property
    def entries(self) -> dict[str, str]:
        """What stands in it, by field."""
        return {name: each.entry for name, each in self.inputs.items()}

    def begin(self, number: int) -> None:
        """Show what is wrong, and let the person type on."""
        self._round = number
        for name, each in self.inputs.items():
            each.complain(self.form.problems.get(name))
        words = "Not everything above can be used yet." if self.form.problems else ""
        self._trouble.value = pages.remark(words, good=False)


class RatingSheet:
    """The ratings; none is preset.

    Args:
        verdicts: What is filled in.
        tell: Told when they are handed in.
    """

    def __init__(self, verdicts: Sequence[Verdict], tell: Tell) -> None:
        self.verdicts = verdicts
        self._round = 0
        self.forms = {verdict.module: _VerdictForm(verdict) for verdict in verdicts}
        self.send = widgets.Button(description="Hand in", button_style="primary")
        self.send.on_click(lambda _: tell(HandedIn(self._round, self._given())))
        title = widgets.HTML("<b>What was it like?</b> 1 is frustrating, 5 really helps.")
        self.box = widgets.VBox([title, *(each.box for each in self.forms.values()), self.send])

    def begin(self, number: int) -> None:
        """Show what is wrong, and let the person go on."""
        self._round = number
        for verdict in self.verdicts:
            self.forms[verdict.module].complain(verdict.problem)

    def take(self, handed_in: HandedIn) -> None:
        """Write what was handed in into the verdicts."""
        for verdict in self.verdicts:
            verdict.rating, verdict.notes, verdict.evidence = handed_in.ratings[verdict.module]

    def _given(self) -> dict[str, tuple[str, str, tuple[str, ...]]]:
        return {module: each.given for module, each in self.forms.items()}


class _VerdictForm:
    def __init__(self, verdict: Verdict) -> None:
        self.rating = widgets.ToggleButtons(options=["1", "2", "3", "4", "5"], value=None)
        self.rating.style.button_width = "3em"
        self.notes = widgets.Textarea(placeholder="why, in your words", rows=2)
        self.notes.layout.width = "40em"
        self.evidence = {line.id: tick_box(line.text) for line in verdict.lines}
        calls = widgets.VBox(list(self.evidence.values()))
        calls.layout.max_height, calls.layout.overflow = "12em", "auto"
        self._problem = widgets.HTML()
        self.box = widgets.VBox(
            [
                widgets.HTML(f"<b>{escaped(verdict.module)}</b>"),
                self.rating,
                self.notes,
                widgets.HTML("The calls it rests on, if you want to say so:"),
                calls,
                self._problem,
            ]
        )
        self.box.layout.margin = "8px 0"

    @property
    def given(self) -> tuple[str, str, tuple[str, ...]]:
        picked = tuple(each for each, box in self.evidence.items() if box.value)
        return (self.rating.value or "", self.notes.value, picked)

    def complain(self, problem: str | None) -> None:
        self._problem.value = pages.remark(problem or "", good=False)


def _named(shelf: Shelf) -> str:
    wanted = f" · {shelf.wanted:.0%} of your time" if shelf.wanted else ""
    return f"{shelf.module} ({len(shelf.tools)}){wanted}"
