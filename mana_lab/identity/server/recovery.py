"""Recovery: a second way to a vault's key, and the mode in which it is the only one.

In zero-knowledge mode the service holds nothing but what the user's recovery code opens. Whoever
takes over a session there must not be able to lock the owner out, so replacing that, and leaving
the mode, takes proof of the key itself.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from mana_lab.clock import Clock
from mana_lab.crypto import MasterKey, WrappedKey, key_proof
from mana_lab.errors import (
    DecryptionError,
    KeyProofError,
    RecoveryWrapMissingError,
    RotationUnfinishedError,
    ZeroKnowledgeActiveError,
)
from mana_lab.identity.server.schema import VAULTS
from mana_lab.identity.server.vault_audit import Caller, Granted, Outcome, Refused, VaultAudit
from mana_lab.identity.server.vault_keys import (
    current_key,
    find_vault,
    hold_key,
    open_vault,
    previous_keys,
)
from mana_lab.identity.server.vault_refusals import check_proof, no_vault, unwrap_failed
from mana_lab.identity.wire import Done, ZeroKnowledgeState
from mana_lab.storage import Store


class Recovery:
    """Keeps recovery wraps, and turns zero-knowledge mode on and off.

    Args:
        store: The identity store.
        kek: The key-encryption key, 32 bytes.
        clock: The lab's time.
    """

    def __init__(self, store: Store, kek: bytes, clock: Clock) -> None:
        self._kek = kek
        self._audit = VaultAudit(store, clock)

    async def set(self, caller: Caller, wrap: WrappedKey, proof: bytes | None) -> Done:
        """Keep the vault's key as it was wrapped with a recovery code.

        Args:
            caller: Who asks.
            wrap: The wrapped key; nobody here can tell whether it is one.
            proof: That the caller holds the vault's current key; the first wrap needs none.

        Raises:
            VaultNotInitialisedError: There is no vault.
            KeyProofError: The proof is of another key, or is missing where a wrap is replaced.
            RateLimitedError: There were too many such proofs.
        """

        def work(connection: Connection, now: datetime) -> Outcome[Done]:
            vault = find_vault(connection, caller.user_id)
            if vault is None:
                return no_vault("recovery_set")
            if proof is not None:
                current = current_key(connection, caller.user_id)
                refused = check_proof(connection, "recovery_set", current, proof, now)
                if refused is not None:
                    return refused
            elif vault.recovery_wrapped_mk is not None:
                error = KeyProofError("there is a recovery wrap; send keyProof to replace it")
                return Refused("recovery_set", error, "no-proof")
            _update(
                connection,
                caller,
                recovery_wrapped_mk=wrap.wrapped_mk,
                recovery_iv=wrap.wrap_iv,
                recovery_format_version=1,
                recovery_set_at=now,
            )
            return Granted("recovery_set", Done())

        return await self._audit.settle(caller, work)

    async def clear(self, caller: Caller) -> Done:
        """Forget the recovery wrap.

        Raises:
            VaultNotInitialisedError: There is no vault.
            ZeroKnowledgeActiveError: It is all that is left of the key.
        """

        def work(connection: Connection, _: datetime) -> Outcome[Done]:
            vault = find_vault(connection, caller.user_id)
            if vault is None:
                return no_vault("recovery_clear")
            if vault.zero_knowledge:
                error = ZeroKnowledgeActiveError(
                    "in zero-knowledge mode only the recovery wrap opens the vault, so it stays"
                )
                return Refused("recovery_clear", error, "zk-active")
            _update(
                connection, caller, recovery_wrapped_mk=None, recovery_iv=None, recovery_set_at=None
            )
            return Granted("recovery_clear", Done())

        return await self._audit.settle(caller, work)

    async def enable(self, caller: Caller) -> ZeroKnowledgeState:
        """Forget the vault's key; from now on only the recovery code opens it.

        Raises:
            VaultNotInitialisedError: There is no vault.
            RecoveryWrapMissingError: No recovery code would open it.
            RotationUnfinishedError: Records are still encrypted with keys that would go as well.
            InfrastructureError: The key was wrapped with another key-encryption key.
        """

        def work(connection: Connection, now: datetime) -> Outcome[ZeroKnowledgeState]:
            vault = find_vault(connection, caller.user_id)
            on = ZeroKnowledgeState(zero_knowledge=True)
            if vault is None:
                return no_vault("zk_enable")
            if vault.zero_knowledge:
                return Granted("zk_enable", on, "already-enabled")
            if vault.recovery_wrapped_mk is None:
                missing = RecoveryWrapMissingError("set up a recovery code first: …/recovery-wrap")
                return Refused("zk_enable", missing, "no-recovery-wrap")
            if previous_keys(connection, caller.user_id):
                unfinished = RotationUnfinishedError(
                    "the key was rotated and records still need the one before; wait until they "
                    "are encrypted anew"
                )
                return Refused("zk_enable", unfinished, "rotation-unfinished")
            try:
                open_vault(connection, vault, self._kek, now)
            except DecryptionError:
                return unwrap_failed()
            _update(connection, caller, wrapped_mk=None, wrap_iv=None, zero_knowledge=True)
            return Granted("zk_enable", on)

        return await self._audit.settle(caller, work)

    async def disable(self, caller: Caller, key: MasterKey) -> ZeroKnowledgeState:
        """Hold the vault's key again; that it is this very key is checked.

        Raises:
            VaultNotInitialisedError: There is no vault.
            KeyProofError: It is another key.
            RateLimitedError: There were too many such attempts.
        """

        def work(connection: Connection, now: datetime) -> Outcome[ZeroKnowledgeState]:
            vault = find_vault(connection, caller.user_id)
            off = ZeroKnowledgeState(zero_knowledge=False)
            if vault is None:
                return no_vault("zk_disable")
            if not vault.zero_knowledge:
                return Granted("zk_disable", off, "already-disabled")
            current = current_key(connection, caller.user_id)
            refused = check_proof(connection, "zk_disable", current, key_proof(key), now)
            if refused is not None:
                return refused
            hold_key(connection, caller.user_id, key, self._kek)
            return Granted("zk_disable", off)

        return await self._audit.settle(caller, work)


def _update(connection: Connection, caller: Caller, **values: object) -> None:
    connection.execute(update(VAULTS).where(VAULTS.c.user_id == caller.user_id).values(**values))
