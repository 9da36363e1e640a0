"""Access tokens: minted with the service's own Ed25519 key, verified with its public keys."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from mana_lab.clock import Clock
from mana_lab.crypto import Claims, SigningKey, sign, verify
from mana_lab.identity.server.config import IdentityConfig
from mana_lab.identity.server.schema import PERSONAS
from mana_lab.identity.server.signing import SigningKeys
from mana_lab.identity.wire import User
from mana_lab.storage import Store

LIFETIME: Final = timedelta(minutes=15)
"""How long an access token is good for."""


class Tokens:
    """Mints and verifies the service's tokens.

    Args:
        store: Where the signing keys lie, wrapped with the KEK.
        config: Issuer, audience and KEK.
        clock: The lab's time.

    Attributes:
        keys: What tokens are signed with.
    """

    def __init__(self, store: Store, config: IdentityConfig, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self.keys = SigningKeys(store, config.kek, clock)

    async def mint(self, user: User, session_id: str, lifetime: timedelta = LIFETIME) -> str:
        """Return an access token for *user*; what it says of them is as of now."""
        zone = await self._store.read(partial(_zone_of, user_id=user.id))
        now = self._clock.now()
        claims = {
            "sub": user.id,
            "email": user.email,
            "role": user.role,
            "tier": user.access_tier,
            "kind": user.kind,
            "sid": session_id,
            "iss": self._config.issuer,
            "aud": self._config.audience,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
        }
        if zone is not None:
            claims["zoneinfo"] = zone
        return sign(claims, await self.signing_key())

    async def verify(self, token: str, *more: str) -> Claims:
        """Return what a token says.

        Args:
            token: As it came.
            more: Audiences that are taken besides the service's own.

        Raises:
            TokenExpiredError: It was good once.
            InvalidTokenError: It is not one of ours.
        """
        return verify(
            token,
            await self.keys.key_set(),
            issuer=self._config.issuer,
            audience={self._config.audience, *more},
            now=self._clock.now(),
        )

    async def jwks(self) -> dict[str, Any]:
        """Return the public keys (RFC 7517 §5)."""
        return await self.keys.jwks()

    async def signing_key(self) -> SigningKey:
        """Return the key that tokens are signed with now; the first call ever makes it.

        Raises:
            SettingsError: The store's keys were wrapped with another KEK.
        """
        return await self.keys.signing_key()


def _zone_of(connection: Connection, user_id: str) -> str | None:
    query = select(PERSONAS.c.timezone).where(PERSONAS.c.user_id == user_id)
    return connection.scalar(query)
