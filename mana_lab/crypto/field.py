"""Encrypted field values: the text ``enc:1:{base64(iv)}.{base64(ciphertext || tag)}``.

The plaintext is the UTF-8 of ``JSON.stringify(value)``, the cipher AES-256-GCM with a random
12-byte IV and no additional data. The format is the browser's, byte for byte. What is written is
canonical; what is read is whatever the browser reads, so that no value of its own is lost here.

No additional data means that two ciphertexts of one user can change places unnoticed; that is a
property of the format. :mod:`.bound` has one that does not allow it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from mana_lab.crypto.encoding import atob, encode_base64
from mana_lab.crypto.jsjson import JsonValue, js_parse, js_stringify
from mana_lab.crypto.keys import IV_BYTES, TAG_BYTES, MasterKey
from mana_lab.errors import InvalidJsonError, MalformedCiphertextError

PREFIX: Final = "enc:1:"
"""How an encrypted value begins that the browser reads."""
BOUND_PREFIX: Final = "enc:2:"
"""How an encrypted value begins that is bound to its place."""

_MAX_IV_BYTES = 128  # above it, WebCrypto in Node refuses as well


def is_encrypted(value: Any) -> bool:
    """Tell whether *value* is a text that begins with ``enc:1:`` or ``enc:2:``."""
    return isinstance(value, str) and value.startswith((PREFIX, BOUND_PREFIX))


def wrap_value(
    value: JsonValue,
    key: MasterKey,
    *,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> str | None:
    """Encrypt a JSON value; None stays None.

    A text that itself begins with ``enc:1:`` is a user's text like any other and is encrypted.

    Args:
        value: What to encrypt.
        key: The owner's master key.
        random_bytes: Where the 12-byte IV comes from; it must never give the same bytes twice.

    Raises:
        UnserializableValueError: JavaScript could not read the value back unchanged.
    """
    if value is None:
        return None
    plaintext = js_stringify(value).encode("utf-8")
    iv = random_bytes(IV_BYTES)
    return f"{PREFIX}{encode_base64(iv)}.{encode_base64(key.seal(iv, plaintext))}"


def unwrap_value(text: Any, key: MasterKey) -> JsonValue:
    """Decrypt what :func:`wrap_value` or the browser wrote; anything else is returned unchanged.

    Args:
        text: A stored value. Without the ``enc:1:`` prefix it is plaintext and passes through.
        key: The owner's master key.

    Raises:
        MalformedCiphertextError: The text has the prefix and not the form, or what was encrypted
            is not JSON.
        DecryptionError: The key is another one, or the ciphertext was altered.
    """
    if not isinstance(text, str) or not text.startswith(PREFIX):
        passed: JsonValue = text
        return passed
    iv, sealed = parse(text)
    return value_of(key.open(iv, sealed))


def value_of(plaintext: bytes) -> JsonValue:
    """Return the value whose JSON text was encrypted.

    Raises:
        MalformedCiphertextError: It is not JSON.
    """
    # What TextDecoder does by default: bytes that are not UTF-8 become U+FFFD, a BOM is dropped.
    try:
        return js_parse(plaintext.decode("utf-8-sig", "replace"))
    except InvalidJsonError:
        raise MalformedCiphertextError("the encrypted text holds no JSON value") from None


def encrypt_fields(
    record: Mapping[str, JsonValue],
    fields: Collection[str],
    key: MasterKey,
) -> dict[str, JsonValue]:
    """Return a shallow copy of *record* with the named fields encrypted.

    A field that is absent stays absent, and None stays None.

    Raises:
        UnserializableValueError: A named field has a value that JSON cannot carry.
    """
    return {
        name: wrap_value(value, key) if name in fields else value for name, value in record.items()
    }


def decrypt_fields(
    record: Mapping[str, JsonValue],
    fields: Collection[str],
    key: MasterKey,
) -> dict[str, JsonValue]:
    """Return a shallow copy of *record* with the named fields decrypted.

    A named field that holds plaintext passes through.

    Raises:
        MalformedCiphertextError: A named field has the prefix and not the form.
        DecryptionError: A named field does not open with this key.
    """
    return {
        name: unwrap_value(value, key) if name in fields else value
        for name, value in record.items()
    }


def parse(text: str) -> tuple[bytes, bytes]:
    """Return IV, and ciphertext with tag, of a text that begins with ``enc:1:``.

    Raises:
        MalformedCiphertextError: It does not have the form.
    """
    first, dot, second = text.removeprefix(PREFIX).partition(".")
    iv, sealed = atob(first), atob(second)
    if not dot or iv is None or sealed is None:
        raise MalformedCiphertextError("an encrypted text is enc:1:<base64 IV>.<base64 ciphertext>")
    if not IV_BYTES <= len(iv) <= _MAX_IV_BYTES:
        raise MalformedCiphertextError(f"got an IV of {len(iv)} bytes, need at least {IV_BYTES}")
    if len(sealed) < TAG_BYTES:
        raise MalformedCiphertextError("the encrypted text is shorter than its tag")
    return iv, sealed
