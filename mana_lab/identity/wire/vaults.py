"""Vaults and their keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator

from mana_lab.crypto.encoding import decode_base64
from mana_lab.identity.wire.base import RequestModel, WireModel


def _base64_of(length: int) -> AfterValidator:
    def check(text: str) -> str:
        raw = decode_base64(text)
        if raw is None or len(raw) != length:
            raise ValueError(f"must be standard base64 of {length} bytes")
        return text

    return AfterValidator(check)


KeyText: TypeAlias = Annotated[str, _base64_of(32)]
"""Standard base64 of 32 bytes: a key, or the proof that one holds it."""
KeyId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What a vault calls a key; of one vault's keys, the later one has the greater id."""


class VaultStatus(WireModel):
    """``GET /api/v1/me/encryption-vault/status``."""

    vault_exists: bool
    has_recovery_wrap: bool
    zero_knowledge: bool
    recovery_set_at: datetime | None = None


class PreviousKey(WireModel):
    """A key that the vault had before, for what is still encrypted with it.

    Attributes:
        key_id: What the vault calls it.
        master_key: Standard base64 of 32 bytes.
        removable: Whether nobody can write with it any more, so that it may go as soon as nothing
            is encrypted with it.
    """

    key_id: str
    master_key: str = Field(repr=False)
    removable: bool = False


class VaultKey(WireModel):
    """The vault's key, or the word that the server does not hold it.

    Attributes:
        master_key: Standard base64 of 32 bytes; None in zero-knowledge mode.
        requires_recovery_code: Whether only the user's recovery code opens the vault.
        recovery_wrapped_mk: The key, wrapped with the recovery code, in zero-knowledge mode.
        recovery_iv: The IV of that wrap.
        key_id: What the vault calls the key; None where keys have no names.
        previous_keys: Earlier keys, the latest first; None when there are none.
    """

    master_key: str | None = Field(default=None, repr=False)
    format_version: int = 1
    kek_id: str | None = None
    requires_recovery_code: bool = False
    recovery_wrapped_mk: str | None = Field(default=None, repr=False)
    recovery_iv: str | None = Field(default=None, repr=False)
    key_id: str | None = None
    previous_keys: list[PreviousKey] | None = None


class RecoveryWrap(RequestModel):
    """``POST /api/v1/me/encryption-vault/recovery-wrap``.

    Attributes:
        recovery_wrapped_mk: Base64 of the wrapped key: 32 bytes and their tag.
        recovery_iv: Base64 of the IV of the wrap.
        key_proof: Base64 of :func:`mana_lab.crypto.key_proof` of the vault's current key; needed
            to replace a wrap.
    """

    recovery_wrapped_mk: Annotated[str, _base64_of(48)] = Field(repr=False)
    recovery_iv: Annotated[str, _base64_of(12)]
    key_proof: KeyText | None = Field(default=None, repr=False)


class ZeroKnowledgeRequest(RequestModel):
    """``POST /api/v1/me/encryption-vault/zero-knowledge``.

    Attributes:
        enable: Whether the service is to forget the key, or to hold it again.
        master_key: Base64 of the key, for the service to hold.
    """

    enable: StrictBool
    master_key: KeyText | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _key_to_hold(self) -> Self:
        if not self.enable and self.master_key is None:
            raise ValueError("masterKey is needed to turn zero-knowledge mode off")
        return self


class ZeroKnowledgeState(WireModel):
    """What became of a :class:`ZeroKnowledgeRequest`."""

    ok: bool = True
    zero_knowledge: bool


class RotationFinish(RequestModel):
    """``POST /api/v1/me/encryption-vault/rotate/finish``.

    Attributes:
        key_id: The current key, with which everything is encrypted by now.
        key_proof: Base64 of :func:`mana_lab.crypto.key_proof` of that key.
    """

    key_id: KeyId
    key_proof: KeyText = Field(repr=False)
