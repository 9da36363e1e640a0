"""Requests to a provider, tried again as long as that may help, at the pace that it takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

from mana_lab.errors import ProviderUnavailableError
from mana_lab.runner.models.flow import Flow, LocalFlow, Outcome, Pause

T = TypeVar("T")

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


class TryAgainError(Exception):
    """A request failed in a way that another one may not; never leaves this package.

    Args:
        reason: What happened.
        refused: Whether the provider wants fewer requests.
        retry_after_s: When it wants the next one, in seconds.
    """

    def __init__(
        self, reason: str, *, refused: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused
        self.retry_after_s = retry_after_s


class Pace:
    """Makes requests when the flow admits them, and makes failed ones again.

    Pauses between two tries double, from about one second to half a minute, and are shortened by
    chance by up to a half so that not all personas come back at once (cf. "full jitter", AWS
    Architecture Blog, 2015). Where the provider says when to come back, nobody comes earlier.

    Args:
        flow: Says when a request may be made; one of this process when None.
        tries: How many times a request is made at the most.
        longest_wait_s: A provider that wants to be left alone for longer is given up at once.
        pause: Waits.
    """

    def __init__(
        self,
        flow: Flow | None = None,
        *,
        tries: int = 6,
        longest_wait_s: float = 120.0,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.flow = flow or LocalFlow(pause=pause)
        self._tries = tries
        self._longest_wait_s = longest_wait_s
        self._pause = pause

    async def run(self, attempt: Callable[[], Awaitable[T]], random: random.Random) -> T:
        """Make a request.

        Args:
            attempt: Makes it once; raises :class:`TryAgainError` if another try may help.
            random: What the pauses are shortened by.

        Raises:
            ProviderUnavailableError: All tries failed, or the provider asks for a longer wait.
        """
        for tried in count(1):
            try:
                return await self._once(attempt)
            except TryAgainError as failure:
                wait_s = failure.retry_after_s or 0.0
                if tried >= self._tries or wait_s > self._longest_wait_s:
                    raise self._given_up(failure, tried) from None
            backoff_s = min(_FIRST_PAUSE_S * 2 ** (tried - 1), _LONGEST_PAUSE_S)
            await self._pause(max(wait_s, backoff_s * (0.5 + random.random() / 2)))
        raise AssertionError  # pragma: no cover

    async def _once(self, attempt: Callable[[], Awaitable[T]]) -> T:
        ticket = await self.flow.enter()
        outcome: Outcome = "failed"
        retry_after_s: float | None = None
        try:
            answer = await attempt()
            outcome = "answered"
        except TryAgainError as failure:
            if failure.refused:
                outcome = "refused"
                retry_after_s = failure.retry_after_s
                if retry_after_s is not None:
                    retry_after_s = min(retry_after_s, self._longest_wait_s)
            raise
        finally:
            await self.flow.leave(ticket, outcome, retry_after_s=retry_after_s)
        return answer

    def _given_up(self, failure: TryAgainError, tried: int) -> ProviderUnavailableError:
        wait = "" if failure.retry_after_s is None else f"; it may in {failure.retry_after_s:g} s"
        return ProviderUnavailableError(
            f"the model's provider does not answer (try {tried} of {self._tries}): "
            f"{failure.reason}{wait}"
        )
