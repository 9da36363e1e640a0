"""How a gateway is set up, apart from the services behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from mana_lab.errors import SettingsError
from mana_lab.gateway.origins import check_host_rule, check_origin_rule
from mana_lab.gateway.policy import MODES, PolicyMode
from mana_lab.gateway.rates import CALLS_A_MINUTE
from mana_lab.gateway.sessions import SessionLimits
from mana_lab.settings import DEFAULT_AUTH_URL
from mana_lab.web.addresses import check_url

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 3069
METADATA_PATH: Final = "/.well-known/oauth-protected-resource"
"""Where RFC 9728 §3 puts the description of a protected resource."""

_LONGEST_BELIEF_S = 30.0
_POSITIVE = (
    "max_calls",
    "max_calls_per_user",
    "max_notifications_per_minute",
    "max_sessions",
    "max_sessions_per_user",
    "session_idle_s",
    "session_lifetime_s",
    "session_check_s",
)
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
LOCAL_ORIGINS: Final = tuple(f"http://{name}:*" for name in _LOCAL)
"""Pages that this machine serves to itself."""


@dataclass(frozen=True)
class GatewayConfig:
    """How a gateway is reached and what it allows.

    Attributes:
        resource_url: The MCP endpoint as clients reach it (RFC 8707's resource). Its own host
            and origin are always allowed.
        authorization_server: The issuer whose tokens are taken, named to clients (RFC 9728 §2).
        allowed_hosts: What else ``Host`` may be: ``name:port`` exactly, ``name:*`` for any port.
        allowed_origins: What else ``Origin`` may be, where one is sent: hosts with their scheme.
        max_body_bytes: Longest request body.
        body_deadline_s: How long a body may take to arrive, in seconds.
        max_calls: Calls under way at a time, of all users; further ones are answered 503.
        max_calls_per_user: Calls under way at a time, of one user; further ones are answered 429.
        max_notifications_per_minute: Messages of one user that need no answer.
        sessions: Whether clients of the older era get sessions. Without, each of their requests
            stands alone, which works behind several workers, and they cannot be asked back.
        max_sessions: Sessions open at a time, of all users.
        max_sessions_per_user: Sessions open at a time, of one user.
        session_idle_s: After how many seconds without a request a session ends.
        session_lifetime_s: After how many seconds it ends in any case.
        session_check_s: How often, in seconds, it is looked whether sessions shall end.
        calls_per_minute: How often a user may call one tool.
        policy_mode: ``enforce``; outside production also ``log-only``, which refuses nothing and
            writes down what it would, and ``off``.
        production: Whether the policy has to be enforced.
        metrics_token: What others than this machine show to read ``/metrics``.
        membership_age_s: How long, in seconds, a session's list of spaces is believed; at most
            30, because so long a session that was signed out still gets in.

    Raises:
        SettingsError: A value is not of that form.
    """

    resource_url: str = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}/mcp"
    authorization_server: str = DEFAULT_AUTH_URL
    allowed_hosts: tuple[str, ...] = tuple(f"{name}:*" for name in _LOCAL)
    allowed_origins: tuple[str, ...] = LOCAL_ORIGINS
    max_body_bytes: int = 4 * 1024 * 1024
    body_deadline_s: float = 30.0
    max_calls: int = 256
    max_calls_per_user: int = 32
    max_notifications_per_minute: int = 600
    sessions: bool = True
    max_sessions: int = 10_000
    max_sessions_per_user: int = 64
    session_idle_s: float = 1800.0
    session_lifetime_s: float = 12 * 3600.0
    session_check_s: float = 5.0
    calls_per_minute: int = CALLS_A_MINUTE
    policy_mode: PolicyMode = "enforce"
    production: bool = False
    metrics_token: str | None = field(default=None, repr=False)
    membership_age_s: float = 30.0

    def __post_init__(self) -> None:
        check_url(self.resource_url, "resource_url")
        check_url(self.authorization_server, "authorization_server")
        if not 0 <= self.membership_age_s <= _LONGEST_BELIEF_S:
            raise SettingsError(
                f"membership_age_s: got {self.membership_age_s}, need 0 to {_LONGEST_BELIEF_S:g}"
            )
        for name in _POSITIVE:
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise SettingsError(f"{name}: got {value}, need a number above 0")
        if self.policy_mode not in MODES:
            raise SettingsError(f"policy_mode: got {self.policy_mode!r}, need one of {MODES}")
        if self.production and self.policy_mode != "enforce":
            raise SettingsError("policy_mode: in production it has to be 'enforce'")
        if self.calls_per_minute < 1:
            raise SettingsError(f"calls_per_minute: got {self.calls_per_minute}, need 1 or more")
        for host in self.host_rules:
            check_host_rule(host)
        for origin in self.origin_rules:
            check_origin_rule(origin)

    @property
    def host_rules(self) -> tuple[str, ...]:
        """Everything that ``Host`` may be."""
        return (*self.allowed_hosts, urlsplit(self.resource_url.lower()).netloc)

    @property
    def origin_rules(self) -> tuple[str, ...]:
        """Everything that ``Origin`` may be."""
        parts = urlsplit(self.resource_url.lower())
        return (*self.allowed_origins, f"{parts.scheme}://{parts.netloc}")

    @property
    def session_limits(self) -> SessionLimits:
        """How many sessions there may be, and for how long."""
        return SessionLimits(
            self.max_sessions,
            self.max_sessions_per_user,
            self.session_idle_s,
            self.session_lifetime_s,
        )

    @property
    def recheck_age_s(self) -> float:
        """How old an answer may be when it is looked whether a stream shall end.

        The next look is early enough that a session that was signed out is not believed for longer
        than ``membership_age_s``.
        """
        return max(0.0, self.membership_age_s - 2 * self.session_check_s)

    @property
    def metadata_url(self) -> str:
        """Where this gateway's description stands (RFC 9728 §3.1)."""
        parts = urlsplit(self.resource_url)
        return f"{parts.scheme}://{parts.netloc}{METADATA_PATH}{parts.path}"
