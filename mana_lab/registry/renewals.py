"""Renewals: re-encryption in the background, once a user at a time."""

from __future__ import annotations

import asyncio

from mana_lab.closing import Closing
from mana_lab.identity.wire import VaultKey
from mana_lab.registry.lru import LruMap
from mana_lab.registry.reencryption import Reencryption
from mana_lab.sync.pushes import watched_pushes

MAX_WAITING = 64
"""How many users' renewals are under way or wait at most; others begin at a later fetch."""

_MAX_AT_ONCE = 2
_REMEMBERED = 1024


class Renewals(Closing):
    """Starts a user's re-encryption when the vault hands out earlier keys.

    A pass over all values for one key is done once; when the keys may go, there is a last one. What
    fails is tried again as soon as the vault is asked for the keys the next time.

    Args:
        work: The re-encryption.
    """

    def __init__(self, work: Reencryption) -> None:
        self._work = work
        self._turn = asyncio.Semaphore(_MAX_AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._passed: LruMap[str, str] = LruMap(_REMEMBERED)
        self._failures: LruMap[str, Exception] = LruMap(_REMEMBERED)

    def start(self, user_id: str, token: str, answer: VaultKey) -> None:
        """Begin, unless it is under way or has to wait for earlier keys to be out of use.

        Args:
            user_id: The user.
            token: Their access token.
            answer: What the vault said, with earlier keys.
        """
        waits = not all(key.removable for key in answer.previous_keys or ())
        if waits and self._passed.get(user_id) == answer.key_id:
            return
        if user_id in self._tasks or len(self._tasks) >= MAX_WAITING:
            return
        task = asyncio.create_task(self._run(user_id, token, answer.key_id or ""))
        self._tasks[user_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(user_id, None))

    def failure(self, user_id: str) -> Exception | None:
        """Return why the user's last pass ended early; None when it did not."""
        return self._failures.get(user_id)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def close(self) -> None:
        """Stop what is under way; it goes on wherever the keys are fetched next."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, user_id: str, token: str, key_id: str) -> None:
        async with self._turn:
            try:
                with watched_pushes():  # by nobody: they are not those of the call that began this
                    await self._work.run(user_id, token)
            except Exception as error:  # noqa: BLE001 - kept for whoever asks; tried again later
                self._failures.put(user_id, error)
            else:
                self._failures.discard(user_id)
                self._passed.put(user_id, key_id)
