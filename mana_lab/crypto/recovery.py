"""Recovery codes: the user's own way to their master key, which the service never learns.

A code is 32 random bytes, written as sixteen groups of four upper-case hexadecimal digits. The
key that it stands for (HKDF-SHA256, empty salt, ``mana-recovery-v1``) wraps the 32 raw bytes of the
master key with AES-256-GCM. The format is the browser's, byte for byte.
"""

from __future__ import annotations

import binascii
import re
import secrets
from collections.abc import Callable
from typing import Final

from mana_lab.crypto.derive import derive
from mana_lab.crypto.encoding import decode_base64, encode_base64
from mana_lab.crypto.kek import SEALED_BYTES, WrappedKey
from mana_lab.crypto.keys import IV_BYTES, KEY_BYTES, HiddenKey, MasterKey
from mana_lab.errors import DecryptionError, WrongRecoveryCodeError

RECOVERY_INFO: Final = b"mana-recovery-v1"

_GROUP = 4
_BETWEEN = re.compile(r"[\s-]+")
_DIGITS = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


class RecoveryCode(HiddenKey):
    """What a user writes down: 32 secret bytes that only :meth:`format` shows."""

    __slots__ = ()

    @classmethod
    def generate(
        cls, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> RecoveryCode:
        """Draw a fresh code from the system's random source."""
        return cls(random_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> RecoveryCode:
        """Read a code as somebody typed it: in any case, with or without spaces and dashes.

        Raises:
            WrongRecoveryCodeError: It cannot be a code.
        """
        digits = _BETWEEN.sub("", text)
        if not _DIGITS.fullmatch(digits):
            raise _wrong()
        return cls(binascii.unhexlify(digits))

    def format(self) -> str:
        """Return the code as it is shown to the user: ``8C58-5378-…``, 79 characters."""
        digits = self._raw.hex().upper()
        return "-".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))

    def wrap(
        self, key: MasterKey, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> WrappedKey:
        """Encrypt *key* so that this code opens it.

        Args:
            key: The key to keep.
            random_bytes: Where the IV comes from; it must never give the same bytes twice.
        """
        iv = random_bytes(IV_BYTES)
        sealed = self._wrapping_key().seal(iv, key.export())
        return WrappedKey(wrapped_mk=encode_base64(sealed), wrap_iv=encode_base64(iv))

    def unwrap(self, wrapped: WrappedKey) -> MasterKey:
        """Decrypt a master key.

        Raises:
            WrongRecoveryCodeError: It was wrapped with another code, or altered, or is none.
        """
        iv, sealed = decode_base64(wrapped.wrap_iv), decode_base64(wrapped.wrapped_mk)
        if iv is None or sealed is None or (len(iv), len(sealed)) != (IV_BYTES, SEALED_BYTES):
            raise _wrong()
        try:
            return MasterKey(self._wrapping_key().open(iv, sealed))
        except DecryptionError:
            raise _wrong() from None

    def _wrapping_key(self) -> MasterKey:
        return MasterKey(derive(self._raw, RECOVERY_INFO))


def _wrong() -> WrongRecoveryCodeError:
    return WrongRecoveryCodeError("the recovery code does not open this vault")
