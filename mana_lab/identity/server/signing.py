"""The keys that sign access tokens: one signs, the next is announced, earlier ones still verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, delete, insert, select

from mana_lab.clock import Clock
from mana_lab.crypto import (
    KeySet,
    MasterKey,
    SigningKey,
    WrappedKey,
    unwrap_master_key,
    wrap_master_key,
)
from mana_lab.crypto.jwt import MAX_LIFETIME_S
from mana_lab.errors import ConflictError, DecryptionError, SettingsError
from mana_lab.identity.server.schema import JWKS
from mana_lab.storage import Store

ANNOUNCED: Final = timedelta(seconds=60)
"""How long a new key is published before it signs: longer than any verifier keeps a key set, so
that no token meets a verifier that does not know its key."""
GRACE: Final = timedelta(seconds=MAX_LIFETIME_S + 60)
"""How long a key is published after its last signature: no token lives longer than that."""
MAX_KEYS: Final = 16
"""The most keys that are published at a time."""

_BELIEVED_S = 10.0
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True)
class _Kept:
    key: SigningKey
    public: Ed25519PublicKey
    made_at: datetime


@dataclass(frozen=True)
class _Ring:
    """All keys at one time, the oldest first."""

    kept: tuple[_Kept, ...]
    asked_at: float

    def signs_from(self, place: int) -> datetime:
        made_at = self.kept[place].made_at
        return made_at + ANNOUNCED if place else made_at

    def signing(self, now: datetime) -> SigningKey:
        """Return the newest key that is not only announced; the only one signs at once."""
        started = [place for place in range(len(self.kept)) if self.signs_from(place) <= now]
        return self.kept[started[-1] if started else 0].key

    def retired(self, now: datetime) -> list[str]:
        """Return the ids of the keys that no living token is signed with."""
        return [
            each.key.kid
            for place, each in enumerate(self.kept[:-1], start=1)
            if self.signs_from(place) + GRACE <= now
        ]

    def published(self, now: datetime) -> list[_Kept]:
        """Return the keys that a living token may be signed with, the newest first."""
        gone = self.retired(now)
        return [each for each in reversed(self.kept) if each.key.kid not in gone]


@dataclass(frozen=True)
class Rotation:
    """What a rotation has come to.

    Attributes:
        kid: The newest key.
        signs_from: From when on it signs.
        kids: All keys that are published, the newest first.
    """

    kid: str
    signs_from: datetime
    kids: tuple[str, ...]


class SigningKeys:
    """The service's own Ed25519 keys, in its store and wrapped with the KEK.

    A process that shares the store with others learns of a rotation within ten seconds.

    Args:
        store: Where the keys lie.
        kek: What they are wrapped with.
        clock: ``now`` says which key signs, ``monotonic`` how old the knowledge of them is.
    """

    def __init__(self, store: Store, kek: bytes, clock: Clock) -> None:
        self._store = store
        self._kek = kek
        self._clock = clock
        self._known: _Ring | None = None

    async def signing_key(self) -> SigningKey:
        """Return the key to sign with; the first call ever makes one.

        Raises:
            SettingsError: The store's keys were wrapped with another KEK.
        """
        return (await self._ring()).signing(self._clock.now())

    async def key_set(self) -> KeySet:
        """Return the public keys that tokens may be signed with."""
        published = (await self._ring()).published(self._clock.now())
        return KeySet({each.key.kid: each.public for each in published})

    async def jwks(self) -> dict[str, Any]:
        """Return the public keys as they are published (RFC 7517 §5), the newest first."""
        published = (await self._ring()).published(self._clock.now())
        return {"keys": [each.key.public_jwk() for each in published]}

    async def rotate(self, *, withdraw: bool = False) -> Rotation:
        """Make a new key, which signs once it has been published long enough to be known.

        Doing it again while a key is announced makes no other one.

        Args:
            withdraw: Take all earlier keys back at once, because they may be in wrong hands; the
                new one signs immediately, and no access token from before is good any more.

        Raises:
            ConflictError: Too many earlier keys are still published.
        """

        def work(connection: Connection) -> _Ring:
            ring = self._load(connection)
            now = self._clock.now()
            if withdraw:
                _drop(connection, [each.key.kid for each in ring.kept])
            elif len(ring.kept) > 1 and ring.signs_from(len(ring.kept) - 1) > now:
                return ring
            elif len(ring.published(now)) >= MAX_KEYS:
                raise ConflictError(
                    f"{MAX_KEYS} keys are published; wait until the oldest is retired, "
                    "or withdraw all earlier ones"
                )
            latest = ring.kept[-1].made_at if ring.kept else now - _TICK
            self._add(connection, max(now, latest + _TICK))
            return self._load(connection)

        self._known = ring = await self._store.write(work)
        return Rotation(
            ring.kept[-1].key.kid,
            ring.signs_from(len(ring.kept) - 1),
            tuple(each.key.kid for each in ring.published(self._clock.now())),
        )

    async def _ring(self) -> _Ring:
        known, now = self._known, self._clock.monotonic()
        if known is None:
            ring = await self._store.write(self._load_or_make)
            self._known = ring = self._known or ring
            return ring
        if now - known.asked_at >= _BELIEVED_S:
            self._known = believed = replace(known, asked_at=now)
            ring = await self._read()
            # A rotation that was made meanwhile knows better.
            if self._known is not believed:
                return self._known
            self._known = known = ring
        return known

    async def _read(self) -> _Ring:
        ring = await self._store.read(self._load)
        if not ring.kept or ring.retired(self._clock.now()):
            ring = await self._store.write(self._load_or_make)
        return ring

    def _load_or_make(self, connection: Connection) -> _Ring:
        ring = self._load(connection)
        now = self._clock.now()
        if not ring.kept:
            self._add(connection, now)
        elif retired := ring.retired(now):
            _drop(connection, retired)
        else:
            return ring
        return self._load(connection)

    def _load(self, connection: Connection) -> _Ring:
        asked_at = self._clock.monotonic()
        rows = connection.execute(select(JWKS).order_by(JWKS.c.created_at, JWKS.c.id))
        kept = (
            _Kept(key, key.private_key().public_key(), row.created_at)
            for row in rows
            for key in [self._open(row.id, WrappedKey(row.wrapped_key, row.wrap_iv))]
        )
        return _Ring(tuple(kept), asked_at)

    def _open(self, kid: str, wrapped: WrappedKey) -> SigningKey:
        try:
            return SigningKey.from_bytes(kid, unwrap_master_key(wrapped, self._kek).export())
        except DecryptionError:
            raise SettingsError(
                "MANA_AUTH_KEK: does not open this store's signing key; use the one it had"
            ) from None

    def _add(self, connection: Connection, made_at: datetime) -> None:
        key = SigningKey.generate()
        wrapped = wrap_master_key(MasterKey(key.export()), self._kek)
        connection.execute(
            insert(JWKS).values(
                id=key.kid,
                wrapped_key=wrapped.wrapped_mk,
                wrap_iv=wrapped.wrap_iv,
                created_at=made_at,
            )
        )


def _drop(connection: Connection, kids: Sequence[str]) -> None:
    connection.execute(delete(JWKS).where(JWKS.c.id.in_(kids)))
