"""How many sessions there may be at a time: as many as fit into free memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from mana_lab.errors import InvalidInputError

SESSION_BYTES = 250_000_000
"""What a session takes: 190 MB were measured after one answer, and it grows with what is said."""

_UNKNOWN_BYTES = 2_000_000_000


class Places:
    """Admits as many sessions at a time as fit into free memory, and at least one.

    The memory is looked at whenever no session is open or waiting, so that open ones are not
    counted twice.

    Args:
        free_memory: Returns how many bytes are free.
        session_bytes: How many a session takes.
        most: How many sessions there may be however much is free; None for any number.

    Raises:
        InvalidInputError: A number is below 1.
    """

    def __init__(
        self,
        free_memory: Callable[[], int] | None = None,
        *,
        session_bytes: int = SESSION_BYTES,
        most: int | None = None,
    ) -> None:
        if session_bytes < 1 or (most is not None and most < 1):
            raise InvalidInputError(
                f"a session takes 1 byte or more, and 1 session or more is admitted; got "
                f"{session_bytes} and {most}"
            )
        self._free_memory = free_memory or _free_here
        self._session_bytes = session_bytes
        self._most = most
        self._users = 0
        self._semaphore = asyncio.Semaphore(1)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a place for a session; waits until there is one, first come, first served."""
        if not self._users:
            self._semaphore = asyncio.Semaphore(self._count())
        self._users += 1
        try:
            async with self._semaphore:
                yield
        finally:
            self._users -= 1

    def _count(self) -> int:
        fit = max(1, self._free_memory() // self._session_bytes)
        return fit if self._most is None else min(fit, self._most)


def free_memory(root: Path = Path("/")) -> int:
    """Return how many bytes this process may still take, by Linux and by its control group.

    Where neither says so, 2 GB are assumed.

    Args:
        root: Where ``proc`` and ``sys`` are.
    """
    found = [_available(root / "proc/meminfo"), _left_in_group(root / "sys/fs/cgroup")]
    return min((each for each in found if each is not None), default=_UNKNOWN_BYTES)


def _free_here() -> int:
    return free_memory()


def _available(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))
    except (OSError, ValueError, LookupError, StopIteration):
        return None


def _left_in_group(group: Path) -> int | None:
    try:
        most, taken = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
    except (OSError, ValueError):  # no group, or one without a limit ("max")
        return None
    return max(0, most - taken)
