"""FieldCipher: one user's keys at work, in both formats of encrypted values."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from mana_lab.crypto.bound import FieldPlace, bind_value, open_bound
from mana_lab.crypto.derive import derive
from mana_lab.crypto.field import BOUND_PREFIX, is_encrypted, parse, value_of, wrap_value
from mana_lab.crypto.jsjson import JsonValue, js_stringify
from mana_lab.crypto.keyring import KeyRing
from mana_lab.crypto.keys import MasterKey
from mana_lab.errors import DecryptionError, DowngradeError, SettingsError

WireForm: TypeAlias = Literal["enc:1:", "enc:2:"]
"""How encrypted values begin: as the browser writes them, or bound to their place."""

_RENEWAL_INFO = b"mana-renewal-iv-v1"


@dataclass(frozen=True)
class CipherPolicy:
    """Which format is written, and which is believed.

    Attributes:
        writes: The format of new values; ``enc:1:`` is what a deployed Mana reads.
        bound_only: Whether a value that is not bound to its place is refused, also a readable
            one: whoever can write to the store could have put it there.

    Raises:
        SettingsError: The format is unknown, or what is written would be refused.
    """

    writes: WireForm = "enc:1:"
    bound_only: bool = False

    def __post_init__(self) -> None:
        if self.writes not in get_args(WireForm):
            raise SettingsError(f"values are written as {get_args(WireForm)}, got {self.writes!r}")
        if self.bound_only and self.writes != BOUND_PREFIX:
            raise SettingsError("who believes only enc:2: has to write it")


class FieldCipher:
    """Encrypts and decrypts the values of one user.

    Args:
        ring: The user's keys.
        policy: Which format is written, and which is believed; by default the browser's.

    Attributes:
        ring: The keys it works with.
    """

    def __init__(self, ring: KeyRing, policy: CipherPolicy | None = None) -> None:
        self.ring = ring
        self._keys = tuple(ring)
        self._policy = policy or CipherPolicy()
        self._renewal_secret: bytes | None = None

    def seal(self, value: JsonValue, place: FieldPlace) -> str | None:
        """Encrypt a JSON value with the current key; None stays None.

        Raises:
            UnserializableValueError: JavaScript could not read the value back unchanged.
            InvalidKeyError: It is to be bound, and the key has no id.
            KeyExhaustedError: The key has encrypted as much as it may.
        """
        if self._policy.writes == BOUND_PREFIX:
            return bind_value(value, self.ring.current, place)
        return wrap_value(value, self.ring.current)

    def open(self, text: Any, place: FieldPlace) -> JsonValue:
        """Decrypt a value that stands at *place*; what is not encrypted is returned unchanged.

        Raises:
            MalformedCiphertextError: The text has a prefix and not the form.
            DecryptionError: It belongs to another place, or none of the keys, or was altered.
            DowngradeError: It is not bound to its place, and only such values are believed.
        """
        if not is_encrypted(text):
            if self._policy.bound_only and text is not None:
                raise _downgraded()
            passed: JsonValue = text
            return passed
        return self._opened(text, place)[1]

    def renewed(self, text: Any, place: FieldPlace) -> str | None:
        """Return a value as it has to be written for the current key, or None if it is already.

        The same value always gives the same text, so that doing it again is not another write:
        the IV is a keyed hash of the place and the former text, and no two of these are alike.
        A bound value stays bound, whatever the policy writes.

        Raises:
            MalformedCiphertextError: The text has a prefix and not the form.
            DecryptionError: None of the keys opens it here.
        """
        if not is_encrypted(text):
            return None
        key, value = self._opened(text, place)
        if key is self.ring.current:
            return None

        if self._renewal_secret is None:
            self._renewal_secret = derive(self.ring.current.export(), _RENEWAL_INFO)
        about = js_stringify([*place, text]).encode()
        digest = hmac.digest(self._renewal_secret, about, hashlib.sha256)

        def iv(length: int) -> bytes:
            return digest[:length]

        if self._policy.writes == BOUND_PREFIX or text.startswith(BOUND_PREFIX):
            return bind_value(value, self.ring.current, place, random_bytes=iv)
        return wrap_value(value, self.ring.current, random_bytes=iv)

    def _opened(self, text: str, place: FieldPlace) -> tuple[MasterKey, JsonValue]:
        if text.startswith(BOUND_PREFIX):
            return open_bound(text, self.ring, place)
        if self._policy.bound_only:
            raise _downgraded()
        iv, sealed = parse(text)
        for key in self._keys:
            try:
                return key, value_of(key.open(iv, sealed))
            except DecryptionError:
                continue
        raise DecryptionError("the value does not open with this key")


def _downgraded() -> DowngradeError:
    return DowngradeError(f"only values that begin with {BOUND_PREFIX} are believed here")
