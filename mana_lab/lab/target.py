"""A server that the personas of a lab use instead of Mana."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

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
    TargetView,
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


class Targeting(ABC):
    """A lab that can be opened for another server than Mana."""

    _target: TargetDoor | None

    @classmethod
    @abstractmethod
    async def open(cls, folder: str | Path, *, target: Target | None = None) -> Self:
        """Open the lab in *folder*."""

    @classmethod
    async def target(
        cls,
        folder: str | Path = TARGET_FOLDER,
        *,
        url: str | None = None,
        command: Sequence[str] | None = None,
        auth: Auth = None,
        headers: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        modules: ModulesGiven | None = None,
        stands_for: Mapping[str, str] | None = None,
        protocol: ProtocolChoice = "auto",
        limits: ServerLimits | None = None,
        **how: Any,
    ) -> Self:
        """Open a lab whose personas use any MCP server instead of Mana.

        The personas, the audit of their calls, their ratings, and all that reads these are the
        same. What they want is seeded in the server's modules: seed again when these changed.
        A folder for each server keeps findings apart.

        Args:
            folder: Where the lab keeps its databases and secrets.
            url: The address of a server that runs (Streamable HTTP, any version of MCP).
            command: Instead, a program that is started for each persona (stdio), and its
                arguments; ``{persona}`` in them stands for the persona's short name, ``{folder}``
                for a folder of their own.
            auth: For *url*: a bearer token, an ``httpx2.Auth``, or a function that gives one of
                them for a persona's short name, so that each is a user of their own.
            headers: For *url*: more headers.
            env: For *command*: variables of its environment, with the same placeholders.
            modules: Which tools make up a module: by its name their names, or beginnings of them
                with a ``*`` behind; or a TOML or JSON file with the tables ``modules`` and
                ``stands_for``. Tools that stand in none make up one that is called like the
                server. By default a tool's module is what stands before the first dot, dash or
                underscore of its name, unless that is a verb.
            stands_for: By modules of the catalog, such as ``notes``, the module of the server that
                stands for each. Modules of the same name need none. Who wants no module of the
                server uses all of them alike.
            protocol: Which versions of MCP to speak: ``auto`` finds out, ``legacy`` begins with
                ``initialize``, for servers that end at anything else.
            limits: How long the server may take, and how much it may send.
            how: As of :meth:`open`.

        Raises:
            SettingsError: Something given cannot be used, or the server has no such tool or module.
            ServiceUnavailableError: The server cannot be reached or started, or took too long.
            ProtocolError: The server offers no tool that can be used, or does not speak MCP.
            ManaLabError: The server refused, or what :meth:`open` raises.
        """
        other = Target(
            url=url,
            command=command,
            auth=auth,
            headers=headers,
            env=env,
            modules=modules,
            stands_for=stands_for,
            protocol=protocol,
            limits=limits or ServerLimits(),
        )
        return await cls.open(folder, target=other, **how)

    @property
    def server(self) -> TargetView | None:
        """The server that the personas use; None where it is Mana."""
        return None if self._target is None else self._target.view
