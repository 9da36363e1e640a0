"""The gateway's keys: all of them follow from one secret, each for one purpose."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState

from mana_lab.crypto.derive import derive
from mana_lab.errors import DecryptionError, InvalidKeyError

SECRET_BYTES: Final = 32
"""Length of the secret that a gateway's keys follow from."""

_AUDIT = b"mana-gateway-audit-v1"
_ANSWERS = b"mana-gateway-answers-v1"
_CONSENTS = b"mana-gateway-consents-v1"


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Seal:
    """Encrypts JSON values under one key (AES-256-GCM), for this gateway to open again.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._codec = AESGCMRequestStateCodec([key])

    def close(self, value: Any) -> str:
        """Return *value*, sealed, as text that may stand in a URL."""
        return self._codec.seal(json.dumps(value, separators=(",", ":")).encode())

    def open(self, text: str) -> Any:
        """Return the value again.

        Raises:
            DecryptionError: It was not sealed here, or was altered since.
        """
        try:
            return json.loads(self._codec.unseal(text))
        except (InvalidRequestState, ValueError):
            raise DecryptionError("the sealed text is not one of this gateway") from None


class GatewayKeys:
    """What a gateway signs its audit with, and seals what it keeps and hands out.

    Args:
        secret: 32 random bytes; the same for all processes of one gateway.

    Attributes:
        answers: Seals answers that are kept for calls that are done again.
        consents: Seals what a client shows again when it brings a person's answer.

    Raises:
        InvalidKeyError: The secret has another length.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise InvalidKeyError(
                f"got a gateway's secret of {len(secret)} bytes, need {SECRET_BYTES}"
            )
        self._audit = hmac.new(derive(secret, _AUDIT), digestmod=hashlib.sha256)
        self.answers = Seal(derive(secret, _ANSWERS))
        self.consents = Seal(derive(secret, _CONSENTS))

    def digest(self, value: Any) -> str:
        """Return a keyed SHA-256 (RFC 2104) of a JSON value: 64 hexadecimal digits.

        Equal values have equal digests, whatever the order of their members; without the key
        nothing can be told from one.

        Args:
            value: Of JSON, such as the arguments of a call.
        """
        digest = self._audit.copy()
        digest.update(_canonical(value).encode())
        return digest.hexdigest()

    def __repr__(self) -> str:
        return "<GatewayKeys>"
