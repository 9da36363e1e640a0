"""Messages about the service's signing keys."""

from __future__ import annotations

from pydantic import StrictBool

from mana_lab.identity.wire.base import Instant, RequestModel, WireModel


class KeyRotation(RequestModel):
    """``POST /api/v1/internal/keys/rotate``: make a new signing key.

    Attributes:
        withdraw: Whether all earlier keys are taken back at once, with every access token.
    """

    withdraw: StrictBool = False


class RotatedKeys(WireModel):
    """The signing keys after a rotation.

    Attributes:
        kid: The newest key.
        signs_from: From when on it signs.
        kids: All keys that are published, the newest first.
    """

    ok: bool = True
    kid: str
    signs_from: Instant
    kids: list[str]
