"""The keys of a vault as rows: the current one, and earlier ones until they are given up.

All functions work within the caller's transaction and hold the vault's row while it lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Row, delete, insert, select, update

from mana_lab.crypto import (
    MasterKey,
    WrappedKey,
    decode_base64,
    encode_base64,
    generate_master_key,
    key_proof,
    proof_verifier,
    unwrap_master_key,
    wrap_master_key,
)
from mana_lab.identity.server.schema import VAULT_KEYS, VAULTS
from mana_lab.identity.server.tokens import LIFETIME
from mana_lab.identity.wire import PreviousKey, VaultKey
from mana_lab.storage import insert_or_ignore

VaultRow: TypeAlias = Row[Any]

KEK_ID: Final = "env-v1"
"""Names the key-encryption key that a vault was wrapped with."""
MAX_PREVIOUS_KEYS: Final = 16
"""How many earlier keys a vault keeps at most; until some are given up it is not rotated again."""
SETTLING: Final = LIFETIME + timedelta(minutes=1)
"""How long after its end somebody may still write with a key: whoever took it with an access token
also writes with that token, which is not taken any more by then. A device that holds a key longer,
such as one that was offline, has to fetch the keys again before it sends what it encrypted."""


def find_vault(connection: Connection, user_id: str) -> VaultRow | None:
    """Return a user's vault, held until the transaction ends; None when there is none."""
    query = select(VAULTS).where(VAULTS.c.user_id == user_id)
    return connection.execute(query.with_for_update()).first()


def make_vault(connection: Connection, user_id: str, kek: bytes, now: datetime) -> bool:
    """Make a vault with a fresh key unless there is one; tell whether it was made."""
    key = generate_master_key()
    wrap = wrap_master_key(key, kek)
    row = {
        "user_id": user_id,
        "wrapped_mk": wrap.wrapped_mk,
        "wrap_iv": wrap.wrap_iv,
        "kek_id": KEK_ID,
        "created_at": now,
    }
    if not insert_or_ignore(connection, VAULTS, [row]):
        return False
    _add_key(connection, user_id, 1, key, now)
    return True


def open_vault(
    connection: Connection, vault: VaultRow, kek: bytes, now: datetime
) -> tuple[VaultKey, MasterKey]:
    """Return the answer that hands out a vault's keys, and its current key.

    Raises:
        DecryptionError: A key was wrapped with another key-encryption key.
    """
    key = unwrap_master_key(WrappedKey(vault.wrapped_mk, vault.wrap_iv), kek)
    current = current_key(connection, vault.user_id)
    if current is None:
        current = _add_key(connection, vault.user_id, 1, key, vault.created_at)
    previous = [
        PreviousKey(
            key_id=row.key_id,
            master_key=encode_base64(
                unwrap_master_key(WrappedKey(row.wrapped_mk, row.wrap_iv), kek).export()
            ),
            removable=is_removable(row, now),
        )
        for row in previous_keys(connection, vault.user_id)
    ]
    answer = VaultKey(
        master_key=encode_base64(key.export()),
        format_version=vault.format_version,
        kek_id=vault.kek_id,
        key_id=current.key_id,
        previous_keys=previous or None,
    )
    return answer, key


def locked_vault(connection: Connection, vault: VaultRow) -> VaultKey:
    """Return the answer for a vault whose key only the user holds."""
    current = current_key(connection, vault.user_id)
    return VaultKey(
        requires_recovery_code=True,
        recovery_wrapped_mk=vault.recovery_wrapped_mk,
        recovery_iv=vault.recovery_iv,
        format_version=vault.recovery_format_version,
        key_id=None if current is None else current.key_id,
    )


def rotate_key(connection: Connection, vault: VaultRow, kek: bytes, now: datetime) -> None:
    """Give the vault a fresh key; the one before is kept, the recovery wrap of it is not.

    Raises:
        DecryptionError: The key was wrapped with another key-encryption key.
    """
    open_vault(connection, vault, kek, now)
    former = current_key(connection, vault.user_id)
    assert former is not None  # noqa: S101 - opening a vault names its key
    connection.execute(
        update(VAULT_KEYS)
        .where(VAULT_KEYS.c.user_id == vault.user_id, VAULT_KEYS.c.key_id == former.key_id)
        .values(
            wrapped_mk=vault.wrapped_mk,
            wrap_iv=vault.wrap_iv,
            kek_id=vault.kek_id,
            retired_at=now,
        )
    )
    key = generate_master_key()
    hold_key(connection, vault.user_id, key, kek)
    connection.execute(
        update(VAULTS)
        .where(VAULTS.c.user_id == vault.user_id)
        .values(
            format_version=1,
            recovery_wrapped_mk=None,
            recovery_iv=None,
            recovery_set_at=None,
            rotated_at=now,
        )
    )
    _add_key(connection, vault.user_id, _number(former.key_id) + 1, key, now)


def hold_key(connection: Connection, user_id: str, key: MasterKey, kek: bytes) -> None:
    """Keep *key* as the vault's current key, wrapped."""
    wrap = wrap_master_key(key, kek)
    connection.execute(
        update(VAULTS)
        .where(VAULTS.c.user_id == user_id)
        .values(
            wrapped_mk=wrap.wrapped_mk,
            wrap_iv=wrap.wrap_iv,
            kek_id=KEK_ID,
            zero_knowledge=False,
        )
    )


def current_key(connection: Connection, user_id: str) -> VaultRow | None:
    """Return the row of the vault's current key; None where it was never opened here."""
    query = select(VAULT_KEYS).where(
        VAULT_KEYS.c.user_id == user_id, VAULT_KEYS.c.retired_at.is_(None)
    )
    return connection.execute(query).first()


def previous_keys(connection: Connection, user_id: str) -> Sequence[VaultRow]:
    """Return the rows of the vault's earlier keys, the latest first."""
    query = (
        select(VAULT_KEYS)
        .where(VAULT_KEYS.c.user_id == user_id, VAULT_KEYS.c.retired_at.is_not(None))
        .order_by(VAULT_KEYS.c.key_id.desc())
    )
    return connection.execute(query).all()


def is_removable(key: VaultRow, now: datetime) -> bool:
    """Tell whether nobody can write with an earlier key any more."""
    return bool(now - key.retired_at >= SETTLING)


def forget_previous(connection: Connection, user_id: str) -> None:
    """Give up the vault's earlier keys for good."""
    connection.execute(
        delete(VAULT_KEYS).where(
            VAULT_KEYS.c.user_id == user_id, VAULT_KEYS.c.retired_at.is_not(None)
        )
    )


def verifier_of(key: VaultRow) -> bytes:
    """Return by what a proof of the key is recognised."""
    return decode_base64(key.verifier) or b""


def _add_key(
    connection: Connection, user_id: str, number: int, key: MasterKey, now: datetime
) -> VaultRow:
    connection.execute(
        insert(VAULT_KEYS).values(
            user_id=user_id,
            key_id=f"k{number:06d}",
            verifier=encode_base64(proof_verifier(key_proof(key))),
            kek_id=KEK_ID,
            created_at=now,
        )
    )
    added = current_key(connection, user_id)
    assert added is not None  # noqa: S101 - it was inserted above
    return added


def _number(key_id: str) -> int:
    return int(key_id.removeprefix("k"))
