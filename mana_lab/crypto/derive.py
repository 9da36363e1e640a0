"""Keys and proofs that are derived from a secret (HKDF with SHA-256, RFC 5869).

The salt is empty: what is derived from has 32 random bytes. Each purpose has a text of its own, so
that what is derived for one says nothing about another.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mana_lab.crypto.keys import KEY_BYTES, HiddenKey

PROOF_INFO: Final = b"mana-key-proof-v1"


def derive(secret: bytes, info: bytes) -> bytes:
    """Return 32 bytes that follow from *secret* and the purpose *info*, and tell neither."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(secret)


def key_proof(key: HiddenKey) -> bytes:
    """Return what shows that one holds *key*, without showing it: 32 bytes."""
    return derive(key.export(), PROOF_INFO)


def proof_verifier(proof: bytes) -> bytes:
    """Return by what a proof is recognised: its SHA-256, from which no proof can be made."""
    return hashlib.sha256(proof).digest()


def is_proof(proof: bytes, verifier: bytes) -> bool:
    """Tell whether *proof* is of the key whose *verifier* is at hand, in constant time."""
    return hmac.compare_digest(proof_verifier(proof), verifier)
