"""An MCP server that is a program of this machine, spoken to through its standard streams.

The SDK has such a transport too. This one takes lines of a bounded length, keeps the last of what
the program says on its standard error, and tells whoever waits for an answer why none will come.
The messages are those of the specification (2025-11-25, Transports, stdio); so is the way in which
the program is ended: its input is closed, then it is told to end, then it is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp.types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

from mana_lab.errors import (
    InvalidOutputError,
    ManaLabError,
    ProtocolError,
    ServiceUnavailableError,
)
from mana_lab.runner.target.words import legible

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]

_GRACE_S = 2.0
"""How long a program may take to end by itself, and again after it was told to."""
_LONGEST_WORDS = 300
_CHUNK = 65_536
_UNKNOWN = -1_000


class Pipes:
    """One run of the program; an MCP client takes :meth:`streams` as its transport.

    Args:
        command: The program and its arguments.
        env: Variables, besides the harmless ones that are handed on anyway, such as ``PATH``.
        longest: How many bytes a message may have.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], longest: int) -> None:
        self._command = list(command)
        self._env = get_default_environment() | dict(env)
        self._longest = longest
        self._process: asyncio.subprocess.Process | None = None
        self._words = bytearray()
        self._noise = ""
        self._waiting: set[RequestId] = set()
        self._code: int | None = _UNKNOWN

    @property
    def started(self) -> bool:
        """Whether the program was started."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """The id of the program's process; None before it was started."""
        return None if self._process is None else self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the program has ended, or was never started."""
        return self._process is None or self._process.returncode is not None

    def story(self) -> str:
        """Tell what became of the program, and what it said last."""
        if self._process is None:
            return "the server's program was not started"
        code = self._process.returncode if self._code == _UNKNOWN else self._code
        parts = [f"the server's program {_fate(code)}"]
        if said := legible(self._words.decode("utf-8", "replace")).strip():
            parts.append(f"on its standard error it said last: {said}")
        if self._noise:
            parts.append(f"on its standard output stood what is no message: {self._noise}")
        return "; ".join(parts)

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[tuple[Incoming, Outgoing]]:
        """Start the program; end it on the way out, however that is taken.

        Raises:
            ServiceUnavailableError: The program cannot be started.
        """
        process = self._process = await self._start()
        to_client, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, from_client = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = [
            asyncio.create_task(self._read(process, to_client)),
            asyncio.create_task(self._write(process, from_client, to_client)),
            asyncio.create_task(self._listen(process)),
        ]
        try:
            yield incoming, outgoing
        finally:
            self._code = process.returncode  # what it did by itself
            try:
                await _end(process)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                for stream in (to_client, incoming, outgoing, from_client):
                    stream.close()

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                env=self._env,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=self._longest,
                start_new_session=True,
            )
        except OSError as error:
            program = legible(self._command[0])
            raise ServiceUnavailableError(
                f"the program {program} cannot be started: {error.strerror}"
            ) from None

    async def _read(
        self,
        process: asyncio.subprocess.Process,
        to_client: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                line = await _line(process.stdout)
                if line == b"":
                    break
                for message in self._messages(line):
                    await to_client.send(message)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE_S)
            for message in self._failed(CONNECTION_CLOSED, ServiceUnavailableError(self.story())):
                await to_client.send(message)
        to_client.close()
        while await process.stdout.read(_CHUNK):
            pass  # a program that cannot get rid of its words does not end

    def _messages(self, line: bytes | None) -> list[SessionMessage]:
        """Return what a line says; None stands for one that is too long."""
        if line is None:
            text = f"the server's answer has more than {self._longest} bytes, and was not read"
            return self._failed(INTERNAL_ERROR, InvalidOutputError(text))
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValidationError:
            if b'"jsonrpc"' in line:
                text = "the server's answer is not one of MCP"
                return self._failed(INTERNAL_ERROR, ProtocolError(text))
            self._noise = legible(line[:_LONGEST_WORDS].decode("utf-8", "replace"))
            return []
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            self._waiting.discard(message.id)
        return [SessionMessage(message)]

    def _failed(self, code: int, error: ManaLabError) -> list[SessionMessage]:
        """Return an answer for all that wait: which of them it was meant for cannot be told."""
        data = {"code": error.code, "kind": error.kind}
        told = ErrorData(code=code, message=error.message, data=data)
        waiting, self._waiting = self._waiting, set()
        return [
            SessionMessage(JSONRPCError(jsonrpc="2.0", id=each, error=told))
            for each in sorted(waiting, key=str)
        ]

    async def _write(
        self,
        process: asyncio.subprocess.Process,
        from_client: MemoryObjectReceiveStream[SessionMessage],
        to_client: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        assert process.stdin is not None  # noqa: S101 - it was asked for
        try:
            async for sent in from_client:
                if isinstance(sent.message, JSONRPCRequest):
                    self._waiting.add(sent.message.id)
                text = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()
        except OSError:
            to_client.close()  # nobody reads any more: whoever waits shall not wait for ever

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101 - it was asked for
        while words := await process.stderr.read(_CHUNK):
            self._words += words
            del self._words[:-_LONGEST_WORDS]


def _fate(code: int | None) -> str:
    if code is None:
        return "is still running"
    return f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"


async def _line(stream: asyncio.StreamReader) -> bytes | None:
    """Return the next line, b"" at the end of all, or None for a line that is too long."""
    complete = True
    while True:
        try:
            line = await stream.readuntil()
        except asyncio.IncompleteReadError as end:
            line = end.partial
        except asyncio.LimitOverrunError as overrun:
            complete = False
            await stream.readexactly(overrun.consumed)
            continue
        except OSError:
            line = b""
        return line if complete else None


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        if process.stdin is not None:
            process.stdin.close()
        if not await _gone(process):
            _tell(process, signal.SIGTERM)
            await _gone(process)
    finally:
        _tell(process, signal.SIGKILL)  # also what the program has left behind
        await _gone(process)


async def _gone(process: asyncio.subprocess.Process) -> bool:
    # wait() waits for the pipes too, which a child of the program may hold
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _GRACE_S)
    return process.returncode is not None


def _tell(process: asyncio.subprocess.Process, what: signal.Signals) -> None:
    """Send a signal to the program and all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, what)
