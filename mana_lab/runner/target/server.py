"""A server that is not Mana: what it is held to, and how one connects to it as a persona."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal, TypeAlias

from mcp import Client
from mcp.client import Transport
from mcp.types import Implementation

from mana_lab.errors import ServiceUnavailableError, SettingsError
from mana_lab.personas import Persona
from mana_lab.runner.connection import Connection
from mana_lab.runner.target.pipes import Pipes
from mana_lab.runner.target.words import FOREIGN

ProtocolChoice: TypeAlias = Literal["auto", "legacy", "2026-07-28"]
"""Which versions of MCP to speak: ``auto`` finds out, ``legacy`` begins with ``initialize``."""

_PROTOCOLS = ("auto", "legacy", "2026-07-28")


@dataclass(frozen=True)
class ServerLimits:
    """How long a server may take, and how much it may send.

    Attributes:
        start_s: For connecting and for listing its tools, in seconds.
        call_s: For answering a call, in seconds.
        answer_bytes: How many bytes an answer may have.
        kept: How many connections or programs are kept for personas between their ticks.

    Raises:
        SettingsError: One of them is not above 0.
    """

    start_s: float = 30.0
    call_s: float = 60.0
    answer_bytes: int = 4 * 1024 * 1024
    kept: int = 32

    def __post_init__(self) -> None:
        for name in ("start_s", "call_s", "answer_bytes", "kept"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name}: got {getattr(self, name)}, need more than 0")


USUAL_LIMITS = ServerLimits()


@dataclass(frozen=True)
class Line:
    """A persona's own connection to the server.

    Attributes:
        connection: The MCP client.
        pipes: The program behind it; None for a server that runs by itself.
    """

    connection: Connection
    pipes: Pipes | None = None

    async def client(self) -> Client:
        """Return the client.

        Raises:
            ServiceUnavailableError: The connection was closed, or the program has ended.
        """
        if self.pipes is not None and self.pipes.ended:
            raise ServiceUnavailableError(self.pipes.story())
        return self.connection.client

    async def close(self) -> None:
        """Hang up; again is harmless."""
        await self.connection.close()


class Server(ABC):
    """A server that is not Mana.

    Args:
        protocol: Which versions of MCP to speak.
        limits: What the server is held to.

    Raises:
        SettingsError: There is no such choice of versions.
    """

    def __init__(self, protocol: ProtocolChoice, limits: ServerLimits) -> None:
        if protocol not in _PROTOCOLS:
            raise SettingsError(f"protocol: got {protocol!r}, need one of {', '.join(_PROTOCOLS)}")
        self.protocol: str = protocol
        self.limits = limits

    @property
    @abstractmethod
    def label(self) -> str:
        """What to call it when it does not say its name."""

    @abstractmethod
    async def connect(self, persona: Persona) -> Line:
        """Connect as a persona.

        Raises:
            ServiceUnavailableError: It cannot be reached or started, or took too long.
            ManaLabError: It refused.
        """

    async def _hold(
        self, transport: Transport, beneath: AbstractAsyncContextManager[Any] | None = None
    ) -> Connection:
        client = Client(
            transport,
            mode=self.protocol,
            read_timeout_seconds=self.limits.call_s,
            client_info=Implementation(name="mana-lab", version=version("mana-lab")),
            cache=None,
        )
        try:
            async with asyncio.timeout(self.limits.start_s):
                return await Connection.hold(client, beneath, FOREIGN)
        except TimeoutError:
            text = f"the server was not ready within {self.limits.start_s:g} s"
            raise ServiceUnavailableError(text) from None

    @abstractmethod
    async def close(self) -> None:
        """Let go of what all its connections share."""
