"""Passes: what is shown to the services behind the gateway instead of the caller's own token.

The caller's token is for the gateway; it does not pass through. Each service behind gets a token
that was exchanged for it (RFC 8693): for that service alone, for one purpose, for at most a minute.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeAlias

from mana_lab.clock import Clock
from mana_lab.closing import Closing
from mana_lab.crypto.exchanged import (
    IDENTITY_AUDIENCE,
    SPACES_READ,
    SYNC_AUDIENCE,
    SYNC_READ,
    SYNC_WRITE,
)
from mana_lab.errors import NotFoundError, ProtocolError
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import ExchangedToken
from mana_lab.registry.lru import LruMap

MAX_PASSES: Final = 8192
"""The most tokens that are kept to be shown again; the one not used for longest goes first."""

_MARGIN_S = 5
"""A kept token is shown as long as the service it is for has this many seconds to look at it."""

_Purpose: TypeAlias = tuple[bytes, str, str, str]


class Passes(Protocol):
    """Gives what to show to the services behind, in the name of a caller, when it is needed."""

    @property
    def bound(self) -> bool:
        """Whether what is shown to the sync service opens one space only."""
        ...

    async def to_identity(self, token: str, scope: str = SPACES_READ, space_id: str = "") -> str:
        """Return what the identity service is shown.

        Args:
            token: The caller's own token.
            scope: What for (:mod:`mana_lab.crypto.exchanged`).
            space_id: The only space that it is about; empty for what is of none.

        Raises:
            UnauthenticatedError: The token is not taken, or not any more.
            ForbiddenError: It was given for less, or the caller is not in the space.
            ServiceUnavailableError: Nothing can be had just now.
        """
        ...

    async def to_read(self, token: str, space_id: str) -> str:
        """Return what the sync service is shown by who reads; errors as for :meth:`to_identity`."""
        ...

    async def to_write(self, token: str, space_id: str, tool: str) -> str:
        """Return what the sync service is shown for one push; errors as for :meth:`to_identity`.

        Args:
            token: The caller's own token.
            space_id: The space that is written to.
            tool: What writes.
        """
        ...


class Forwarding:
    """Shows the caller's own token to everybody, for a Mana that exchanges none.

    It costs that every service behind can act as the caller, everywhere, until the token ends.
    """

    @property
    def bound(self) -> bool:
        """What is shown opens all of the caller's spaces."""
        return False

    async def to_identity(
        self,
        token: str,
        scope: str = SPACES_READ,  # noqa: ARG002 - the same is shown for everything
        space_id: str = "",  # noqa: ARG002
    ) -> str:
        """Return the caller's own token."""
        return token

    async def to_read(self, token: str, space_id: str) -> str:  # noqa: ARG002 - as above
        """Return the caller's own token."""
        return token

    async def to_write(self, token: str, space_id: str, tool: str) -> str:  # noqa: ARG002 - as above
        """Return the caller's own token."""
        return token


@dataclass(frozen=True)
class _Kept:
    token: str
    until: datetime


@dataclass
class _Flight:
    task: asyncio.Task[str]
    waiting: int = 0


class Exchanging(Closing):
    """Exchanges the caller's token at the identity service.

    A token for reading is shown again until shortly before its end; callers at the same time share
    one exchange. One for writing is good for one push, so it is never kept. It belongs to one event
    loop.

    Args:
        identity: Exchanges the tokens.
        clock: ``now`` tells when one ends.
        capacity: How many are kept at most.
    """

    def __init__(
        self, identity: IdentityClient, clock: Clock, *, capacity: int = MAX_PASSES
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._kept: LruMap[_Purpose, _Kept] = LruMap(capacity)
        self._flights: dict[_Purpose, _Flight] = {}

    @property
    def bound(self) -> bool:
        """What is shown opens one space only."""
        return True

    async def to_identity(self, token: str, scope: str = SPACES_READ, space_id: str = "") -> str:
        """Return a token for the identity service; as :class:`Passes` says."""
        return await self._shared(token, IDENTITY_AUDIENCE, scope, space_id)

    async def to_read(self, token: str, space_id: str) -> str:
        """Return a token that reads one space; as :class:`Passes` says."""
        return await self._shared(token, SYNC_AUDIENCE, SYNC_READ, space_id)

    async def to_write(self, token: str, space_id: str, tool: str) -> str:
        """Return a token for one push to one space; as :class:`Passes` says."""
        return (await self._exchange(token, SYNC_AUDIENCE, SYNC_WRITE, space_id, tool)).access_token

    async def close(self) -> None:
        """Forget all tokens, and stop asking for more."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()

    async def _shared(self, token: str, audience: str, scope: str, space_id: str) -> str:
        purpose = (hashlib.sha256(token.encode()).digest(), audience, scope, space_id)
        kept = self._kept.get(purpose)
        if kept is not None:
            if self._clock.now() < kept.until:
                return kept.token
            self._kept.discard(purpose)
        flight = self._flights.get(purpose)
        if flight is None:
            flight = self._flights[purpose] = _Flight(
                asyncio.create_task(self._fetch(token, purpose))
            )
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting or flight.task.done():
                self._land(purpose, flight)

    async def _fetch(self, token: str, purpose: _Purpose) -> str:
        asked_at = self._clock.now()
        answer = await self._exchange(token, *purpose[1:])
        lives = timedelta(seconds=answer.expires_in - _MARGIN_S)
        if lives > timedelta(0):
            self._kept.put(purpose, _Kept(answer.access_token, asked_at + lives))
        return answer.access_token

    async def _exchange(
        self, token: str, audience: str, scope: str, space_id: str, tool: str | None = None
    ) -> ExchangedToken:
        try:
            return await self._identity.exchange(
                token, audience, scope, space_id=space_id or None, tool=tool
            )
        except NotFoundError:
            raise ProtocolError(
                "the identity service exchanges no tokens; update it, or let the gateway show it "
                "and the sync service the callers' own (MANA_FORWARD_TOKENS, --forward-tokens), "
                "with which each of them can act as the caller everywhere"
            ) from None

    def _land(self, purpose: _Purpose, flight: _Flight) -> None:
        """Let go of an exchange that is done, or that nobody waits for any more."""
        flight.task.cancel()
        if self._flights.get(purpose) is flight:
            del self._flights[purpose]
