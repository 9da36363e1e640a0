"""The part of the identity client that speaks about vaults."""

from __future__ import annotations

from mana_lab.identity import wire
from mana_lab.identity.transport import Transport, bearer

_VAULT = "/api/v1/me/encryption-vault"


class VaultCalls(Transport):
    """What the owner of a vault may ask."""

    async def vault_status(self, token: str) -> wire.VaultStatus:
        """Return what the user's vault is like."""
        return await self._get(f"{_VAULT}/status", wire.VaultStatus, bearer(token))

    async def vault_init(self, token: str) -> wire.VaultKey:
        """Make the user's vault if there is none, and return its key."""
        return await self._post(f"{_VAULT}/init", None, wire.VaultKey, bearer(token))

    async def vault_key(self, token: str) -> wire.VaultKey:
        """Return the key of the user's vault.

        Raises:
            VaultNotInitialisedError: There is no vault yet.
        """
        return await self._get(f"{_VAULT}/key", wire.VaultKey, bearer(token))

    async def vault_rotate(self, token: str) -> wire.VaultKey:
        """Give the user's vault a fresh key, and return it with the ones before.

        Raises:
            RotationForbiddenError: Only the user holds the key (zero-knowledge mode).
            RotationUnfinishedError: Too many earlier keys are still needed.
        """
        return await self._post(f"{_VAULT}/rotate", None, wire.VaultKey, bearer(token))

    async def vault_finish_rotation(self, token: str, finish: wire.RotationFinish) -> None:
        """Give up the vault's earlier keys: everything is encrypted with the current one.

        Raises:
            RotationUnfinishedError: The key was rotated since, or somebody may still write with
                an earlier one.
            KeyProofError: The proof is of another key.
            RateLimitedError: There were too many such proofs.
        """
        body = wire.to_json(finish)
        await self._post(f"{_VAULT}/rotate/finish", body, wire.Done, bearer(token))

    async def vault_set_recovery(self, token: str, wrap: wire.RecoveryWrap) -> None:
        """Keep the vault's key as it was wrapped with a recovery code.

        Raises:
            VaultNotInitialisedError: There is no vault yet.
            KeyProofError: There is a wrap already, and no proof of the current key came with it.
            RateLimitedError: There were too many wrong proofs.
        """
        body = wire.to_json(wrap)
        await self._post(f"{_VAULT}/recovery-wrap", body, wire.Done, bearer(token))

    async def vault_clear_recovery(self, token: str) -> None:
        """Forget what the recovery code opens.

        Raises:
            VaultNotInitialisedError: There is no vault yet.
            ZeroKnowledgeActiveError: It is all that is left of the key.
        """
        await self._send("DELETE", f"{_VAULT}/recovery-wrap", bearer(token))

    async def vault_zero_knowledge(self, token: str, request: wire.ZeroKnowledgeRequest) -> bool:
        """Have the service forget the key, or hold it again; return whether the mode is on.

        Raises:
            VaultNotInitialisedError: There is no vault yet.
            RecoveryWrapMissingError: No recovery code would open the vault.
            RotationUnfinishedError: Earlier keys are still needed.
            KeyProofError: The key to hold is not the vault's.
            RateLimitedError: There were too many such keys.
        """
        body = wire.to_json(request)
        path = f"{_VAULT}/zero-knowledge"
        answer = await self._post(path, body, wire.ZeroKnowledgeState, bearer(token))
        return answer.zero_knowledge
