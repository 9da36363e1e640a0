"""Playing: a door to an app that is not there, whose answers are on tape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mana_lab.errors import ProtocolError, TapeEndedError
from mana_lab.identity.wire import Space
from mana_lab.personas import Persona
from mana_lab.runner.calls import CallOutcome, Toolbox, ToolInfo, module_of
from mana_lab.runner.failures import as_exception
from mana_lab.runner.ledger_tape import RunTape
from mana_lab.runner.recorder import Recorder, storable
from mana_lab.runner.replay.track import Answered, Deed, read, visits


class PlayedDoor:
    """Lets personas into what is on tape of an app.

    Answers are found by their place in the tick. What a visit called that was not the last one of
    its tick is put into the audit as it was.

    Args:
        tape: What the run has on tape.

    Raises:
        ProtocolError: The tape is damaged.
    """

    def __init__(self, tape: RunTape) -> None:
        self._visits: dict[str, list[list[Answered]]] = {}
        self._mixes: dict[str, dict[str, float]] = {}
        self._offers = {name: _tools(tools) for name, tools in tape.offers.items()}
        self._modules = {
            storable(tool.name): tool.module for each in self._offers.values() for tool in each
        }
        for tick in tape.ticks:
            lived = [[read(entry) for entry in visit] for visit in visits(tick.app)]
            self._visits[tick.tick_id] = lived
            for answered in (each for visit in lived for each in visit):
                if answered.mix is not None:
                    self._mixes[tick.email] = answered.mix
                if answered.asked.tool is not None and answered.module is not None:
                    self._modules[answered.asked.tool] = answered.module

    def module_of(self, tool_name: str) -> str:
        """Return the module that the tape says a tool belongs to."""
        return self._modules.get(storable(tool_name)) or module_of(tool_name)

    def cast(self, persona: Persona) -> Persona:
        """Return a persona who wants what they wanted of the app."""
        mix = self._mixes.get(persona.email)
        return persona if mix is None else persona.model_copy(update={"module_mix": mix})

    @asynccontextmanager
    async def open(self, persona: Persona, recorder: Recorder) -> AsyncIterator[Toolbox]:
        """Let a persona in.

        Raises:
            TapeEndedError: The tape has no visit of the tick.
            ManaLabError: The app refused them, or was gone in the end.
        """
        lived = self._visits.get(recorder.tick_id, [])
        if not lived:
            raise TapeEndedError(f"the tape has nothing of the app for {persona.name} here")
        for visit in lived[:-1]:
            recorder.begin_again()
            _audit(visit, recorder)
        recorder.begin_again()
        opened, *rest = lived[-1]
        _check(opened)
        app = PlayedApp(opened.spaces or [], rest, self._offers, recorder)
        yield app
        app.leave()


class PlayedApp:
    """An app as it is on tape.

    Args:
        spaces: The spaces that the persona shares.
        lived: What was asked and answered, from the first request on.
        offers: The lists of tools, by their hashes.
        recorder: The audit of the tick.
    """

    def __init__(
        self,
        spaces: Sequence[Mapping[str, Any]],
        lived: Sequence[Answered],
        offers: Mapping[str, Sequence[ToolInfo]],
        recorder: Recorder,
    ) -> None:
        self._spaces = [Space.model_validate(space) for space in spaces]
        self._lived = lived
        self._offers = offers
        self._recorder = recorder
        self._next = 0

    @property
    def shared_spaces(self) -> Sequence[Space]:
        """The spaces that the persona shared with others."""
        return self._spaces

    async def tools(self) -> list[ToolInfo]:
        """Return the tools that were on offer.

        Raises:
            TapeEndedError: The tape has no list of tools at this place.
            ManaLabError: The app refused it.
        """
        answered = self._answer("tools")
        _check(answered)
        tools = self._offers.get(answered.offer or "")
        if tools is None:
            raise ProtocolError("the tape speaks of a list of tools that it does not have")
        return list(tools)

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        space_id: str | None = None,
    ) -> CallOutcome:
        """Return what the call at this place brought.

        Raises:
            TapeEndedError: The tape has no call at this place.
            TimeoutError: The call was not waited for.
        """
        answered = self._answer("call")
        given = dict(arguments or {})
        seq = self._recorder.begin(name, given, shared=space_id is not None)
        error = None if answered.failed is None else answered.failed.error
        action = self._recorder.record(
            seq,
            name,
            given,
            error=error,
            latency_ms=answered.latency_ms,
            data=answered.returned,
            tool_hash=answered.tool_hash,
        )
        if answered.broken:
            raise TimeoutError
        return CallOutcome(name, answered.returned, error, answered.latency_ms, action.id, seq)

    def leave(self) -> None:
        """Leave the app as it was left.

        Raises:
            ManaLabError: It was gone.
        """
        if self._lived[self._next :] and self._lived[self._next].asked.do == "leave":
            _check(self._lived[self._next])

    def _answer(self, deed: Deed) -> Answered:
        there = self._lived[self._next] if self._next < len(self._lived) else None
        if there is None or there.asked.do != deed:
            has = "ends there" if there is None else f"has {there.asked.do!r} there"
            raise TapeEndedError(
                f"the tape has no answer to {deed!r} at step {self._next + 1} of the app; it {has}"
            )
        self._next += 1
        return there


def _check(answered: Answered) -> None:
    if answered.failed is not None:
        raise as_exception(answered.failed.error)


def _audit(visit: Sequence[Answered], recorder: Recorder) -> None:
    """Put the calls of a visit into the audit."""
    for answered in visit:
        asked = answered.asked
        if asked.do == "call" and asked.tool is not None:
            given = asked.arguments or {}
            recorder.record(
                recorder.begin(asked.tool, given, shared=asked.space is not None),
                asked.tool,
                given,
                error=None if answered.failed is None else answered.failed.error,
                latency_ms=answered.latency_ms,
                data=answered.returned,
                tool_hash=answered.tool_hash,
            )


def _tools(kept: Sequence[Any]) -> list[ToolInfo]:
    try:
        return [ToolInfo(**tool) for tool in kept]
    except (TypeError, AttributeError):
        raise ProtocolError("the tape has a list of tools that is none; record it anew") from None
