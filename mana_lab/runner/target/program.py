"""A server that is a program of this machine, started for each persona (stdio)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mana_lab.errors import InfrastructureError, ServiceUnavailableError, SettingsError
from mana_lab.personas import Persona
from mana_lab.runner.target.pipes import Pipes
from mana_lab.runner.target.server import USUAL_LIMITS, Line, ProtocolChoice, Server, ServerLimits

_FOLDER = "{folder}"


class ProgramServer(Server):
    """A server that is started as a program.

    In *command* and in the values of *env*, ``{persona}`` stands for the persona's short name and
    ``{folder}`` for a folder of their own, where a server can keep what is theirs.

    Args:
        command: The program and its arguments.
        env: Variables, besides the harmless ones that are handed on anyway, such as ``PATH``.
        folder: Where the personas' folders are made.
        protocol: Which versions of MCP to speak.
        limits: What the server is held to.

    Raises:
        SettingsError: One of them cannot be used.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        folder: Path,
        protocol: ProtocolChoice = "auto",
        limits: ServerLimits = USUAL_LIMITS,
    ) -> None:
        super().__init__(protocol, limits)
        self._command = _checked_command(command)
        self._env = _checked_env(env or {})
        self._folder = folder

    @property
    def label(self) -> str:
        """The program's name."""
        return Path(self._command[0]).stem

    async def connect(self, persona: Persona) -> Line:
        """Start the program for a persona, and connect."""
        folder = self._folder / persona.email.partition("@")[0]
        marks = {"{persona}": persona.slug, _FOLDER: str(folder.absolute())}
        if any(_FOLDER in text for text in (*self._command, *self._env.values())):
            folder.mkdir(parents=True, exist_ok=True)
        pipes = Pipes(
            [_filled(part, marks) for part in self._command],
            {name: _filled(value, marks) for name, value in self._env.items()},
            self.limits.answer_bytes,
        )
        try:
            connection = await self._hold(pipes.streams())
        except InfrastructureError as error:
            if not pipes.started:
                raise
            raise ServiceUnavailableError(f"{error.message}; {pipes.story()}") from None
        return Line(connection, pipes)

    async def close(self) -> None:
        """Do nothing: each connection ends its own program."""


def _filled(text: str, marks: Mapping[str, str]) -> str:
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


def _checked_command(command: Sequence[str]) -> list[str]:
    if isinstance(command, str) or not all(isinstance(part, str) for part in command):
        raise SettingsError(
            "command: need a list of texts, the program and its arguments, such as "
            '["npx", "-y", "@modelcontextprotocol/server-everything"]'
        )
    if not command or not command[0]:
        raise SettingsError("command: is empty; its first text is the program")
    if any("\0" in part for part in command):
        raise SettingsError("command: has a NUL character in it")
    return list(command)


def _checked_env(env: Mapping[str, str]) -> dict[str, str]:
    for name, value in env.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise SettingsError(f"env: {name!r} is not the name of a variable")
        if not isinstance(value, str) or "\0" in value:
            raise SettingsError(f"env: the value of {name} is not a text without NUL characters")
    return dict(env)
