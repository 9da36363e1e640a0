"""The route for who operates a service and lets MCP clients connect that cannot sign in."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Depends

from mana_lab.errors import ForbiddenError, NotFoundError
from mana_lab.identity import wire
from mana_lab.identity.server.access import REFUSALS, Parts, service

router = APIRouter(prefix="/api/v1/internal", responses=REFUSALS, dependencies=[Depends(service)])


@router.post("/auth/long-token")
async def long_token(request: wire.LongTokenRequest, parts: Parts) -> wire.TokenPair:
    """Exchange a session token for an access token that is good for longer than others.

    It takes both, the key that only the operator has and a session that its user opened: nobody
    gets one for themselves, and no service one for somebody else. It ends with the session.
    """
    if not parts.config.long_tokens:
        raise NotFoundError("this service gives no access tokens of more than 15 minutes")
    user = await parts.sessions.user_of(request.refresh_token)
    if user.role == "admin":
        raise ForbiddenError("an administrator gets no access token of more than 15 minutes")
    return await parts.sessions.refresh(
        request.refresh_token, timedelta(seconds=request.lifetime_sec)
    )
