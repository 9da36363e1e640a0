"""How an identity service is set up."""

from __future__ import annotations

from dataclasses import dataclass, field

from mana_lab.errors import SettingsError
from mana_lab.identity.server.passwords import PasswordCost
from mana_lab.settings import DEFAULT_AUDIENCE

_KEK_BYTES = 32


@dataclass(frozen=True)
class AdminAccount:
    """The account that an operator names for administration.

    Attributes:
        email: Its address.
        password: Its password.
    """

    email: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class IdentityConfig:
    """How an identity service is set up.

    Attributes:
        issuer: The ``iss`` of its tokens: the URL that it is known by.
        kek: 32 bytes that wrap the vault keys and the signing keys.
        service_key: What other services show at the internal endpoints.
        audience: The ``aud`` of its tokens.
        admin: An account to make with the role ``admin``.
        password_cost: How dear a password hash is.

    Raises:
        SettingsError: The key is not 32 bytes, or the service key is empty.
    """

    issuer: str
    kek: bytes = field(repr=False)
    service_key: str = field(repr=False)
    audience: str = DEFAULT_AUDIENCE
    admin: AdminAccount | None = None
    password_cost: PasswordCost = field(default_factory=PasswordCost)

    def __post_init__(self) -> None:
        if len(self.kek) != _KEK_BYTES:
            raise SettingsError(f"MANA_AUTH_KEK: got {len(self.kek)} bytes, need exactly 32")
        if not self.service_key:
            raise SettingsError("MANA_SERVICE_KEY: must not be empty")
