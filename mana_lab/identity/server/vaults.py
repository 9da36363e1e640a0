"""Vaults: one master key a user, kept under the service's key-encryption key.

Every access leaves an audit row in a transaction of its own, so that the row of a failed access
stays although the access itself is undone.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Row, insert, select

from mana_lab.clock import Clock
from mana_lab.crypto import (
    WrappedKey,
    generate_master_key,
    unwrap_master_key,
    wrap_master_key,
)
from mana_lab.errors import (
    DecryptionError,
    InfrastructureError,
    UnauthenticatedError,
    VaultNotInitialisedError,
)
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.schema import USERS, VAULT_AUDIT, VAULTS
from mana_lab.identity.wire import VaultKey, VaultStatus
from mana_lab.storage import Store

KEK_ID = "env-v1"
"""Names the key-encryption key that a vault was wrapped with."""

_LONGEST = 255


@dataclass(frozen=True)
class Caller:
    """Who asks, for the audit.

    Attributes:
        user_id: The account, whose own vault it is.
        ip_address: Where the request came from.
        user_agent: What it says it came from.
    """

    user_id: str
    ip_address: str | None = None
    user_agent: str | None = None


class Vaults:
    """Makes vaults and hands out their keys.

    Args:
        store: The identity store.
        kek: The key-encryption key, 32 bytes.
        clock: The lab's time.
    """

    def __init__(self, store: Store, kek: bytes, clock: Clock) -> None:
        self._store = store
        self._kek = kek
        self._clock = clock

    async def status(self, user_id: str) -> VaultStatus:
        """Return what the user's vault is like; all false when there is none."""
        row = await self._store.read(lambda connection: _find(connection, user_id))
        if row is None:
            return VaultStatus(vault_exists=False, has_recovery_wrap=False, zero_knowledge=False)
        return VaultStatus(
            vault_exists=True,
            has_recovery_wrap=row.recovery_wrapped_mk is not None,
            zero_knowledge=row.zero_knowledge,
            recovery_set_at=row.recovery_set_at,
        )

    async def init(self, caller: Caller) -> VaultKey:
        """Make the user's vault if there is none, and return its key; again is harmless."""
        fresh = wrap_master_key(generate_master_key(), self._kek)
        now = self._clock.now()

        def work(connection: Connection) -> tuple[Row[tuple[object, ...]], bool]:
            row = _find(connection, caller.user_id)
            if row is not None:
                return row, False
            if not _has_account(connection, caller.user_id):
                raise UnauthenticatedError("the account does not exist any more")
            connection.execute(
                insert(VAULTS).values(
                    user_id=caller.user_id,
                    wrapped_mk=fresh.wrapped_mk,
                    wrap_iv=fresh.wrap_iv,
                    kek_id=KEK_ID,
                    created_at=now,
                )
            )
            made = _find(connection, caller.user_id)
            assert made is not None  # noqa: S101 - it was inserted above
            return made, True

        row, created = await self._store.write(work)
        key = await self._open(row, caller)
        await self._audit(caller, "init", 201 if created else 200, _init_context(row, created))
        return key

    async def key(self, caller: Caller) -> VaultKey:
        """Return the key of the user's vault.

        Raises:
            VaultNotInitialisedError: There is none.
            InfrastructureError: It was wrapped with another key-encryption key.
        """
        row = await self._store.read(lambda connection: _find(connection, caller.user_id))
        if row is None:
            await self._audit(caller, "failed_fetch", 404, "not-initialised")
            raise VaultNotInitialisedError("vault not initialised; POST …/init makes it")
        key = await self._open(row, caller)
        context = "zk-recovery-blob" if key.requires_recovery_code else None
        await self._audit(caller, "fetch", 200, context)
        return key

    async def _open(self, row: Row[tuple[object, ...]], caller: Caller) -> VaultKey:
        if row.zero_knowledge:
            return VaultKey(
                requires_recovery_code=True,
                recovery_wrapped_mk=row.recovery_wrapped_mk,
                recovery_iv=row.recovery_iv,
                format_version=row.recovery_format_version,
            )
        try:
            key = unwrap_master_key(WrappedKey(row.wrapped_mk, row.wrap_iv), self._kek)
        except DecryptionError:
            await self._audit(caller, "failed_fetch", 500, "unwrap-failed")
            raise InfrastructureError("the vault does not open with this service's key") from None
        return VaultKey(
            master_key=base64.b64encode(key.export()).decode(),
            format_version=row.format_version,
            kek_id=row.kek_id,
        )

    async def _audit(
        self,
        caller: Caller,
        action: Literal["init", "fetch", "failed_fetch"],
        status: int,
        context: str | None,
    ) -> None:
        row = {
            "id": new_id(),
            "user_id": caller.user_id,
            "action": action,
            "ip_address": caller.ip_address,
            "user_agent": (caller.user_agent or "")[:_LONGEST] or None,
            "context": context,
            "status": status,
            "created_at": self._clock.now(),
        }

        def work(connection: Connection) -> None:
            if _has_account(connection, caller.user_id):
                connection.execute(insert(VAULT_AUDIT).values(row))

        await self._store.write(work)


def _find(connection: Connection, user_id: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(VAULTS).where(VAULTS.c.user_id == user_id)).first()


def _has_account(connection: Connection, user_id: str) -> bool:
    return connection.execute(select(USERS.c.id).where(USERS.c.id == user_id)).first() is not None


def _init_context(row: Row[tuple[object, ...]], created: bool) -> str:
    if created:
        return "created"
    return "already-exists-zk" if row.zero_knowledge else "already-exists"
