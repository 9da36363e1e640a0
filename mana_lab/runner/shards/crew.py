"""Crews: workers of an engine take shards from one pile, until none is left.

What all engines do alike is here; each of them says only how a worker is hired and asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol, TypeAlias

from mana_lab.errors import InfrastructureError, ManaLabError, ServiceUnavailableError
from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.shard import Shard

_TRIES = 5
_STOP_S = 30.0
"""Enough to write down what is released; a lease lasts no longer."""


class WorkerLostError(Exception):
    """A worker is gone, and what it was asked for with it."""


class NoWorkerError(Exception):
    """No worker came in time; it says where, and what to do."""


class Ask(Protocol):
    """Asks the hand of a worker for one of its methods."""

    def __call__(self, method: str, *given: str) -> Awaitable[None]:
        """Call it there.

        Raises:
            WorkerLostError: The worker is gone.
        """
        ...


Hire: TypeAlias = Callable[[], AbstractAsyncContextManager[Ask]]
"""Holds a worker that nobody else has; raises :class:`NoWorkerError` where none comes."""


class Crew:
    """Workers that live the shards of a run.

    Args:
        shards: The parts of a run.
        access: The secrets that workers need.
        hire: Hires a worker.
    """

    def __init__(self, shards: Sequence[Shard], access: Access, hire: Hire) -> None:
        self._left = deque((shard, _TRIES) for shard in shards)
        self._access = access.reveal()
        self._hire = hire
        self._at_work = 0

    async def work(self, workers: int) -> None:
        """Have all shards lived, by so many workers at the most; raises as an engine does."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(workers, len(self._left))):
                    tasks.create_task(self._one_after_the_other())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _one_after_the_other(self) -> None:
        """Work with one worker, and with another one when it is lost."""
        while self._left:
            try:
                async with self._hire() as ask:
                    self._at_work += 1
                    try:
                        await self._work_off(ask)
                    finally:
                        self._at_work -= 1
            except NoWorkerError as error:
                if not self._at_work:
                    raise ServiceUnavailableError(str(error)) from error
                return  # the others do what is left

    async def _work_off(self, ask: Ask) -> None:
        while self._left:
            shard, tries = self._left.popleft()
            try:
                await ask("live", shard.to_json(), self._access)
            except WorkerLostError as error:
                if tries == 1:
                    text = f"shard {shard.number} lost its worker {_TRIES} times"
                    raise ServiceUnavailableError(text) from error
                self._left.append((shard, tries - 1))
                return
            except asyncio.CancelledError:
                await _stop(ask)
                raise
            except ManaLabError:
                raise
            except Exception as error:
                raise InfrastructureError(f"shard {shard.number} failed: {error!r}") from error


async def _stop(ask: Ask) -> None:
    with suppress(WorkerLostError, TimeoutError):
        async with asyncio.timeout(_STOP_S):
            await ask("stop")
