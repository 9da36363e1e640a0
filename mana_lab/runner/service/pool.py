"""A sliding pool: as soon as one job ends, the next begins, and none waits for the slowest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeAlias, TypeVar

from mana_lab.errors import LabBusyError, ServiceUnavailableError

T = TypeVar("T")
Job: TypeAlias = Callable[[], Awaitable[None]]
"""What is to be done; it deals with its own failures."""

_LETTING_GO_S = 5.0


class Pool:
    """So many jobs at a time; each belongs to somebody, who has one at a time.

    Args:
        size: How many jobs at a time.
        paused: Whether it begins paused.
    """

    def __init__(self, size: int, *, paused: bool = False) -> None:
        self._size = size
        self._paused = paused
        self._closed = False
        self._expected: dict[str, Job] = {}
        self._asked: dict[str, tuple[Job, asyncio.Future[Any]]] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    @property
    def paused(self) -> bool:
        """Whether nothing new begins."""
        return self._paused

    @property
    def under_way(self) -> int:
        """How many jobs are being done."""
        return len(self._under_way)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._asked) + len(self._expected)

    def pause(self) -> None:
        """Begin nothing new; what is under way ends."""
        self._paused = True

    def resume(self) -> None:
        """Go on with those who wait."""
        self._paused = False
        self._fill()

    def expect(self, jobs: Mapping[str, Job]) -> None:
        """Let these jobs wait for their turn, in their order, instead of those expected so far.

        Args:
            jobs: By whose they are; who has one under way needs no other.
        """
        self._expected = {
            whose: job
            for whose, job in jobs.items()
            if whose not in self._under_way and whose not in self._asked
        }
        self._fill()

    async def next(self, whose: str, job: Callable[[], Awaitable[T]]) -> T:
        """Do a job as soon as there is room for it, before those that wait; return its result.

        Args:
            whose: Whose it is.
            job: What to do; what it raises comes out here.

        Raises:
            LabBusyError: They have a job already.
            ServiceUnavailableError: The pool was closed before the job's end.
        """
        if self._closed:
            raise _stopping()
        if whose in self._under_way or whose in self._asked:
            raise LabBusyError("they have a tick under way; wait until it has ended")
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._expected.pop(whose, None)
        self._asked[whose] = (partial(_tell, job, result), result)
        self._fill()
        try:
            return await result
        finally:
            self._asked.pop(whose, None)

    async def close(self, grace_s: float, over: asyncio.Event) -> int:
        """Begin nothing more, let what is under way end, and cancel what takes too long.

        Args:
            grace_s: How long that may take, in seconds.
            over: Set when it is too long already.

        Returns:
            How many jobs were cancelled.
        """
        self._closed = True
        self._expected.clear()
        for _, result in self._asked.values():
            if not result.done():  # who asked may have gone away
                result.set_exception(_stopping())
        under_way = set(self._under_way.values())
        if under_way:
            ended = asyncio.ensure_future(asyncio.wait(under_way))
            hurried = asyncio.ensure_future(over.wait())
            either = asyncio.FIRST_COMPLETED
            await asyncio.wait([ended, hurried], timeout=grace_s, return_when=either)
            ended.cancel()
            hurried.cancel()
        late = {task for task in under_way if not task.done()}
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_LETTING_GO_S)
        return sum(not task.done() or task.cancelled() for task in late)

    def _fill(self) -> None:
        while not (self._paused or self._closed) and len(self._under_way) < self._size:
            if self._asked:
                whose = next(iter(self._asked))
                job, _ = self._asked.pop(whose)
            elif self._expected:
                whose = next(iter(self._expected))
                job = self._expected.pop(whose)
            else:
                return
            task = asyncio.ensure_future(job())
            self._under_way[whose] = task
            task.add_done_callback(partial(self._end, whose))

    def _end(self, whose: str, _: asyncio.Task[None]) -> None:
        del self._under_way[whose]
        self._fill()


async def _tell(job: Callable[[], Awaitable[T]], result: asyncio.Future[T]) -> None:
    """Do a job for somebody who waits for its result, or has gone away meanwhile."""
    try:
        value = await job()
    except asyncio.CancelledError:
        if not result.done():
            result.set_exception(_stopping())
        raise
    except Exception as error:  # noqa: BLE001 - it comes out where somebody waits
        if not result.done():
            result.set_exception(error)
    else:
        if not result.done():
            result.set_result(value)


def _stopping() -> ServiceUnavailableError:
    return ServiceUnavailableError("the runner stops; what has begun goes on at its next start")
