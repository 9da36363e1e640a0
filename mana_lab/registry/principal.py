"""Principal: who calls a tool, as the gateway verified it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mana_lab.crypto import Claims

_UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True)
class Principal:
    """The verified caller.

    Attributes:
        user_id: The token's ``sub``.
        email: The account's address.
        role: ``user``, ``admin`` or ``service``.
        tier: The access tier, such as ``founder``.
        kind: ``human``, ``persona`` or ``system``.
        zone: Where they live; their days begin and end there.
        token: The access token of this request, empty in what tools are given; the services behind
            are shown others that are exchanged for it (:mod:`.passes`).
        session_id: The token's ``sid``: the session that it was given for.
        scopes: What the token may be used for; None for everything that its user may.
    """

    user_id: str
    email: str = ""
    role: str = "user"
    tier: str = "public"
    kind: str = "human"
    zone: ZoneInfo = _UTC
    token: str = field(default="", repr=False)
    session_id: str = ""
    scopes: frozenset[str] | None = None

    def without_token(self) -> Principal:
        """Return the caller as a tool may know them: nothing to act in their name with."""
        # not dataclasses.replace, which takes several times as long
        return Principal(
            self.user_id,
            self.email,
            self.role,
            self.tier,
            self.kind,
            self.zone,
            "",
            self.session_id,
            self.scopes,
        )

    @classmethod
    def of(cls, claims: Claims, token: str) -> Principal:
        """Return the principal of a verified *token* with these *claims*."""
        return cls(
            claims.sub,
            claims.email,
            claims.role,
            claims.tier,
            claims.kind,
            _zone_of(claims.zoneinfo),
            token,
            claims.sid,
            None if claims.scope is None else frozenset(claims.scope.split()),
        )


def _zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else _UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _UTC


class SpaceLike(Protocol):
    """What a call has to know of the space it acts in."""

    @property
    def id(self) -> str:
        """The space id."""
        ...

    @property
    def type(self) -> str:
        """``personal``, or one of the shared types."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...
