"""How an identity service is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mana_lab.crypto.exchanged import SCOPES
from mana_lab.errors import SettingsError
from mana_lab.identity.server.passwords import PasswordCost
from mana_lab.settings import DEFAULT_AUDIENCE

_KEK_BYTES = 32
_DEVELOPMENT_SERVICE_KEY = "dev-service-key"
_SHORTEST_SERVICE_KEY = 16
_FEWEST_KEK_VALUES = 8


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
        max_daily_signups: How many people may sign up a day (UTC); 0 for any number.
        trusted_origins: Whose pages may act with a session cookie, besides the issuer's own, such
            as ``https://mana.how``.
        production: Whether development secrets are refused.
        long_tokens: Whether the operator may have access tokens of up to a day, for clients that
            cannot sign in.
        destructive_tools: The names of the tools that a space may allow; None where the service
            does not know them, and takes any name of that form.

    Raises:
        SettingsError: The key is not 32 bytes, the service key is empty, the cap is below 0, or the
            audience is one of exchanged tokens; in production also a secret that everybody knows
            or could guess.
    """

    issuer: str
    kek: bytes = field(repr=False)
    service_key: str = field(repr=False)
    audience: str = DEFAULT_AUDIENCE
    admin: AdminAccount | None = None
    password_cost: PasswordCost = field(default_factory=PasswordCost)
    max_daily_signups: int = 0
    trusted_origins: tuple[str, ...] = ()
    production: bool = False
    long_tokens: bool = False
    destructive_tools: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if len(self.kek) != _KEK_BYTES:
            raise SettingsError(f"MANA_AUTH_KEK: got {len(self.kek)} bytes, need exactly 32")
        if not self.service_key:
            raise SettingsError("MANA_SERVICE_KEY: must not be empty")
        if self.max_daily_signups < 0:
            raise SettingsError("MAX_DAILY_SIGNUPS: must be 0 (any number) or more")
        if self.audience in SCOPES:
            raise SettingsError(
                f"JWT_AUDIENCE: {self.audience!r} is what exchanged tokens are for; choose another"
            )
        if self.production:
            self._refuse_development_secrets()

    @property
    def origins(self) -> frozenset[str]:
        """Whose pages may act with a session cookie."""
        issuer = urlsplit(self.issuer)
        return frozenset({f"{issuer.scheme}://{issuer.netloc}", *self.trusted_origins})

    def _refuse_development_secrets(self) -> None:
        if len(set(self.kek)) < _FEWEST_KEK_VALUES:
            raise SettingsError(
                "MANA_AUTH_KEK: is not random; in production it must be 32 bytes that nobody can "
                "guess"
            )
        if (
            self.service_key == _DEVELOPMENT_SERVICE_KEY
            or len(self.service_key) < _SHORTEST_SERVICE_KEY
        ):
            raise SettingsError(
                "MANA_SERVICE_KEY: is the one for development, or shorter than "
                f"{_SHORTEST_SERVICE_KEY} characters; in production it must be a secret of its own"
            )
