"""Signed texts: a payload and its Ed25519 signature, as one compact JWS (RFC 7515, RFC 8037)."""

from __future__ import annotations

import jwt as pyjwt

from mana_lab.crypto.tokenkeys import SigningKey
from mana_lab.errors import SignatureError

_ALGORITHM = "EdDSA"


def sign_text(payload: str, key: SigningKey, *, kind: str) -> str:
    """Return *payload* with its signature.

    Args:
        payload: What is signed.
        key: Who signs it.
        kind: What it is (``typ``), so that one signed thing is not taken for another.
    """
    headers = {"typ": kind, "kid": key.kid}
    return pyjwt.PyJWS([_ALGORITHM]).encode(
        payload.encode("utf-8"), key.private_key(), _ALGORITHM, headers
    )


def signed_text(text: str, key: SigningKey, *, kind: str) -> str:
    """Return the payload of what :func:`sign_text` made.

    Raises:
        SignatureError: It is not of that kind, not signed with that key, or was changed.
    """
    try:
        found = pyjwt.PyJWS([_ALGORITHM]).decode_complete(
            text.strip(), key.private_key().public_key(), [_ALGORITHM]
        )
        payload = bytes(found["payload"]).decode("utf-8")
    except (pyjwt.PyJWTError, ValueError):
        raise SignatureError("the text does not carry the signature that it needs") from None
    if found["header"].get("typ") != kind:
        raise SignatureError(f"the signed text is not of the kind {kind}")
    return payload
