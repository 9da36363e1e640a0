"""Vaults: one master key a user, kept under the service's key-encryption key.

A rotation does not lose the key before: it is handed out beside the new one until the user's
records are encrypted anew and somebody who holds the new key says so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from mana_lab.clock import Clock
from mana_lab.errors import (
    DecryptionError,
    RotationForbiddenError,
    RotationUnfinishedError,
    UnauthenticatedError,
)
from mana_lab.identity.server.recovery import Recovery
from mana_lab.identity.server.schema import VAULTS
from mana_lab.identity.server.vault_audit import (
    Action,
    Caller,
    Granted,
    Outcome,
    Refused,
    VaultAudit,
    has_account,
)
from mana_lab.identity.server.vault_keys import (
    MAX_PREVIOUS_KEYS,
    VaultRow,
    current_key,
    find_vault,
    forget_previous,
    is_removable,
    locked_vault,
    make_vault,
    open_vault,
    previous_keys,
    rotate_key,
)
from mana_lab.identity.server.vault_refusals import check_proof, no_vault, unwrap_failed
from mana_lab.identity.wire import Done, VaultKey, VaultStatus
from mana_lab.storage import RowScope, Store

__all__ = ["Caller", "Vaults"]


class Vaults:
    """Makes vaults and hands out their keys.

    Args:
        store: The identity store.
        kek: The key-encryption key, 32 bytes.
        clock: The lab's time.

    Attributes:
        recovery: The second way to a vault's key.
    """

    def __init__(self, store: Store, kek: bytes, clock: Clock) -> None:
        self.recovery = Recovery(store, kek, clock)
        self._store = store
        self._kek = kek
        self._audit = VaultAudit(store, clock)

    async def status(self, user_id: str) -> VaultStatus:
        """Return what the user's vault is like; all false when there is none."""
        query = VAULTS.select().where(VAULTS.c.user_id == user_id)
        row = await self._store.read(
            lambda connection: connection.execute(query).first(), scope=RowScope(user_id)
        )
        if row is None:
            return VaultStatus(vault_exists=False, has_recovery_wrap=False, zero_knowledge=False)
        return VaultStatus(
            vault_exists=True,
            has_recovery_wrap=row.recovery_wrapped_mk is not None,
            zero_knowledge=row.zero_knowledge,
            recovery_set_at=row.recovery_set_at,
        )

    async def init(self, caller: Caller) -> VaultKey:
        """Make the user's vault if there is none, and return its key; again is harmless.

        Raises:
            InfrastructureError: It was wrapped with another key-encryption key.
        """

        def work(connection: Connection, now: datetime) -> Outcome[VaultKey]:
            made = self._made(connection, caller, now)
            vault = _vault(connection, caller)
            if vault.zero_knowledge:
                return Granted("init", locked_vault(connection, vault), "already-exists-zk")
            status, context = (201, "created") if made else (200, "already-exists")
            return self._opened(connection, vault, now, "init", context, status)

        return await self._audit.settle(caller, work)

    async def key(self, caller: Caller) -> VaultKey:
        """Return the key of the user's vault.

        Raises:
            VaultNotInitialisedError: There is none.
            InfrastructureError: It was wrapped with another key-encryption key.
        """

        def work(connection: Connection, now: datetime) -> Outcome[VaultKey]:
            vault = find_vault(connection, caller.user_id)
            if vault is None:
                return no_vault("failed_fetch", "not-initialised")
            if vault.zero_knowledge:
                return Granted("fetch", locked_vault(connection, vault), "zk-recovery-blob")
            return self._opened(connection, vault, now, "fetch")

        return await self._audit.settle(caller, work)

    async def rotate(self, caller: Caller) -> VaultKey:
        """Give the user's vault a fresh key, and return it with the ones before.

        What was wrapped with the recovery code was the key before, so that goes.

        Raises:
            RotationForbiddenError: Only the user holds the key.
            RotationUnfinishedError: Too many earlier keys are still needed.
            InfrastructureError: The key was wrapped with another key-encryption key.
        """

        def work(connection: Connection, now: datetime) -> Outcome[VaultKey]:
            if self._made(connection, caller, now):
                vault = _vault(connection, caller)
                return self._opened(connection, vault, now, "rotate", "init-on-rotate", 201)
            vault = _vault(connection, caller)
            if vault.zero_knowledge:
                error = RotationForbiddenError(
                    "only the user holds the key of this vault (zero-knowledge mode); turn the "
                    "mode off before rotating"
                )
                return Refused("rotate", error, "zk-rotate-forbidden")
            if len(previous_keys(connection, caller.user_id)) >= MAX_PREVIOUS_KEYS:
                return Refused("rotate", _unfinished(), "too-many-keys")
            return self._guarded(lambda: self._rotated(connection, vault, now))

        return await self._audit.settle(caller, work)

    async def finish_rotation(self, caller: Caller, key_id: str, proof: bytes) -> Done:
        """Give up the vault's earlier keys: everything is encrypted with the current one.

        Args:
            caller: Who asks.
            key_id: The key that everything is encrypted with.
            proof: That the caller holds it.

        Raises:
            VaultNotInitialisedError: There is no vault.
            RotationUnfinishedError: The key is not the current one any more, or somebody may
                still write with an earlier one.
            KeyProofError: The proof is of another key.
            RateLimitedError: There were too many such proofs.
        """

        def work(connection: Connection, now: datetime) -> Outcome[Done]:
            vault = find_vault(connection, caller.user_id)
            if vault is None:
                return no_vault("rotate_finish")
            former = previous_keys(connection, caller.user_id)
            current = current_key(connection, caller.user_id)
            if not former or current is None:
                return Granted("rotate_finish", Done(), "nothing-left")
            if current.key_id != key_id:
                return Refused("rotate_finish", _unfinished(), "rotated-since")
            refused = check_proof(connection, "rotate_finish", current, proof, now)
            if refused is not None:
                return refused
            if not all(is_removable(key, now) for key in former):
                return Refused("rotate_finish", _unfinished(), "too-early")
            forget_previous(connection, caller.user_id)
            return Granted("rotate_finish", Done())

        return await self._audit.settle(caller, work)

    def _made(self, connection: Connection, caller: Caller, now: datetime) -> bool:
        if not has_account(connection, caller.user_id):
            raise UnauthenticatedError("the account does not exist any more")
        return make_vault(connection, caller.user_id, self._kek, now)

    def _rotated(self, connection: Connection, vault: VaultRow, now: datetime) -> Outcome[VaultKey]:
        rotate_key(connection, vault, self._kek, now)
        fresh, _ = open_vault(connection, _vault(connection, Caller(vault.user_id)), self._kek, now)
        return Granted("rotate", fresh)

    def _opened(
        self,
        connection: Connection,
        vault: VaultRow,
        now: datetime,
        action: Action,
        context: str | None = None,
        status: int = 200,
    ) -> Outcome[VaultKey]:
        def opened() -> Outcome[VaultKey]:
            answer, _ = open_vault(connection, vault, self._kek, now)
            return Granted(action, answer, context, status)

        return self._guarded(opened)

    def _guarded(self, work: Callable[[], Outcome[VaultKey]]) -> Outcome[VaultKey]:
        try:
            return work()
        except DecryptionError:
            return unwrap_failed()


def _vault(connection: Connection, caller: Caller) -> VaultRow:
    vault = find_vault(connection, caller.user_id)
    assert vault is not None  # noqa: S101 - it was made in this transaction if it was missing
    return vault


def _unfinished() -> RotationUnfinishedError:
    return RotationUnfinishedError(
        "earlier keys of this vault are still needed; encrypt everything with the current key "
        "(GET …/key names it), then finish the rotation"
    )
