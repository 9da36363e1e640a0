"""The session cookie of browsers, as Better Auth sets it: the session token with its mark."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote, unquote

from fastapi import Request, Response

from mana_lab.errors import ForeignOriginError
from mana_lab.identity.server.config import IdentityConfig
from mana_lab.identity.server.sessions import SESSION_LIFETIME

COOKIE = "mana.session_token"

_SAFE_METHODS = ("GET", "HEAD")


def set_session_cookie(response: Response, token: str, config: IdentityConfig) -> None:
    """Give a browser the session token."""
    response.set_cookie(
        COOKIE,
        quote(f"{token}.{_mark(token, config.kek)}", safe=""),
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        path="/",
        samesite="lax",
        secure=config.issuer.startswith("https:"),
    )


def forget_session_cookie(response: Response) -> None:
    """Take the session token from a browser again."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


def session_token_of(request: Request, config: IdentityConfig) -> str | None:
    """Return the session token of a request's cookie; None when it has none that we marked.

    Browsers send cookies along whoever made the page. So a request that may change something must
    come from a page of ours, which its ``Origin`` says.

    Raises:
        ForeignOriginError: It comes from another page, or does not say from which.
    """
    value = request.cookies.get(COOKIE)
    if value is None:
        return None
    token, _, mark = unquote(value).rpartition(".")
    if not hmac.compare_digest(mark.encode(), _mark(token, config.kek).encode()):
        return None
    if request.method not in _SAFE_METHODS and request.headers.get("origin") not in config.origins:
        raise ForeignOriginError(
            "a request with a session cookie needs the header Origin, and it must name a page of "
            "this Mana; or send the access token as Authorization: Bearer"
        )
    return token


def _mark(token: str, kek: bytes) -> str:
    key = hmac.digest(kek, b"session cookie", hashlib.sha256)
    return base64.b64encode(
        hmac.digest(key, token.encode("utf-8", "surrogatepass"), hashlib.sha256)
    ).decode()
