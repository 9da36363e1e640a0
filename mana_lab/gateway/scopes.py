"""What a token may be used for, where it says so: RFC 6750 §3.1, MCP 2026-07-28, authorization.

Tokens of Mana carry no ``scope`` and are good for everything that their user may. One that carries
the claim is good for what it names, and no more.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.crypto.exchanged import READ_SCOPE, TOOLS_SCOPE
from mana_lab.errors import InsufficientScopeError
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.messages import message_of

SCOPES: Final = (TOOLS_SCOPE, READ_SCOPE)
"""All scopes that the gateway knows."""


class ScopeGate:
    """Refuses what a token was not given for.

    Args:
        app: What stands behind.
        reading: The names of the tools that change nothing.
    """

    def __init__(self, app: ASGIApp, reading: AbstractSet[str]) -> None:
        self._app = app
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what the token allows.

        Raises:
            InsufficientScopeError: The token does not allow it.
        """
        held = principal_of(scope).scopes
        if held is None or TOOLS_SCOPE in held:
            await self._app(scope, receive, send)
            return
        needed = self._needed(message_of(scope))
        if needed not in held:
            raise InsufficientScopeError(f"the token was not given for {needed}", needed)
        await self._app(scope, receive, send)

    def _needed(self, asked: dict[str, Any]) -> str:
        if asked.get("method") != "tools/call":
            return READ_SCOPE
        params = asked.get("params")
        name = params.get("name") if isinstance(params, dict) else None
        return READ_SCOPE if isinstance(name, str) and name in self._reading else TOOLS_SCOPE
