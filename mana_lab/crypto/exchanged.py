"""Exchanged tokens: the names that whoever gives, shows and takes them agrees on (RFC 8693).

A caller's own token is for the gateway and the app. Behind the gateway goes an exchanged one: for
one service, for one purpose, in one space, for at most a minute.
"""

from __future__ import annotations

from typing import Final

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
EXCHANGED_LIFETIME_S: Final = 30
"""The longest that an exchanged token lives, in seconds; with the half minute by which clocks may
differ, none is taken after a minute."""

IDENTITY_AUDIENCE: Final = "identity"
SYNC_AUDIENCE: Final = "sync"

SPACES_READ: Final = "spaces:read"
"""At identity: lists the caller's spaces, and reads what agents may do in one."""
VAULT_READ: Final = "vault:read"
"""At identity: reads the keys of the caller's vault."""
VAULT_RENEW: Final = "vault:renew"
"""At identity: says that nothing is encrypted with the earlier keys of the vault any more."""
SYNC_READ: Final = "sync:read"
"""At sync: reads one space."""
SYNC_WRITE: Final = "sync:write"
"""At sync: pushes to one space, once."""

SCOPES: Final = {
    IDENTITY_AUDIENCE: (SPACES_READ, VAULT_READ, VAULT_RENEW),
    SYNC_AUDIENCE: (SYNC_READ, SYNC_WRITE),
}
"""What tokens for each service may be for; the first is meant where nothing is said."""

TOOLS_SCOPE: Final = "mcp:tools"
"""Of a caller's own token: calls every tool; what :data:`READ_SCOPE` allows is in it."""
READ_SCOPE: Final = "mcp:read"
"""Of a caller's own token: lists the tools, and calls those that change nothing."""

_TO_READ: Final = frozenset({SPACES_READ, VAULT_READ, SYNC_READ})


def covers(held: str | None, wanted: str) -> bool:
    """Tell whether a token may be exchanged for one with another scope.

    Args:
        held: The ``scope`` of the token; None where it has none, which is no limit.
        wanted: One word of :data:`SCOPES`.
    """
    if held is None:
        return True
    words = held.split()
    return TOOLS_SCOPE in words or (READ_SCOPE in words and wanted in _TO_READ)
