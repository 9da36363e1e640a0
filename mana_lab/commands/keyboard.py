"""The keyboard: lines that somebody types or pipes in, awaited without holding up the loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_CHUNK = 65_536
_LONGEST_LINE = 8_000_000  # bytes; what is longer comes in parts, and no field takes it


class Keyboard:
    """Reads lines of UTF-8 from a terminal, a pipe or a file.

    It reads from the descriptor in a thread that may be left behind: whoever waits for a line
    can be called away from it, which ``input`` does not allow.

    Args:
        descriptor: Where the lines come from; standard input by default.
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._gone = asyncio.Event()
        self._interrupted = False
        self._reading: asyncio.Future[bytes] | None = None

    @property
    def shows_typing(self) -> bool:
        """Whether what is typed is seen without anybody writing it: a terminal echoes it."""
        return os.isatty(self._descriptor)

    @property
    def has_left(self) -> bool:
        """Whether nobody answers any more."""
        return self._gone.is_set()

    @property
    def interrupted(self) -> bool:
        """Whether the person left with Ctrl-C."""
        return self._interrupted

    async def line(self) -> str:
        """Return the next line, without its end.

        Raises:
            EOFError: There is none any more, or the person has left.
        """
        if self._gone.is_set():
            raise EOFError
        while not (b"\n" in self._buffer or len(self._buffer) > _LONGEST_LINE):
            chunk = await self._chunk()
            if not chunk:
                break
            self._buffer += chunk
        if self._gone.is_set() or not self._buffer:
            self._gone.set()
            raise EOFError
        raw, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return raw.decode("utf-8", "replace").rstrip("\r")

    def leave(self) -> None:
        """Let nobody wait for a line any more."""
        self._gone.set()

    async def gone(self) -> None:
        """Return once the person has left."""
        await self._gone.wait()

    @contextmanager
    def leaving_on_ctrl_c(self) -> Iterator[None]:
        """Take the first Ctrl-C for leaving; a second one ends the program as usual."""
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            loop.remove_signal_handler(signal.SIGINT)
            self._interrupted = True
            self.leave()

        with suppress(NotImplementedError):  # Windows; there Ctrl-C ends the program at once
            loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(signal.SIGINT)

    async def _chunk(self) -> bytes:
        """Return what comes next; nothing at the end, or once the person has left."""
        if self._reading is None:
            self._reading = self._read()
        leaving = asyncio.ensure_future(self._gone.wait())
        awaited: set[asyncio.Future[Any]] = {self._reading, leaving}
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
        if not self._reading.done():
            return b""
        chunk, self._reading = self._reading.result(), None
        return chunk

    def _read(self) -> asyncio.Future[bytes]:
        """Begin to read; whoever is called away from it leaves it to the next one who waits."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[bytes] = loop.create_future()

        def read() -> None:
            try:
                chunk = os.read(self._descriptor, _CHUNK)
            except OSError:  # a terminal that was closed
                chunk = b""
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(arrived.set_result, chunk)

        threading.Thread(target=read, name="mana-lab-keyboard", daemon=True).start()
        return arrived
