"""The Claude Code process of a session: alone in its group, in an environment of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from claude_agent_sdk import Transport

from mana_lab.errors import ProtocolError, ProviderUnavailableError, SettingsError
from mana_lab.runner.playing.wording import reason_in

_LONGEST_LINE = 16_000_000
_ERRORS = "stderr.txt"
_SHOWN_BYTES = 1_000
_TO_EXIT_S = 1.0

_T = TypeVar("_T")


class Process(Transport):
    """Carries the lines of JSON between the SDK and one process of Claude Code.

    The SDK's own transport hands on the whole environment, kills the process and not what that
    has started, and may be interrupted while it does so. Here the process leads a group that is
    killed as one, before anything is waited for.

    Args:
        command: The program and its arguments.
        environment: All that the process has in its environment.
        folder: Where it works.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._killed = False

    @property
    def pid(self) -> int | None:
        """The id of the process, and of its group; None before it has begun."""
        return None if self._process is None else self._process.pid

    async def connect(self) -> None:
        """Start the process.

        Raises:
            SettingsError: The program is not there, or may not be run.
        """
        try:
            with (self._folder / _ERRORS).open("wb") as errors:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    cwd=self._folder,
                    env=self._environment,
                    start_new_session=True,
                    limit=_LONGEST_LINE,
                )
        except OSError as error:
            raise SettingsError(
                f"Claude Code cannot be started ({error.strerror}): {self._command[0]}; it comes "
                "with pip install 'mana-lab[claude-agent]'"
            ) from None

    async def write(self, data: str) -> None:
        """Send lines.

        Raises:
            ProviderUnavailableError: The process has ended.
        """
        process = self._process
        if process is None or process.stdin is None:
            raise await self._ended()
        try:
            process.stdin.write(data.encode())
            await process.stdin.drain()
        except (ConnectionError, RuntimeError):
            raise await self._ended() from None

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """Receive messages, until the process ends.

        Raises:
            ProtocolError: A line is not one of the protocol.
            ProviderUnavailableError: The process ended by itself.
        """
        process = self._process
        if process is None or process.stdout is None:
            raise await self._ended()
        while line := await _line_of(process.stdout):
            if line.startswith(b"{"):  # the rest is chatter
                yield _message_in(line)
        if not self._killed:
            raise await self._ended()

    async def end_input(self) -> None:
        """Say that nothing more will be sent."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def is_ready(self) -> bool:
        """Whether the process can be spoken to."""
        return self._process is not None and self._process.returncode is None

    def kill(self) -> None:
        """Kill the process and all that it has started; again is harmless."""
        if self._process is None or self._killed:
            return
        self._killed = True
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    async def close(self) -> None:
        """Kill the process and wait until it is gone."""
        self.kill()
        if self._process is not None:
            await finished(self._process.communicate())

    async def _ended(self) -> ProviderUnavailableError:
        said = ""
        if self._process is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _TO_EXIT_S)
        with suppress(OSError):
            said = (self._folder / _ERRORS).read_bytes()[-_SHOWN_BYTES:].decode("utf-8", "replace")
        status = None if self._process is None else self._process.returncode
        return ProviderUnavailableError(
            f"Claude Code ended in the middle of a session (status {status}): "
            f"{reason_in(said) or 'it did not say why'}"
        )


async def finished(work: Coroutine[Any, Any, _T]) -> _T:
    """Do *work* to its end, also if whoever waits for it is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001 - it is raised from the task
            break
    if cancelled is not None:
        raise cancelled
    return task.result()


async def _line_of(stdout: asyncio.StreamReader) -> bytes:
    try:
        return await stdout.readline()
    except ValueError:
        raise ProtocolError(f"Claude Code sent more than {_LONGEST_LINE} bytes at once") from None


def _message_in(line: bytes) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError):
        raise ProtocolError(f"Claude Code sent a line that is not JSON: {line[:80]!r}") from None
    return message
