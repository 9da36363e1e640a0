"""Password hashes as Better Auth writes them.

``<32 hex salt>:<128 hex key>``: scrypt (RFC 7914) with N=16384, r=16, p=1 over the NFKC form of the
password. The salt that goes in is the *text* of the hex digits, not the bytes that they stand for.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

_KEY_BYTES = 64
_SALT_BYTES = 16


@dataclass(frozen=True)
class PasswordCost:
    """The cost parameters of scrypt (RFC 7914 §2).

    The default is Better Auth's, and the only one that a Mana service understands; a hash does not
    say what it was made with.
    """

    n: int = 16_384
    r: int = 16
    p: int = 1


def hash_password(password: str, cost: PasswordCost, salt: str | None = None) -> str:
    """Return the hash of *password*; it takes about a tenth of a second at the default cost.

    Args:
        password: As the user typed it.
        cost: What the hash may cost.
        salt: 32 hex digits; fresh ones by default.
    """
    salt_text = salt or secrets.token_hex(_SALT_BYTES)
    key = hashlib.scrypt(
        unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass"),
        salt=salt_text.encode(),
        n=cost.n,
        r=cost.r,
        p=cost.p,
        dklen=_KEY_BYTES,
        maxmem=128 * cost.n * cost.r * 2,
    )
    return f"{salt_text}:{key.hex()}"


def verify_password(password: str, stored: str, cost: PasswordCost) -> bool:
    """Return whether *password* has the hash *stored*, in constant time."""
    salt, _, _ = stored.partition(":")
    return hmac.compare_digest(hash_password(password, cost, salt or "0"), stored)


class PasswordHasher:
    """Hashes in threads, no more at a time than there are processors.

    An event loop stays free while it works, and memory stays bounded: one hash holds 33 MB.

    Args:
        cost: What a hash may cost.
    """

    def __init__(self, cost: PasswordCost) -> None:
        self._cost = cost
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="mana-lab-hash")
        self._nobody = f"{'0' * 32}:{'0' * 2 * _KEY_BYTES}"

    async def hash(self, password: str) -> str:
        """Return the hash of a new password."""
        return await asyncio.wrap_future(self._threads.submit(hash_password, password, self._cost))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Return whether *password* is right; no account (None) takes as long as a wrong one."""
        hashed = stored or self._nobody
        right = await asyncio.wrap_future(
            self._threads.submit(verify_password, password, hashed, self._cost)
        )
        return right and stored is not None
