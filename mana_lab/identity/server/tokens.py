"""Access tokens: minted with the service's own Ed25519 key, verified with its public half."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from mana_lab.clock import Clock
from mana_lab.crypto import (
    Claims,
    KeySet,
    MasterKey,
    SigningKey,
    WrappedKey,
    sign,
    unwrap_master_key,
    verify,
    wrap_master_key,
)
from mana_lab.errors import DecryptionError, SettingsError
from mana_lab.identity.server.config import IdentityConfig
from mana_lab.identity.server.schema import JWKS, PERSONAS
from mana_lab.identity.wire import User
from mana_lab.storage import Store

LIFETIME: Final = timedelta(minutes=15)
"""How long an access token is good for."""


class Tokens:
    """Mints and verifies the service's tokens, and publishes its key.

    Args:
        store: Where the signing key lies, wrapped with the KEK.
        config: Issuer, audience and KEK.
        clock: The lab's time.
    """

    def __init__(self, store: Store, config: IdentityConfig, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._key: SigningKey | None = None

    async def mint(self, user: User, session_id: str) -> str:
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
            "exp": int((now + LIFETIME).timestamp()),
        }
        if zone is not None:
            claims["zoneinfo"] = zone
        return sign(claims, await self.signing_key())

    async def verify(self, token: str) -> Claims:
        """Return what a token says.

        Raises:
            TokenExpiredError: It was good once.
            InvalidTokenError: It is not one of ours.
        """
        return verify(
            token,
            KeySet.from_jwks(await self.jwks()),
            issuer=self._config.issuer,
            audience=self._config.audience,
            now=self._clock.now(),
        )

    async def jwks(self) -> dict[str, Any]:
        """Return the public keys (RFC 7517 §5)."""
        return {"keys": [(await self.signing_key()).public_jwk()]}

    async def signing_key(self) -> SigningKey:
        """Return the signing key; the first call ever makes it.

        Raises:
            SettingsError: The store's key was wrapped with another KEK.
        """
        if self._key is None:
            self._key = await self._store.write(self._load_or_make)
        return self._key

    def _load_or_make(self, connection: Connection) -> SigningKey:
        row = connection.execute(select(JWKS).order_by(JWKS.c.created_at.desc())).first()
        if row is not None:
            wrapped = WrappedKey(row.wrapped_key, row.wrap_iv)
            try:
                raw = unwrap_master_key(wrapped, self._config.kek).export()
            except DecryptionError:
                raise SettingsError(
                    "MANA_AUTH_KEK: does not open this store's signing key; use the one it had"
                ) from None
            return SigningKey.from_bytes(row.id, raw)
        key = SigningKey.generate()
        wrapped = wrap_master_key(MasterKey(key.export()), self._config.kek)
        connection.execute(
            insert(JWKS).values(
                id=key.kid,
                wrapped_key=wrapped.wrapped_mk,
                wrap_iv=wrapped.wrap_iv,
                created_at=self._clock.now(),
            )
        )
        return key


def _zone_of(connection: Connection, user_id: str) -> str | None:
    query = select(PERSONAS.c.timezone).where(PERSONAS.c.user_id == user_id)
    return connection.scalar(query)
