"""Vaults and their keys."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from mana_lab.identity.wire.base import WireModel


class VaultStatus(WireModel):
    """``GET /api/v1/me/encryption-vault/status``."""

    vault_exists: bool
    has_recovery_wrap: bool
    zero_knowledge: bool
    recovery_set_at: datetime | None = None


class VaultKey(WireModel):
    """The vault's key, or the word that the server does not hold it.

    Attributes:
        master_key: Standard base64 of 32 bytes; None in zero-knowledge mode.
        requires_recovery_code: Whether only the user's recovery code opens the vault.
        recovery_wrapped_mk: The key, wrapped with the recovery code, in zero-knowledge mode.
        recovery_iv: The IV of that wrap.
    """

    master_key: str | None = Field(default=None, repr=False)
    format_version: int = 1
    kek_id: str | None = None
    requires_recovery_code: bool = False
    recovery_wrapped_mk: str | None = Field(default=None, repr=False)
    recovery_iv: str | None = Field(default=None, repr=False)
