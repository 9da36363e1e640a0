"""Ids as Better Auth makes them: 32 characters of ``[A-Za-z0-9]``, some 190 random bits."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 32


def new_id() -> str:
    """Return a fresh id."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
