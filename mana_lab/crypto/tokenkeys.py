"""The Ed25519 keys of tokens, and the form in which they are published (RFC 8037)."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mana_lab.crypto.encoding import decode_base64url, encode_base64url
from mana_lab.crypto.keys import KEY_BYTES, HiddenKey
from mana_lab.errors import InvalidKeyError, ProtocolError

KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a ``kid`` looks like in full."""

_ID_ALPHABET = string.ascii_letters + string.digits
_FIELD = 2**255 - 19
_ORDER_8_Y = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER_Y = frozenset({0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y})


def is_ed25519_name(algorithm: Any) -> bool:
    """Tell whether an ``alg`` names Ed25519: ``EdDSA`` (RFC 8037) or ``Ed25519`` (RFC 9864)."""
    return isinstance(algorithm, str) and algorithm in ("EdDSA", "Ed25519")


class SigningKey(HiddenKey):
    """A private Ed25519 key with the id under which its public half is published.

    Args:
        kid: 1 to 64 characters of ``A-Z a-z 0-9 _ -``.
        raw: The 32-byte seed (RFC 8032 §5.1.5).

    Raises:
        InvalidKeyError: The id or the length is not allowed.
    """

    __slots__ = ("_kid",)

    def __init__(self, kid: str, raw: bytes) -> None:
        super().__init__(raw)
        if not KEY_ID.fullmatch(kid):
            raise InvalidKeyError("a key id is 1 to 64 characters of A-Z a-z 0-9 _ -")
        self._kid = kid

    @classmethod
    def generate(cls) -> SigningKey:
        """Draw a fresh key and a 32-character id."""
        kid = "".join(secrets.choice(_ID_ALPHABET) for _ in range(32))
        return cls(kid, secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_bytes(cls, kid: str, raw: bytes) -> SigningKey:
        """Make the key again from what :meth:`export` gave.

        Raises:
            InvalidKeyError: The id or the length is not allowed.
        """
        return cls(kid, raw)

    @property
    def kid(self) -> str:
        """The id that a token's header and the key set carry."""
        return self._kid

    def private_key(self) -> Ed25519PrivateKey:
        """Return the key as ``cryptography`` takes it."""
        return Ed25519PrivateKey.from_private_bytes(self.export())

    def public_jwk(self) -> dict[str, str]:
        """Return the public half as a member of a JWKS (RFC 8037 §2)."""
        public = self.private_key().public_key().public_bytes_raw()
        return {
            "alg": "EdDSA",
            "crv": "Ed25519",
            "x": encode_base64url(public),
            "kty": "OKP",
            "kid": self._kid,
        }


class KeySet:
    """The public keys that tokens may be signed with, by their ids."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def from_jwks(cls, document: Any) -> KeySet:
        """Read a published key set (RFC 7517 §5). Keys of other types are ignored.

        Raises:
            ProtocolError: It is not a key set, holds a private key or one id twice, or holds no
                Ed25519 key.
        """
        entries = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ProtocolError("the key set is not a JWKS document")
        if any("d" in entry for entry in entries):
            raise ProtocolError("the key set holds a private key")
        kids = [entry["kid"] for entry in entries if isinstance(entry.get("kid"), str)]
        if len(kids) != len(set(kids)):
            raise ProtocolError("the key set holds one key id twice")
        keys = dict(_public_key(entry) for entry in entries if _is_ed25519(entry))
        if not keys:
            raise ProtocolError("the key set holds no Ed25519 key")
        return cls(keys)

    def get(self, kid: str) -> Ed25519PublicKey | None:
        """Return the key with that id, or None."""
        return self._keys.get(kid)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeySet) and self._keys == other._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<KeySet of {len(self._keys)}>"


def _is_ed25519(entry: dict[str, Any]) -> bool:
    return (
        entry.get("kty") == "OKP"
        and entry.get("crv") == "Ed25519"
        and is_ed25519_name(entry.get("alg", "EdDSA"))
        and entry.get("use", "sig") == "sig"
    )


def _public_key(entry: dict[str, Any]) -> tuple[str, Ed25519PublicKey]:
    kid, x = entry.get("kid"), entry.get("x")
    if not isinstance(kid, str) or not KEY_ID.fullmatch(kid):
        raise ProtocolError("the key set holds an Ed25519 key without a usable id")
    raw = decode_base64url(x) if isinstance(x, str) else None
    if raw is None or len(raw) != KEY_BYTES:
        raise ProtocolError("the key set holds a damaged Ed25519 key")
    if _has_small_order(raw):
        raise ProtocolError("the key set holds an Ed25519 key under which anybody can sign")
    return kid, Ed25519PublicKey.from_public_bytes(raw)


def _has_small_order(raw: bytes) -> bool:
    # RFC 8032 §5.1.2: the y coordinate without the top bit, which is the sign of x
    return (int.from_bytes(raw, "little") % 2**255) % _FIELD in _SMALL_ORDER_Y
