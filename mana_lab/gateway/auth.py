"""Who is calling: the bearer token of each request, verified anew.

The gateway is an OAuth 2.1 resource server (MCP 2026-07-28, authorization). Nothing is kept between
requests, so that a refreshed token counts from the request that carries it.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.crypto import TokenVerifier, bearer_token
from mana_lab.errors import (
    InsufficientScopeError,
    InvalidTokenError,
    ManaLabError,
    ServiceUnavailableError,
    TokenExpiredError,
    UnauthenticatedError,
)
from mana_lab.gateway.answers import OnRefusal
from mana_lab.registry import Principal
from mana_lab.web.errors import refusal

_PRINCIPAL = "mana.principal"


def principal_of(scope: Scope) -> Principal:
    """Return who sent this request."""
    principal: Principal = scope[_PRINCIPAL]
    return principal


def caller_of(scope: Scope) -> Principal | None:
    """Return who sent this request, or None where that is not known (yet)."""
    principal: Principal | None = scope.get(_PRINCIPAL)
    return principal


class BearerAuth:
    """Lets only requests with a genuine, living token through.

    The answer tells three things apart and no more: a request without a usable ``Authorization``
    header, a genuine token that has expired, and any other token. A layer behind that is refused
    the token by another service, or finds that it was given for less, raises the error before it
    answers, and the answer is made here.

    Args:
        app: What stands behind; it finds the caller with :func:`principal_of`.
        verifier: Judges the tokens.
        metadata_url: Where clients read how to get a token (RFC 9728 §5.1).
        refused: Is told of whom nobody knows.
    """

    def __init__(
        self, app: ASGIApp, verifier: TokenVerifier, metadata_url: str, refused: OnRefusal
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._metadata_url = metadata_url
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Verify the token, or answer 401; answer 403 where it does not go far enough."""
        try:
            principal = await self._principal(scope)
        except (UnauthenticatedError, ServiceUnavailableError) as error:
            self._refused(scope, error.code)
            await self._refusal(error)(scope, receive, send)
            return
        try:
            await self._app({**scope, _PRINCIPAL: principal}, receive, send)
        except UnauthenticatedError as error:
            await self._refusal(_of_a_token(error))(scope, receive, send)
        except (InsufficientScopeError, ServiceUnavailableError) as error:
            await self._refusal(error)(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal:
        token = bearer_token(scope["headers"])
        try:
            return Principal.of(await self._verifier.verify(token), token)
        except UnauthenticatedError as error:
            raise _of_a_token(error) from None

    def _refusal(self, error: ManaLabError) -> Response:
        if isinstance(error, UnauthenticatedError):
            return self._challenge(error)
        if isinstance(error, InsufficientScopeError):
            return self._too_little(error)
        return refusal(error)

    def _challenge(self, error: UnauthenticatedError) -> Response:
        # RFC 6750 §3.1: no error code when the request had no token at all
        fault = ""
        if isinstance(error, InvalidTokenError | TokenExpiredError):
            fault = f'error="invalid_token", error_description="{error.message}", '
        challenge = f'Bearer {fault}resource_metadata="{self._metadata_url}"'
        return refusal(error, {"WWW-Authenticate": challenge})

    def _too_little(self, error: InsufficientScopeError) -> Response:
        challenge = (
            f'Bearer error="insufficient_scope", error_description="{error.message}", '
            f'scope="{error.scope}", resource_metadata="{self._metadata_url}"'
        )
        return refusal(error, {"WWW-Authenticate": challenge})


def _of_a_token(error: UnauthenticatedError) -> UnauthenticatedError:
    return TokenExpiredError() if isinstance(error, TokenExpiredError) else InvalidTokenError()
