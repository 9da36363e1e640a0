"""Keys in memory: they work, and nothing shows them by accident."""

from __future__ import annotations

import hmac
import secrets
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mana_lab.errors import DecryptionError, InvalidKeyError, KeyExhaustedError

KEY_BYTES: Final = 32
"""Length of every symmetric key: AES-256."""
IV_BYTES: Final = 12
"""Length of every IV that is written (NIST SP 800-38D §8.2)."""
TAG_BYTES: Final = 16
"""Length of the tag at the end of every ciphertext."""
MAX_SEALS: Final = 2**28
"""How much one key encrypts at most: a sixteenth of what random IVs allow (ibid. §8.3)."""


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
    """A user's vault key: AES-256-GCM over field values.

    The same key and IV must never meet two plaintexts; random 12-byte IVs keep that for up to
    2^32 values per key (NIST SP 800-38D §8.3). A key counts what it encrypts and stops far below.

    Args:
        raw: The 32 bytes.
        key_id: What the vault calls it; empty where it has no name.
        max_seals: How many values it encrypts at most.

    Raises:
        InvalidKeyError: *raw* is not exactly 32 bytes.
    """

    __slots__ = ("_cipher", "_max_seals", "_seals", "key_id")

    def __init__(self, raw: bytes, key_id: str = "", *, max_seals: int = MAX_SEALS) -> None:
        super().__init__(raw)
        self.key_id = key_id
        self._cipher = AESGCM(self._raw)
        self._max_seals = max_seals
        self._seals = 0

    @property
    def seals(self) -> int:
        """How many values this object has encrypted."""
        return self._seals

    def seal(self, iv: bytes, plaintext: bytes, bound_to: bytes | None = None) -> bytes:
        """Return ciphertext and 16-byte tag of *plaintext* under a fresh *iv*.

        Args:
            iv: 12 bytes that this key has never seen.
            plaintext: What to encrypt.
            bound_to: Additional data: what has to be the same for it to open again.

        Raises:
            KeyExhaustedError: The key has encrypted as much as it may.
        """
        if self._seals >= self._max_seals:
            raise KeyExhaustedError(
                f"this key has encrypted {self._seals:,} values, which is all it may; rotate it"
            )
        self._seals += 1
        return self._cipher.encrypt(iv, plaintext, bound_to)

    def open(self, iv: bytes, sealed: bytes, bound_to: bytes | None = None) -> bytes:
        """Return the plaintext of *sealed*.

        Raises:
            DecryptionError: The tag does not match: another key or place, or altered bytes.
        """
        try:
            return self._cipher.decrypt(iv, sealed, bound_to)
        except InvalidTag:
            raise DecryptionError("the value does not open with this key") from None


def import_master_key(raw: bytes, key_id: str = "") -> MasterKey:
    """Make a master key of 32 raw bytes.

    Args:
        raw: The bytes.
        key_id: What the vault calls the key.

    Raises:
        InvalidKeyError: *raw* is not exactly 32 bytes.
    """
    return MasterKey(raw, key_id)


def generate_master_key() -> MasterKey:
    """Draw a fresh master key from the system's random source."""
    return MasterKey(secrets.token_bytes(KEY_BYTES))
