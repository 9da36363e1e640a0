"""MasterKeyClient: the callers' master keys, fetched from the vault and kept for half a minute."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from mana_lab.clock import Clock
from mana_lab.closing import Closing
from mana_lab.crypto import KeyRing
from mana_lab.crypto.exchanged import VAULT_READ
from mana_lab.errors import ZeroKnowledgeUserError
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.vault_client import master_key_of
from mana_lab.identity.wire import VaultKey
from mana_lab.registry.lru import LruMap
from mana_lab.registry.passes import Passes

KEY_LIFETIME_S = 30.0
"""How long a fetched key is used before the vault is asked again."""

Watcher: TypeAlias = Callable[[str, str, VaultKey], None]
"""Is told the user, the token and the answer, of every answer that names earlier keys."""

_Flight: TypeAlias = tuple[str, bytes]


@dataclass
class _Kept:
    """A user's keys, and until when each token that the vault accepted may have them."""

    ring: KeyRing
    until: dict[bytes, float] = field(default_factory=dict)


class MasterKeyClient(Closing):
    """Master keys by user and token.

    A token which the vault has not accepted never gets a key. Concurrent callers share one fetch;
    failures are not kept. As soon as one fetch tells that a key was rotated, or that the user keeps
    it to themselves, what was kept for the user's other tokens goes too.

    Args:
        identity: Where the vault is.
        passes: What the vault is shown.
        clock: Its ``monotonic`` ages the keys.
        capacity: Of how many users keys are kept at most.
        watcher: Told of answers with earlier keys.
    """

    def __init__(
        self,
        identity: IdentityClient,
        passes: Passes,
        *,
        clock: Clock,
        capacity: int = 1024,
        watcher: Watcher | None = None,
    ) -> None:
        self._identity = identity
        self._passes = passes
        self._clock = clock
        self._watcher = watcher
        self._kept: LruMap[str, _Kept] = LruMap(capacity)
        self._flights: dict[_Flight, asyncio.Task[KeyRing]] = {}

    async def get_keys(self, user_id: str, token: str, *, unlike: KeyRing | None = None) -> KeyRing:
        """Return the master keys of the user whom *token* belongs to.

        Args:
            user_id: The user.
            token: Their access token.
            unlike: Keys that did not open something; if those are kept, the vault is asked again.

        Raises:
            ZeroKnowledgeUserError: The user keeps the key to themselves.
            VaultNotInitialisedError: The user has no vault yet.
            UnauthenticatedError: The vault does not accept the token.
            ServiceUnavailableError: The vault did not answer.
        """
        mark = hashlib.sha256(token.encode()).digest()
        kept = self._kept.get(user_id)
        if kept is not None and kept.ring is not unlike:
            if self._clock.monotonic() < kept.until.get(mark, 0.0):
                return kept.ring
            kept.until.pop(mark, None)
        flight = self._flights.get((user_id, mark))
        if flight is None:
            flight = asyncio.create_task(self._fetch(user_id, token, mark))
            self._flights[user_id, mark] = flight
            flight.add_done_callback(lambda done: self._land((user_id, mark), done))
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """Forget all keys, and stop fetching."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        self._kept.clear()

    async def _fetch(self, user_id: str, token: str, mark: bytes) -> KeyRing:
        shown = await self._passes.to_identity(token, VAULT_READ)
        answer = await self._identity.vault_key(shown)
        if answer.master_key is None:
            self._kept.discard(user_id)
            raise ZeroKnowledgeUserError(
                "this user alone holds the key of their vault (zero-knowledge mode), so no tool "
                "can read or write their encrypted fields; they have to use the app itself"
            )
        kept = self._keep(user_id, ring_of(answer))
        now = self._clock.monotonic()
        kept.until = {other: until for other, until in kept.until.items() if until > now}
        kept.until[mark] = now + KEY_LIFETIME_S
        if answer.previous_keys and self._watcher is not None:
            self._watcher(user_id, token, answer)
        return kept.ring

    def _keep(self, user_id: str, ring: KeyRing) -> _Kept:
        """Keep the object of the same keys, if there is one: it knows how much they encrypted."""
        kept = self._kept.get(user_id)
        if kept is None or _names(kept.ring) != _names(ring) or kept.ring != ring:
            kept = _Kept(ring)
            self._kept.put(user_id, kept)
        return kept

    def _land(self, flown: _Flight, flight: asyncio.Task[KeyRing]) -> None:
        self._flights.pop(flown, None)
        if not flight.cancelled():
            flight.exception()


def ring_of(answer: VaultKey) -> KeyRing:
    """Return the keys of a vault's answer.

    Raises:
        ProtocolError: There is none, or one of them is no key.
    """
    previous = answer.previous_keys or ()
    return KeyRing(
        master_key_of(answer.master_key or "", answer.key_id),
        tuple(master_key_of(key.master_key, key.key_id) for key in previous),
    )


def _names(ring: KeyRing) -> list[str]:
    return [key.key_id for key in ring]
