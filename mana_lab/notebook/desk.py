"""The desk in a notebook: a person plays a persona by a form of widgets.

The form answers while the run waits for it, so the run must not hold up the cell that shows the
form. This works in every front end::

    desk = WidgetDesk()
    run = asyncio.create_task(lab.run(days=1, personas=["anna"], brain=HumanBrain(desk)))
    desk

and ``await run`` in a later cell, once the person is done. A cell that awaits the run itself gets
no clicks with ipykernel before 7.4, except where the front end sends them to a subshell, as
JupyterLab does from 4.4 on; the clicks then arrive in another thread, which this desk allows for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import ipywidgets as widgets

from mana_lab.notebook import pages
from mana_lab.notebook.inputs import close
from mana_lab.notebook.sheets import Event, FormSheet, HandedIn, MenuSheet, RatingSheet, Send
from mana_lab.runner.human import Card, Choice, Form, Menu, Report, Verdict


class WidgetDesk:
    """A form of widgets; a notebook shows it as the value of a cell.

    Attributes:
        page: The widget that holds everything.
    """

    def __init__(self) -> None:
        self._card = widgets.HTML(pages.WAITING)
        self._menu_place = widgets.VBox()
        self._form_place = widgets.VBox()
        self._answer = widgets.HTML()
        self.page = widgets.VBox([self._card, self._menu_place, self._form_place, self._answer])
        self._menu: MenuSheet | None = None
        self._form: FormSheet | None = None
        self._ratings: RatingSheet | None = None
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted: Choice | None = None
        self._round = 0

    async def welcome(self, card: Card) -> None:
        """Show whom the person plays."""
        self._loop = asyncio.get_running_loop()
        self._events = asyncio.Queue()
        self._wanted = None
        self._clear()
        self._card.value = pages.introduction(card)
        self._answer.value = ""

    async def choose(self, menu: Menu) -> Choice:
        """Wait until the person picks a tool, is done or gives up."""
        self._show_form(None)
        if self._menu is None:
            self._menu = MenuSheet(menu, self._happened)
            self._menu_place.children = (self._menu.box,)
        if self._wanted is not None:
            choice, self._wanted = self._wanted, None
            return choice
        self._menu.let_go()
        while True:
            event = await self._events.get()
            if not isinstance(event, Send | HandedIn):
                return event

    async def fill(self, form: Form) -> bool:
        """Wait until the person sends the form, or picks something else."""
        self._round += 1
        if self._form is None or self._form.form is not form:
            self._show_form(FormSheet(form, self._happened))
        sheet = self._form
        if sheet is None:
            return False
        sheet.begin(self._round)
        while True:
            event = await self._events.get()
            if isinstance(event, Send):
                if event.round == self._round:
                    form.entries = event.entries
                    return True
            elif not isinstance(event, HandedIn):
                form.entries = sheet.entries
                self._wanted = event
                return False

    def tell(self, report: Report) -> None:
        """Show what became of a call."""
        self._answer.value = pages.answer(report)

    async def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Wait until the person hands their ratings in."""
        self._round += 1
        if self._ratings is None or self._ratings.verdicts is not verdicts:
            self._clear()
            self._ratings = RatingSheet(verdicts, self._happened)
            self._menu_place.children = (self._ratings.box,)
            self._answer.value = ""
        sheet = self._ratings
        sheet.begin(self._round)
        while True:
            event = await self._events.get()
            if isinstance(event, HandedIn) and event.round == self._round:
                sheet.take(event)
                return

    def farewell(self, words: str) -> None:
        """Say how the tick ended."""
        self._clear()
        self._answer.value = pages.remark(words, good=True)

    def _happened(self, event: Event) -> None:
        """Hand on what the person did, from whatever thread the front end is heard in."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def _clear(self) -> None:
        self._show_form(None)
        for sheet in (self._menu, self._ratings):
            if sheet is not None:
                close(sheet.box)
        self._menu = self._ratings = None
        self._menu_place.children = ()

    def _show_form(self, sheet: FormSheet | None) -> None:
        if self._form is not None:
            close(self._form.box)
        self._form = sheet
        self._form_place.children = () if sheet is None else (sheet.box,)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.page._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return "<WidgetDesk>"
