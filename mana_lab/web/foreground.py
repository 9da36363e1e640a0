"""Serving in the foreground of a terminal: Ctrl-C and a polite kill end it in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def until_stopped(work: Awaitable[T]) -> T | None:
    """Do *work* until it ends or the process gets SIGINT or SIGTERM, which cancel it.

    Args:
        work: What to do; it tidies up when it is cancelled.

    Returns:
        What it came to; None where it had nothing to say when it was cancelled.
    """
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows; there Ctrl-C cancels through asyncio.run
            loop.add_signal_handler(each, task.cancel)
    with suppress(asyncio.CancelledError):
        return await task
    return None
