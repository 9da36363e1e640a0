"""Why something is not done to a vault, where several ask the same."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from mana_lab.crypto import is_proof
from mana_lab.errors import InfrastructureError, KeyProofError, VaultNotInitialisedError
from mana_lab.identity.server.vault_audit import (
    WRONG_PROOF,
    Action,
    Refused,
    too_many_failures,
)
from mana_lab.identity.server.vault_keys import VaultRow, verifier_of


def no_vault(action: Action, context: str = "no-vault") -> Refused:
    """Return the refusal for a user who has no vault."""
    error = VaultNotInitialisedError("vault not initialised; POST …/init makes it")
    return Refused(action, error, context)


def unwrap_failed() -> Refused:
    """Return the refusal for a vault that another key-encryption key was used for."""
    error = InfrastructureError("the vault does not open with this service's key")
    return Refused("failed_fetch", error, "unwrap-failed")


def check_proof(
    connection: Connection,
    action: Action,
    current: VaultRow | None,
    proof: bytes,
    now: datetime,
) -> Refused | None:
    """Return why *proof* is not taken, or None when it is one of the vault's current key."""
    if current is None:
        error = KeyProofError("this service never saw the vault's key and can check no proof of it")
        return Refused(action, error, "no-verifier")
    limited = too_many_failures(connection, current.user_id, now)
    if limited is not None:
        return Refused(action, limited, "too-many-failures")
    if not is_proof(proof, verifier_of(current)):
        return Refused(action, KeyProofError("that is not the vault's current key"), WRONG_PROOF)
    return None
