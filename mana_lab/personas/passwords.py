"""Persona passwords: derived, so that nobody has to keep them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

LENGTH = 32


def persona_password(email: str, secret: str) -> str:
    """Return the password of the persona with that address.

    HMAC-SHA256 (RFC 2104) over the address, keyed with the secret; of its standard base64 the
    letters and digits, of these the first 32. Capital letters in the address matter here, while
    accounts do not distinguish them: the catalog writes addresses in lower case.

    Args:
        email: The address as the catalog has it.
        secret: ``PERSONA_SEED_SECRET``.
    """
    mac = hmac.digest(secret.encode(), email.encode(), hashlib.sha256)
    return re.sub(r"[^A-Za-z0-9]", "", base64.b64encode(mac).decode())[:LENGTH]
