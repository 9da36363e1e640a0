"""Base64 as it is written here, as the browser reads it, and as tokens have it."""

from __future__ import annotations

import base64
import binascii
import re

_ASCII_WHITESPACE = str.maketrans("", "", "\t\n\f\r ")
_ALPHABET = re.compile(r"[A-Za-z0-9+/]*")
_URL_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


def encode_base64(raw: bytes) -> str:
    """Encode as standard base64 with padding (RFC 4648 §4), as the browser's ``btoa`` does."""
    return base64.b64encode(raw).decode("ascii")


def decode_base64(text: str) -> bytes | None:
    """Decode canonical standard base64 with padding (RFC 4648 §4), or return None for others."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if encode_base64(raw) == text else None


def atob(text: str) -> bytes | None:
    """Decode as the browser's ``atob`` does, or return None where that would throw.

    White space is dropped, padding may be missing, left-over bits are ignored (WHATWG Infra,
    forgiving-base64 decode).
    """
    compact = text.translate(_ASCII_WHITESPACE)
    if len(compact) % 4 == 0:
        compact = compact.removesuffix("=").removesuffix("=")
    if len(compact) % 4 == 1 or not _ALPHABET.fullmatch(compact):
        return None
    return binascii.a2b_base64(compact + "=" * (-len(compact) % 4))


def encode_base64url(raw: bytes) -> str:
    """Encode as base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes | None:
    """Decode canonical unpadded base64url (RFC 7515 §2), or return None for anything else."""
    if len(text) % 4 == 1 or not _URL_ALPHABET.fullmatch(text):
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if encode_base64url(raw) == text else None
