"""The door to a server that is not Mana."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mcp.types import Implementation, Tool
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from mana_lab.clock import Clock
from mana_lab.closing import Closing
from mana_lab.errors import ManaLabError, ServiceUnavailableError
from mana_lab.personas import Persona
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.listing import every_tool
from mana_lab.runner.recorder import Recorder
from mana_lab.runner.target.app import TargetApp
from mana_lab.runner.target.lines import Lines
from mana_lab.runner.target.modules import Modules, ModuleTable
from mana_lab.runner.target.offer import offered, usable_tools
from mana_lab.runner.target.server import Line, Server
from mana_lab.runner.target.words import FOREIGN, legible


@dataclass(frozen=True, repr=False)
class TargetView:
    """What a server was when it was looked at.

    Attributes:
        name: What it calls itself.
        version: Which version of it, as it says; empty if it does not.
        protocol: The version of MCP that is spoken with it.
        modules: The modules that its tools were sorted into, sorted.
        tools: Its tools, sorted by name.
        left_out: Why tools that it lists cannot be used, by their names.
    """

    name: str
    version: str
    protocol: str
    modules: tuple[str, ...]
    tools: tuple[ToolInfo, ...]
    left_out: Mapping[str, str]

    def __repr__(self) -> str:
        named = " ".join(filter(None, (self.name, self.version)))
        less = f", {len(self.left_out)} left out" if self.left_out else ""
        return (
            f"<Target: {named}, MCP {self.protocol}, {len(self.tools)} tools in "
            f"{', '.join(self.modules)}{less}>"
        )


class TargetDoor(Closing):
    """Lets personas use a server; made by :meth:`look`.

    Attributes:
        modules: Its tools, sorted into modules.
        view: What it was when it was looked at.
    """

    def __init__(
        self, server: Server, lines: Lines, modules: Modules, view: TargetView, clock: Clock
    ) -> None:
        self.modules = modules
        self.view = view
        self._server = server
        self._lines = lines
        self._clock = clock

    @classmethod
    async def look(
        cls, server: Server, persona: Persona, table: ModuleTable, clock: Clock
    ) -> TargetDoor:
        """Connect to a server as somebody, and see what it is and offers.

        Args:
            server: The server; the door closes it.
            persona: As whom; the connection is kept for them.
            table: Which of its tools belong together.
            clock: Measures latencies.

        Raises:
            ServiceUnavailableError: It cannot be reached or started, or took too long.
            SettingsError: *table* names tools or modules that it does not have.
            ProtocolError: It offers no tool that can be used, or its list is none of MCP.
            ManaLabError: It refused.
        """
        lines = Lines(server.connect, server.limits.kept)
        try:
            line = await lines.fresh(persona)
            tools, left_out = usable_tools(await _listed(line, server))
            name, version = _identity(line, server)
            modules = Modules(table, name, tools)
            protocol = line.connection.client.protocol_version
            server.protocol = protocol if protocol in MODERN_PROTOCOL_VERSIONS else "legacy"
            infos = tuple(offered(tool, modules.of).info for tool in tools.values())
            view = TargetView(name, version, protocol, modules.names, infos, left_out)
            await lines.take_back(persona, line)
        except BaseException:
            await lines.close()
            await server.close()
            raise
        return cls(server, lines, modules, view, clock)

    def module_of(self, tool_name: str) -> str:
        """Return the module that a tool of the server belongs to."""
        return self.modules.of(tool_name)

    def cast(self, persona: Persona) -> Persona:
        """Return a persona as a user of the server; see :meth:`Modules.cast`."""
        return self.modules.cast(persona)

    @asynccontextmanager
    async def open(self, persona: Persona, recorder: Recorder) -> AsyncIterator[TargetApp]:
        """Connect a persona for a tick.

        Raises:
            ServiceUnavailableError: The server cannot be reached, or was gone in the end.
            ManaLabError: The server refused.
        """
        app = await self.enter(persona, recorder)
        try:
            yield app
            await app.check()
        except BaseException:
            await self._lines.discard(app.line)
            raise
        await self._lines.take_back(persona, app.line)

    async def enter(self, persona: Persona, recorder: Recorder) -> TargetApp:
        """Connect a persona until they :meth:`leave`.

        Raises:
            ManaLabError: The server refused, or cannot be reached.
        """
        line, listed = await self._connected(persona)
        tools, _ = usable_tools(listed)
        offer = {name: offered(tool, self.modules.of) for name, tool in tools.items()}
        return TargetApp(line, offer, recorder, self._clock)

    async def leave(self, persona: Persona, app: TargetApp) -> None:
        """Let a persona go; again is harmless."""
        await self._lines.take_back(persona, app.line)

    async def _connected(self, persona: Persona) -> tuple[Line, list[Tool]]:
        """Return a connection that works; one that was kept is tried first."""
        if (kept := self._lines.kept(persona)) is not None:
            try:
                return kept, await self._listed(kept)
            except ManaLabError:
                pass
        line = await self._lines.fresh(persona)
        return line, await self._listed(line)

    async def _listed(self, line: Line) -> list[Tool]:
        try:
            return await _listed(line, self._server)
        except BaseException:
            await self._lines.discard(line)
            raise

    async def close(self) -> None:
        """Hang up for everybody; again is harmless."""
        await self._lines.close()
        await self._server.close()


def _identity(line: Line, server: Server) -> tuple[str, str]:
    info = line.connection.client.server_info or Implementation(name="", version="")
    return legible(info.name) or server.label, legible(info.version)


async def _listed(line: Line, server: Server) -> list[Tool]:
    try:
        async with asyncio.timeout(server.limits.start_s):
            return await every_tool(await line.client(), FOREIGN)
    except TimeoutError:
        text = f"the server did not list its tools within {server.limits.start_s:g} s"
        raise ServiceUnavailableError(text) from None
