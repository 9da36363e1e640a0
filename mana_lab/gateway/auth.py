"""Who is calling: the bearer token of each request, verified anew.

The gateway is an OAuth 2.1 resource server (MCP 2026-07-28, authorization). Nothing is kept between
requests, so that a refreshed token counts from the request that carries it.
"""

from __future__ import annotations

import re

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.crypto import TokenVerifier, bearer_token
from mana_lab.errors import (
    InvalidTokenError,
    ServiceUnavailableError,
    TokenExpiredError,
    UnauthenticatedError,
)
from mana_lab.gateway.answers import refusal
from mana_lab.registry import Principal

_PRINCIPAL = "mana.principal"
_UNQUOTABLE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6750 §3


def principal_of(scope: Scope) -> Principal:
    """Return who sent this request."""
    principal: Principal = scope[_PRINCIPAL]
    return principal


class BearerAuth:
    """Lets only requests with a genuine, living token through.

    A layer behind that is refused the token by another service raises the error before it answers,
    and the challenge is made here.

    Args:
        app: What stands behind; it finds the caller with :func:`principal_of`.
        verifier: Judges the tokens.
        metadata_url: Where clients read how to get a token (RFC 9728 §5.1).
    """

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, metadata_url: str) -> None:
        self._app = app
        self._verifier = verifier
        self._metadata_url = metadata_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Verify the token, or answer 401."""
        try:
            token = bearer_token(scope["headers"])
            claims = await self._verifier.verify(token)
            principal = Principal.of(claims, token)
            await self._app({**scope, _PRINCIPAL: principal}, receive, send)
        except UnauthenticatedError as error:
            await self._challenge(error)(scope, receive, send)
        except ServiceUnavailableError as error:
            await refusal(error)(scope, receive, send)

    def _challenge(self, error: UnauthenticatedError) -> Response:
        # RFC 6750 §3.1: no error code when the request had no token at all
        fault = ""
        if isinstance(error, InvalidTokenError | TokenExpiredError):
            description = _UNQUOTABLE.sub(" ", error.message)
            fault = f'error="invalid_token", error_description="{description}", '
        challenge = f'Bearer {fault}resource_metadata="{self._metadata_url}"'
        return refusal(error, {"WWW-Authenticate": challenge})
