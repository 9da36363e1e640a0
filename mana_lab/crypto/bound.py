"""Values bound to their place: ``enc:2:{key id}:{base64(iv)}.{base64(ciphertext || tag)}``.

As ``enc:1:``, but the additional data of the cipher is the UTF-8 of the JSON text
``["enc:2:",user,app,table,record,field,key id]`` as ``JSON.stringify`` writes it: an array of seven
texts, so that no choice of names can be read as another place. A value that is moved to another
user, table, record or field, or given another key id, does not open there.

What is read is only what is written: canonical base64 with padding, an IV of 12 bytes, a key id of
1 to 64 letters, digits, ``_`` and ``-``. No browser wrote anything else yet.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import NamedTuple

from mana_lab.crypto.encoding import decode_base64, encode_base64
from mana_lab.crypto.field import BOUND_PREFIX, value_of
from mana_lab.crypto.jsjson import JsonValue, js_stringify
from mana_lab.crypto.keyring import KeyRing
from mana_lab.crypto.keys import IV_BYTES, TAG_BYTES, MasterKey
from mana_lab.errors import DecryptionError, InvalidKeyError, MalformedCiphertextError

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class FieldPlace(NamedTuple):
    """Where a value stands.

    Attributes:
        user_id: Whose it is.
        app_id: The app in the sync service, such as ``todo``.
        table: The collection in it, such as ``tasks``.
        record_id: The record.
        field: The field of the record.
    """

    user_id: str
    app_id: str
    table: str
    record_id: str
    field: str


def bind_value(
    value: JsonValue,
    key: MasterKey,
    place: FieldPlace,
    *,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> str | None:
    """Encrypt a JSON value for one place; None stays None.

    Args:
        value: What to encrypt.
        key: The owner's master key; it needs an id.
        place: Where the value will stand.
        random_bytes: Where the 12-byte IV comes from; it must never give the same bytes twice.

    Raises:
        UnserializableValueError: JavaScript could not read the value back unchanged.
        InvalidKeyError: The key has no id that the format can carry.
        KeyExhaustedError: The key has encrypted as much as it may.
    """
    if value is None:
        return None
    if not _KEY_ID.fullmatch(key.key_id):
        raise InvalidKeyError("to bind a value, a key needs an id of letters, digits, _ and -")
    iv = random_bytes(IV_BYTES)
    sealed = key.seal(iv, js_stringify(value).encode(), _bound_to(place, key.key_id))
    return f"{BOUND_PREFIX}{key.key_id}:{encode_base64(iv)}.{encode_base64(sealed)}"


def open_bound(text: str, ring: KeyRing, place: FieldPlace) -> tuple[MasterKey, JsonValue]:
    """Decrypt what :func:`bind_value` wrote for this place.

    Returns:
        The key that opened it, and the value.

    Raises:
        MalformedCiphertextError: The text does not have the form.
        DecryptionError: It belongs to another place, or none of the keys, or was altered.
    """
    key_id, iv, sealed = _parse(text)
    for key in ring.called(key_id):
        try:
            return key, value_of(key.open(iv, sealed, _bound_to(place, key_id)))
        except DecryptionError:
            continue
    raise DecryptionError("the value does not open with this key")


def _bound_to(place: FieldPlace, key_id: str) -> bytes:
    return js_stringify([BOUND_PREFIX, *place, key_id]).encode()


def _parse(text: str) -> tuple[str, bytes, bytes]:
    key_id, colon, rest = text.removeprefix(BOUND_PREFIX).partition(":")
    first, dot, second = rest.partition(".")
    iv, sealed = decode_base64(first), decode_base64(second)
    if (
        not (text.startswith(BOUND_PREFIX) and colon and dot)
        or not _KEY_ID.fullmatch(key_id)
        or iv is None
        or sealed is None
        or len(iv) != IV_BYTES
        or len(sealed) < TAG_BYTES
    ):
        raise MalformedCiphertextError(
            "a bound text is enc:2:<key id>:<base64 IV>.<base64 ciphertext>"
        )
    return key_id, iv, sealed
