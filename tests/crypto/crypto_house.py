"""Where the vectors lie, and an issuer of tokens that can go wrong in every way."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from mana_lab.clock import ManualClock
from mana_lab.crypto import SigningKey, TokenVerifier, sign

DATA = Path(__file__).parent / "data"
ISSUER = "http://localhost:3001"
AUDIENCE = "mana"
JWKS_URL = f"{ISSUER}/api/auth/jwks"


class Issuer:
    """Publishes a key set, in whatever way a test wants it to go wrong."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.keys = [SigningKey.generate()]
        self.fetches = 0
        self.answer: Callable[[httpx.Request], httpx.Response] = self.publish
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.fetches += 1
        self.asked.set()
        await self.gate.wait()
        return self.answer(request)

    def publish(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"keys": [key.public_jwk() for key in self.keys]})

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        return {
            "sub": "u1",
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 900,
        } | changes

    def token(self, key: SigningKey | None = None, **changes: Any) -> str:
        return sign(self.claims(**changes), key or self.keys[-1])

    def verifier(self, http: httpx.AsyncClient, **more: Any) -> TokenVerifier:
        return TokenVerifier(
            JWKS_URL, http, issuer=ISSUER, audience=AUDIENCE, clock=self.clock, **more
        )
