"""Tokens that were found genuine, so that the next request with one costs no signature check."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import datetime
from typing import Final

from mana_lab.crypto.jwt import MAX_TOKEN_CHARS, Claims
from mana_lab.crypto.tokenkeys import KeySet

MAX_TOKENS: Final = 4096
"""The most tokens that are remembered; the one not seen for longest goes first."""


class VerifiedTokens:
    """Remembers what genuine tokens say, by their digests, for as long as one key set serves.

    Args:
        leeway_s: How far the issuer's clock may differ, in seconds.
    """

    def __init__(self, leeway_s: int) -> None:
        self._leeway_s = leeway_s
        self._keys: KeySet | None = None
        self._known: OrderedDict[bytes, tuple[str, Claims]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def clear(self) -> None:
        """Forget all tokens."""
        self._known.clear()

    def kid_of(self, token: str) -> str | None:
        """Return the id of the key that *token* was verified with; None for an unknown token."""
        known = self._known.get(_digest(token)) if len(token) <= MAX_TOKEN_CHARS else None
        return known and known[0]

    def get(self, token: str, keys: KeySet, now: datetime) -> Claims | None:
        """Return the claims of *token* if it was verified with *keys* and *now* is its time.

        From its end on, and before its beginning, a token is unknown: it is judged anew.
        """
        if keys is not self._keys:
            self._known.clear()
            return None
        digest = _digest(token)
        known = self._known.get(digest)
        if known is None:
            return None
        claims, seconds = known[1], now.timestamp()
        if seconds >= claims.exp:
            del self._known[digest]
            return None
        if max(claims.iat, claims.nbf) > seconds + self._leeway_s:
            return None
        self._known.move_to_end(digest)
        return claims

    def add(self, token: str, kid: str, claims: Claims, keys: KeySet) -> None:
        """Remember that *keys* found *token* genuine."""
        if keys is not self._keys:
            self._known.clear()
            self._keys = keys
        self._known[_digest(token)] = (kid, claims)
        if len(self._known) > MAX_TOKENS:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
