"""Wrapping a user's master key with the service's key-encryption key (KEK).

AES-256-GCM over the 32 raw bytes with a random 12-byte IV and no additional data; ciphertext and
IV are kept as two texts of standard base64, in the vault's columns ``wrapped_mk`` and ``wrap_iv``.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mana_lab.crypto.encoding import encode_base64
from mana_lab.crypto.keys import IV_BYTES, KEY_BYTES, TAG_BYTES, MasterKey
from mana_lab.errors import DecryptionError

SEALED_BYTES: Final = KEY_BYTES + TAG_BYTES
"""Length of a wrapped key, before base64."""


@dataclass(frozen=True)
class WrappedKey:
    """A master key as it may lie in a database.

    Attributes:
        wrapped_mk: Base64 of the 32 encrypted bytes and their 16-byte tag.
        wrap_iv: Base64 of the 12-byte IV.
    """

    wrapped_mk: str
    wrap_iv: str


def wrap_master_key(
    key: MasterKey,
    kek: bytes,
    *,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> WrappedKey:
    """Encrypt *key* under *kek*.

    Args:
        key: The key to keep.
        kek: 32 bytes that are not in the database.
        random_bytes: Where the IV comes from; it must never give the same bytes twice.

    Raises:
        InvalidKeyError: *kek* is not exactly 32 bytes.
    """
    iv = random_bytes(IV_BYTES)
    sealed = MasterKey(kek).seal(iv, key.export())
    return WrappedKey(wrapped_mk=encode_base64(sealed), wrap_iv=encode_base64(iv))


def unwrap_master_key(wrapped: WrappedKey, kek: bytes) -> MasterKey:
    """Decrypt a master key.

    Raises:
        InvalidKeyError: *kek* is not exactly 32 bytes.
        DecryptionError: It was wrapped under another KEK, or altered, or is no wrapped key.
    """
    service_key = MasterKey(kek)
    try:
        iv = base64.b64decode(wrapped.wrap_iv, validate=True)
        sealed = base64.b64decode(wrapped.wrapped_mk, validate=True)
    except ValueError:
        iv = sealed = b""
    if len(iv) != IV_BYTES or len(sealed) != SEALED_BYTES:
        raise DecryptionError("the value does not open with this key")
    return MasterKey(service_key.open(iv, sealed))
