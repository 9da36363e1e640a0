"""A door in front of the identity service, and catalogs that break a rule."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.responses import JSONResponse

from mana_lab.identity.client import IdentityClient

SECRET = "dev-persona-seed-secret-rotate-in-prod"
PERSONAS_PATH = "/api/v1/admin/personas"
LOGIN_PATH = "/api/v1/auth/login"
VAULT_PATH = "/api/v1/me/encryption-vault/init"

ANNA = "persona.anna@mana.test"
BEN = "persona.ben@mana.test"
MAYA = "persona.maya@mana.test"

ZOE = {
    "name": "Zoe",
    "email": "zoe@mana.test",
    "archetype": "student",
    "systemPrompt": "You are Zoe, and you try out whatever you are given.",
    "moduleMix": {"todo": 0.5, "notes": 1},
    "tickCadence": "daily",
    "language": "en",
    "timezone": "Europe/Berlin",
}
"""A persona as a catalog file writes it."""


FLAT = {"name": "Our flat", "slug": "our-flat", "type": "family", "members": ["Zoe", "Amy"]}
"""A space as a catalog file writes it."""


def flat(**changes: Any) -> dict[str, Any]:
    return FLAT | changes


def zoe(**changes: Any) -> dict[str, Any]:
    return ZOE | changes


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in ZOE.items() if name != key}


@dataclass(frozen=True)
class Request:
    """What comes to the door."""

    method: str
    path: str
    body: Any


@dataclass
class Door:
    """An app in front of the service.

    Attributes:
        app: The service.
        before: Sees each request first, and may answer it instead of the service.
        seen: The requests so far.
        in_flight: How many requests are being answered.
        most_in_flight: How many were at the busiest moment.
        begun: How many personas have been asked for and have no open vault yet.
        most_begun: How many had at the busiest moment.
    """

    app: Callable[..., Awaitable[None]]
    before: Callable[[Request], Awaitable[JSONResponse | None]]
    seen: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    begun: int = 0
    most_begun: int = 0

    async def __call__(self, scope, receive, send) -> None:
        body = await _whole(receive)
        request = Request(scope["method"], scope["path"], json.loads(body) if body else None)
        self.seen.append(request)
        self.begun += request.path == PERSONAS_PATH
        self.in_flight += 1
        self.most_begun = max(self.most_begun, self.begun)
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

        async def again():
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            answer = await self.before(request)
            await (answer or self.app)(scope, again, send)
        finally:
            self.in_flight -= 1
            self.begun -= request.path == VAULT_PATH


async def _whole(receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def let_pass(_: Request) -> None:
    """Leave every request to the service."""


def refusing(path: str, *, method: str = "POST", email: str | None = None):
    """Refuse the requests for that path, or only those that name that address."""

    async def before(request: Request) -> JSONResponse | None:
        if (request.method, request.path) != (method, path):
            return None
        if email is not None and request.body.get("email") != email:
            return None
        return refusal("out of order today")

    return before


def refusal(message: str) -> JSONResponse:
    body = {"error": "service-unavailable", "message": message, "status": 503}
    return JSONResponse(body, status_code=503)


@asynccontextmanager
async def through(house, before=let_pass):
    """Open a client that reaches the house's service through a door."""
    door = Door(house.app, before)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door)) as http:
        yield IdentityClient(house.config.issuer, http), door
