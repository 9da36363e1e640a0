"""MasterKeyClient: the callers' master keys, fetched from the vault and kept for five minutes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import TypeAlias

from mana_lab.clock import Clock
from mana_lab.crypto import MasterKey, import_master_key
from mana_lab.errors import InvalidKeyError, ProtocolError, ZeroKnowledgeUserError
from mana_lab.identity.client import IdentityClient
from mana_lab.registry.lru import LruMap

KEY_LIFETIME_S = 300.0
"""How long a fetched key is used before the vault is asked again."""

_CacheKey: TypeAlias = tuple[str, bytes]


class MasterKeyClient:
    """Master keys by user and token.

    The token is part of what a key is kept under, so that a token which the vault has not
    accepted never gets a key. Concurrent callers share one fetch; failures are not kept.

    Args:
        identity: Where the vault is.
        clock: Its ``monotonic`` ages the keys.
        capacity: How many keys are kept at most.
    """

    def __init__(self, identity: IdentityClient, *, clock: Clock, capacity: int = 1024) -> None:
        self._identity = identity
        self._clock = clock
        self._keys: LruMap[_CacheKey, tuple[MasterKey, float]] = LruMap(capacity)
        self._flights: dict[_CacheKey, asyncio.Task[MasterKey]] = {}

    async def get_key(self, user_id: str, token: str) -> MasterKey:
        """Return the master key of the user whom *token* belongs to.

        Raises:
            ZeroKnowledgeUserError: The user keeps the key to themselves.
            VaultNotInitialisedError: The user has no vault yet.
            UnauthenticatedError: The vault does not accept the token.
            ServiceUnavailableError: The vault did not answer.
        """
        kept_under = (user_id, hashlib.sha256(token.encode()).digest())
        if kept := self._keys.get(kept_under):
            key, until = kept
            if self._clock.monotonic() < until:
                return key
            self._keys.discard(kept_under)
        flight = self._flights.get(kept_under)
        if flight is None:
            flight = asyncio.create_task(self._fetch(kept_under, token))
            self._flights[kept_under] = flight
            flight.add_done_callback(lambda done: self._land(kept_under, done))
        return await asyncio.shield(flight)

    async def _fetch(self, kept_under: _CacheKey, token: str) -> MasterKey:
        answer = await self._identity.vault_key(token)
        if answer.master_key is None:
            raise ZeroKnowledgeUserError(
                "this user alone holds the key of their vault (zero-knowledge mode), so no tool "
                "can read or write their encrypted fields; they have to use the app itself"
            )
        try:
            key = import_master_key(base64.b64decode(answer.master_key, validate=True))
        except (binascii.Error, InvalidKeyError):
            raise ProtocolError("the vault answered with something that is no key") from None
        self._keys.put(kept_under, (key, self._clock.monotonic() + KEY_LIFETIME_S))
        return key

    def _land(self, kept_under: _CacheKey, flight: asyncio.Task[MasterKey]) -> None:
        self._flights.pop(kept_under, None)
        if not flight.cancelled():
            flight.exception()
