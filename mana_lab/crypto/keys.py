"""Keys in memory: they work, and nothing shows them by accident."""

from __future__ import annotations

import hmac
import secrets
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mana_lab.errors import DecryptionError, InvalidKeyError

KEY_BYTES: Final = 32
"""Length of every symmetric key: AES-256."""


class HiddenKey:
    """32 secret bytes that no ``repr``, ``format``, ``vars``, ``copy`` or ``pickle`` shows.

    Two keys are equal when their bytes are, compared in constant time; a key has no hash.

    Raises:
        InvalidKeyError: *raw* is not exactly 32 bytes.
    """

    __slots__ = ("_raw",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise InvalidKeyError(f"got a key of {len(raw)} bytes, need exactly {KEY_BYTES}")
        self._raw = bytes(raw)

    def export(self) -> bytes:
        """Return the raw 32 bytes, for whoever wraps or stores the key."""
        return self._raw

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._raw, other._raw)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} shows no state; export() it on purpose")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled; export() it on purpose")


class MasterKey(HiddenKey):
    """A user's vault key: AES-256-GCM over field values, without additional data.

    The same key and IV must never meet two plaintexts; random 12-byte IVs keep that for up to
    2^32 values per key (NIST SP 800-38D §8.3).
    """

    __slots__ = ("_cipher",)

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self._cipher = AESGCM(self._raw)

    def seal(self, iv: bytes, plaintext: bytes) -> bytes:
        """Return ciphertext and 16-byte tag of *plaintext* under a fresh *iv*."""
        return self._cipher.encrypt(iv, plaintext, None)

    def open(self, iv: bytes, sealed: bytes) -> bytes:
        """Return the plaintext of *sealed*.

        Raises:
            DecryptionError: The tag does not match: another key, or altered bytes.
        """
        try:
            return self._cipher.decrypt(iv, sealed, None)
        except InvalidTag:
            raise DecryptionError("the value does not open with this key") from None


def import_master_key(raw: bytes) -> MasterKey:
    """Make a master key of 32 raw bytes.

    Raises:
        InvalidKeyError: *raw* is not exactly 32 bytes.
    """
    return MasterKey(raw)


def generate_master_key() -> MasterKey:
    """Draw a fresh master key from the system's random source."""
    return MasterKey(secrets.token_bytes(KEY_BYTES))
