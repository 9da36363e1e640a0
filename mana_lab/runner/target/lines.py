"""The connections of all personas to one server, kept from tick to tick."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from mana_lab.errors import ServiceUnavailableError
from mana_lab.personas import Persona
from mana_lab.runner.target.server import Line


class Lines:
    """Lends each persona a connection of their own; nobody else ever gets it.

    Between ticks it is kept, so that a server that remembers whom it talks to, and a program that
    keeps things in its memory, go on where they were. Beyond the limit, the connection that was
    idle for longest is closed.

    Args:
        connect: Makes a connection.
        most: How many idle connections are kept.
    """

    def __init__(self, connect: Callable[[Persona], Awaitable[Line]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._idle: OrderedDict[str, Line] = OrderedDict()
        self._lent: set[Line] = set()
        self._closed = False

    def kept(self, persona: Persona) -> Line | None:
        """Lend the connection that was kept for a persona; None if there is none."""
        line = self._idle.pop(persona.email, None)
        if line is not None:
            self._lent.add(line)
        return line

    async def fresh(self, persona: Persona) -> Line:
        """Lend a new connection.

        Raises:
            ManaLabError: The server refused, or cannot be reached, or all was closed.
        """
        if self._closed:
            raise ServiceUnavailableError("the lab is closed, and its connections with it")
        line = await self._connect(persona)
        self._lent.add(line)
        return line

    async def take_back(self, persona: Persona, line: Line) -> None:
        """Keep a connection for the persona's next tick; again is harmless."""
        if line not in self._lent:
            return
        if self._closed or persona.email in self._idle:
            await self.discard(line)
            return
        self._lent.remove(line)
        self._idle[persona.email] = line
        while len(self._idle) > self._most:
            _, oldest = self._idle.popitem(last=False)
            await oldest.close()

    async def discard(self, line: Line) -> None:
        """Close a connection that is of no use."""
        self._lent.discard(line)
        await line.close()

    async def close(self) -> None:
        """Close all of them; again is harmless."""
        self._closed = True
        lines = [*self._idle.values(), *self._lent]
        self._idle.clear()
        self._lent.clear()
        await asyncio.gather(*(line.close() for line in lines))
