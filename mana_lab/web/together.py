"""Several servers of one process: all of them answer, or none does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from mana_lab.web.serving import OnReady


class Work(Protocol):
    """Serves until it is cancelled."""

    def __call__(self, *, on_ready: OnReady) -> Coroutine[Any, Any, None]:
        """Serve, and call *on_ready* as soon as requests are answered."""
        ...


async def serve_together(works: Sequence[Work], on_ready: OnReady) -> None:
    """Serve all of *works* until this is cancelled, or one of them fails.

    Args:
        works: What to serve.
        on_ready: Called as soon as all of them answer.

    Raises:
        ManaLabError: What the first one that failed raised.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            ready = [asyncio.Event() for _ in works]
            for work, event in zip(works, ready, strict=True):
                tasks.create_task(work(on_ready=event.set))
            for event in ready:
                await event.wait()
            on_ready()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


@asynccontextmanager
async def under_way(works: Sequence[Work]) -> AsyncIterator[None]:
    """Serve all of *works* for as long as this is held; then let requests finish.

    Raises:
        ManaLabError: One of them did not start.
    """
    ready = asyncio.Event()
    serving = asyncio.create_task(serve_together(works, ready.set))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        yield
    finally:
        waiting.cancel()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
