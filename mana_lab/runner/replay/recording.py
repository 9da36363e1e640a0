"""Recording: a door that keeps what happens behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from mana_lab.errors import ManaLabError
from mana_lab.identity.wire import Space
from mana_lab.personas import Persona
from mana_lab.runner.calls import CallOutcome, Toolbox, ToolInfo
from mana_lab.runner.door import Door
from mana_lab.runner.failures import GATEWAY
from mana_lab.runner.recorder import Action, Recorder
from mana_lab.runner.replay.offers import Offers
from mana_lab.runner.replay.track import (
    Answered,
    Asked,
    Failed,
    Track,
    calling,
    opening,
    returned,
    spaces_of,
)
from mana_lab.runner.tape import Entry

KeepApp: TypeAlias = Callable[[str, Sequence[Entry], Mapping[str, Sequence[Any]]], Awaitable[None]]
"""Stores the app's track of a tick, instead of what was stored of it: the tick, its entries, and
the lists of tools that were not stored before."""


class RecordingDoor:
    """Lets personas into an app, and keeps what they do there and what it answers.

    What happens in a visit is stored when it ends: a tick that is interrupted within one is lived
    again, and that is what counts.

    Args:
        door: The door to the app.
        keep: Stores the track of a tick.
    """

    def __init__(self, door: Door, keep: KeepApp) -> None:
        self._door = door
        self._keep = keep
        self._tracks = WeakKeyDictionary[Recorder, Track]()
        self._offers = Offers()

    def module_of(self, tool_name: str) -> str:
        """Return the module that a tool of the app belongs to."""
        return self._door.module_of(tool_name)

    def cast(self, persona: Persona) -> Persona:
        """Return a persona as a user of the app."""
        return self._door.cast(persona)

    @asynccontextmanager
    async def open(self, persona: Persona, recorder: Recorder) -> AsyncIterator[Toolbox]:
        """Let a persona in, and store what there is of the tick when they leave."""
        track = self._tracks.setdefault(recorder, Track())
        asked, broken_off = opening(persona), False
        try:
            async with self._door.open(persona, recorder) as app:
                spaces = spaces_of(app.shared_spaces)
                track.put(Answered(asked=asked, mix=dict(persona.module_mix), spaces=spaces))
                asked = Asked(do="leave")
                try:
                    yield RecordedApp(app, track, recorder, self._offers)
                except BaseException:
                    broken_off = True
                    raise
            track.put(Answered(asked=asked))
        except ManaLabError as error:
            if not broken_off:
                failed = Failed.of(GATEWAY.from_library(error))
                track.put(Answered(asked=asked, failed=failed))
            raise
        finally:
            fresh = dict(self._offers.fresh)
            await self._keep(recorder.tick_id, track.entries, fresh)
            self._offers.stored(fresh)


class RecordedApp:
    """An app that is used, and what is kept of it.

    Args:
        app: The app.
        track: Where it is kept.
        recorder: The audit of the tick.
        offers: The lists of tools that were seen.
    """

    def __init__(self, app: Toolbox, track: Track, recorder: Recorder, offers: Offers) -> None:
        self._app = app
        self._track = track
        self._recorder = recorder
        self._offers = offers

    @property
    def shared_spaces(self) -> Sequence[Space]:
        """The spaces that the persona shares with others, by slug."""
        return self._app.shared_spaces

    async def tools(self) -> list[ToolInfo]:
        """Return the tools on offer."""
        asked = Asked(do="tools")
        try:
            tools = await self._app.tools()
        except ManaLabError as error:
            failed = Failed.of(GATEWAY.from_library(error))
            self._track.put(Answered(asked=asked, failed=failed))
            raise
        self._track.put(Answered(asked=asked, offer=self._offers.hash_of(tools)))
        return tools

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        space_id: str | None = None,
    ) -> CallOutcome:
        """Call a tool."""
        asked = calling(name, arguments, space_id)
        known = len(self._recorder.actions)
        try:
            outcome = await self._app.call(name, arguments, space_id=space_id)
        except BaseException:
            for action in self._recorder.actions[known:]:
                self._track.put(_call(asked, action, broken=True))
            raise
        action = next(each for each in self._recorder.actions if each.seq == outcome.seq)
        self._track.put(_call(asked, action, outcome))
        return outcome


def _call(
    asked: Asked, action: Action, outcome: CallOutcome | None = None, *, broken: bool = False
) -> Answered:
    if outcome is not None:
        failed = Failed.of(outcome.error)
    else:
        failed = Failed(
            code=action.error_code or "",
            kind=action.error_kind or "infrastructure",
            message=action.error_message or "",
        )
    return Answered(
        asked=asked,
        failed=failed,
        latency_ms=action.latency_ms,
        tool_hash=action.tool_hash,
        module=action.module,
        broken=broken,
        **({} if outcome is None else returned(outcome.data)),
    )
