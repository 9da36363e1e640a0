"""The user's side of a vault: what the app in the browser does with its keys and codes.

Recovery codes, and the key in zero-knowledge mode, are used here and nowhere else; what goes to the
service is what it may know.
"""

from __future__ import annotations

from mana_lab.crypto import (
    MasterKey,
    RecoveryCode,
    WrappedKey,
    decode_base64,
    encode_base64,
    import_master_key,
    key_proof,
)
from mana_lab.errors import (
    InvalidKeyError,
    ProtocolError,
    VaultNotInitialisedError,
    WrongRecoveryCodeError,
    ZeroKnowledgeUserError,
)
from mana_lab.identity import wire
from mana_lab.identity.client import IdentityClient


class VaultClient:
    """One user's vault as the user has it.

    Args:
        identity: Where the vault is.
        token: The user's access token.
    """

    def __init__(self, identity: IdentityClient, token: str) -> None:
        self._identity = identity
        self._token = token

    async def unlock(self, code: str | None = None) -> MasterKey:
        """Return the vault's key; a vault that does not exist yet is made.

        Args:
            code: The recovery code, which zero-knowledge mode needs.

        Raises:
            ZeroKnowledgeUserError: The code is needed.
            WrongRecoveryCodeError: The code does not open the vault.
        """
        try:
            answer = await self._identity.vault_key(self._token)
        except VaultNotInitialisedError:
            answer = await self._identity.vault_init(self._token)
        if answer.master_key is not None:
            return master_key_of(answer.master_key, answer.key_id)
        if code is None:
            raise ZeroKnowledgeUserError("only the recovery code opens this vault")
        return _unwrapped(answer, RecoveryCode.parse(code))

    async def set_up_recovery(self, code: str | None = None) -> str:
        """Make a fresh recovery code and keep the key wrapped with it; the code before is void.

        Args:
            code: The code until now, which zero-knowledge mode needs.

        Returns:
            The new code, for the user to write down; it is nowhere else.

        Raises:
            ZeroKnowledgeUserError: The code until now is needed.
            WrongRecoveryCodeError: The code until now does not open the vault.
        """
        key = await self.unlock(code)
        fresh = RecoveryCode.generate()
        wrap = fresh.wrap(key)
        await self._identity.vault_set_recovery(
            self._token,
            wire.RecoveryWrap(
                recovery_wrapped_mk=wrap.wrapped_mk,
                recovery_iv=wrap.wrap_iv,
                key_proof=encode_base64(key_proof(key)),
            ),
        )
        return fresh.format()

    async def enable_zero_knowledge(self) -> None:
        """Have the service forget the key: from now on only the recovery code opens the vault.

        Raises:
            RecoveryWrapMissingError: There is no recovery code yet.
            RotationUnfinishedError: Records still need keys from before a rotation.
        """
        request = wire.ZeroKnowledgeRequest(enable=True)
        await self._identity.vault_zero_knowledge(self._token, request)

    async def disable_zero_knowledge(self, code: str) -> None:
        """Give the key back to the service; with the mode off already, this does nothing.

        Raises:
            WrongRecoveryCodeError: The code does not open the vault.
        """
        key = await self.unlock(code)
        request = wire.ZeroKnowledgeRequest(enable=False, master_key=encode_base64(key.export()))
        await self._identity.vault_zero_knowledge(self._token, request)


def master_key_of(text: str, key_id: str | None) -> MasterKey:
    """Return a key as a vault hands it out.

    Raises:
        ProtocolError: It is no key.
    """
    try:
        return import_master_key(decode_base64(text) or b"", key_id or "")
    except InvalidKeyError:
        raise ProtocolError("the vault answered with something that is no key") from None


def _unwrapped(answer: wire.VaultKey, code: RecoveryCode) -> MasterKey:
    if answer.recovery_wrapped_mk is None or answer.recovery_iv is None:
        raise WrongRecoveryCodeError("the recovery code does not open this vault")
    key = code.unwrap(WrappedKey(answer.recovery_wrapped_mk, answer.recovery_iv))
    return import_master_key(key.export(), answer.key_id or "")
