"""A server that the personas of a lab use instead of Mana."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mana_lab.clock import Clock
from mana_lab.errors import SettingsError
from mana_lab.personas import Persona
from mana_lab.runner.target import (
    Auth,
    ModulesGiven,
    ProgramServer,
    ProtocolChoice,
    RemoteServer,
    Server,
    ServerLimits,
    TargetDoor,
    read_table,
)

TARGET_FOLDER = ".mana-lab-target"
_PERSONAS = "personas"


@dataclass(frozen=True)
class Target:
    """An MCP server: where it is, or how it is started, and what its tools are to the personas.

    Attributes:
        url: The address of its MCP endpoint.
        command: Instead, the program to start for each persona, and its arguments.
        auth: For *url*: a bearer token, an ``httpx2.Auth``, or a function that gives one of them
            for a persona's short name.
        headers: For *url*: more headers.
        env: For *command*: variables of its environment.
        modules: The tools of each module, or a TOML or JSON file.
        stands_for: Modules of the catalog, and the module of this server that stands for each.
        protocol: Which versions of MCP to speak.
        limits: How long it may take, and how much it may send.

    Raises:
        SettingsError: Not exactly one of *url* and *command* is given, or something that goes
            with the other one.
    """

    url: str | None = None
    command: Sequence[str] | None = None
    auth: Auth = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    env: Mapping[str, str] | None = field(default=None, repr=False)
    modules: ModulesGiven | None = None
    stands_for: Mapping[str, str] | None = None
    protocol: ProtocolChoice = "auto"
    limits: ServerLimits = field(default_factory=ServerLimits)

    def __post_init__(self) -> None:
        if (self.url is None) == (self.command is None):
            raise SettingsError(
                "a target is given by url= (a server that runs) or by command= (a program to "
                "start), and by one of them only"
            )
        if self.url is None and (self.auth is not None or self.headers is not None):
            raise SettingsError("auth= and headers= go with url=; a program takes env=")
        if self.command is None and self.env is not None:
            raise SettingsError("env= goes with command=; a server with an address takes headers=")

    async def open(self, folder: Path, clock: Clock, persona: Persona) -> TargetDoor:
        """Connect to the server, and see what it is and offers.

        Args:
            folder: The lab's folder.
            clock: The lab's clock.
            persona: As whom to look.

        Raises:
            SettingsError: Something given cannot be used, or the server has no such tool or module.
            ManaLabError: The server cannot be reached or started, refused, or offers no tools.
        """
        table = read_table(self.modules, self.stands_for)
        return await TargetDoor.look(self._server(folder, clock), persona, table, clock)

    def _server(self, folder: Path, clock: Clock) -> Server:
        if self.command is not None:
            return ProgramServer(
                self.command,
                self.env,
                folder=folder / _PERSONAS,
                protocol=self.protocol,
                limits=self.limits,
            )
        return RemoteServer(
            self.url or "",
            self.auth,
            self.headers,
            clock=clock,
            protocol=self.protocol,
            limits=self.limits,
        )
