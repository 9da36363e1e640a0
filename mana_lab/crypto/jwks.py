"""Verifying tokens against the key set that their issuer publishes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx

from mana_lab.clock import Clock
from mana_lab.crypto.exchanged import SYNC_WRITE
from mana_lab.crypto.jwt import Claims, UnverifiedToken, judge
from mana_lab.crypto.strictjson import strict_json
from mana_lab.crypto.tokenkeys import KeySet
from mana_lab.crypto.verified import VerifiedTokens
from mana_lab.errors import ProtocolError, ServiceUnavailableError

MAX_JWKS_BYTES: Final = 64 * 1024
"""Longest key set that is read."""

_logger = logging.getLogger(__name__)
_FETCH_DEADLINE_S = 10.0
_COLD_COOLDOWN_S = 1.0


@dataclass(frozen=True)
class VerifierStatus:
    """How a verifier stands.

    Attributes:
        usable: Whether there are keys to judge tokens by.
        keys: How many keys there are.
        age_s: Seconds since the keys were last fetched; None where they never were.
        stale: Whether the keys are used because the last fetch brought no newer ones.
        fetches: How many fetches were begun.
        failures: How many of them brought no usable key set.
        tokens: How many genuine tokens are remembered.
    """

    usable: bool
    keys: int
    age_s: float | None
    stale: bool
    fetches: int
    failures: int
    tokens: int


class TokenVerifier:
    """Verifies tokens of one issuer; keeps its published keys.

    Keys are fetched when a token arrives and they are older than *max_age_s*, or do not have the
    token's key id: by one request however many are waiting, and at most once per *cooldown_s*
    whatever the tokens say. So a key counts, or ceases to, within that time of its publication or
    withdrawal. A fetch that fails, or brings anything but a usable key set, changes nothing: the
    old keys go on serving, until *max_stale_s* after the last good fetch. No token of a known key
    waits longer than *patience_s* for newer keys, and none waits while the issuer is known to be
    slow or down.

    A token that was found genuine is believed again without a look at its signature, up to its
    ``exp`` and for as long as the key set stays the same.

    One instance belongs to one event loop.

    Args:
        jwks_url: Where the issuer publishes its keys.
        http: The client to fetch with; redirects are not followed, whatever its setting.
        issuer: The only ``iss`` that is accepted.
        audience: What ``aud`` has to be or to contain; of several, any.
        clock: ``now`` judges tokens, ``monotonic`` the age of the keys.
        cooldown_s: Seconds from the start of one fetch to the start of the next.
        max_age_s: Age in seconds from which keys are refreshed.
        max_stale_s: Age in seconds from which keys are refused.
        patience_s: How many seconds a token of a known key waits for newer keys.
        leeway_s: How far the issuer's clock may differ, in seconds.
    """

    def __init__(
        self,
        jwks_url: str,
        http: httpx.AsyncClient,
        *,
        issuer: str,
        audience: str | Collection[str],
        clock: Clock,
        cooldown_s: float = 30.0,
        max_age_s: float = 30.0,
        max_stale_s: float = 24 * 3600.0,
        patience_s: float = 0.5,
        leeway_s: int = 30,
    ) -> None:
        self._jwks_url = jwks_url
        self._http = http
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._cooldown_s = cooldown_s
        self._max_age_s = max_age_s
        self._max_stale_s = max_stale_s
        self._patience_s = patience_s
        self._leeway_s = leeway_s
        self._verified = VerifiedTokens(leeway_s)
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._attempted_at: float | None = None
        self._failure: Exception | None = None
        self._fetch: asyncio.Task[None] | None = None
        self._slow = False
        self._fetches = 0
        self._failures = 0

    async def verify(self, token: str) -> Claims:
        """Return the claims of a genuine token.

        Raises:
            TokenExpiredError: The token is genuine and past its end.
            InvalidTokenError: Anything else is wrong with it.
            ServiceUnavailableError: There are no keys to judge it by.
        """
        kid, parsed = self._verified.kid_of(token), None
        if kid is None:
            parsed = UnverifiedToken.parse(token)
            kid = parsed.kid
        keys = await self._keys_for(kid)
        now = self._clock.now()
        claims = self._verified.get(token, keys, now)
        if claims is None:
            claims = self._judge(parsed or UnverifiedToken.parse(token), keys, now)
            if claims.scope != SYNC_WRITE:  # that one is good for one push, and not shown again
                self._verified.add(token, kid, claims, keys)
        return claims

    def _judge(self, token: UnverifiedToken, keys: KeySet, now: datetime) -> Claims:
        return judge(
            token,
            keys,
            issuer=self._issuer,
            audience=self._audience,
            now=now,
            leeway_s=self._leeway_s,
        )

    def status(self) -> VerifierStatus:
        """Return how it stands now, for whoever watches the service."""
        return VerifierStatus(
            usable=self._usable_keys() is not None,
            keys=0 if self._keys is None else len(self._keys),
            age_s=None if self._keys is None else self._age(),
            stale=self._keys is not None and self._failure is not None,
            fetches=self._fetches,
            failures=self._failures,
            tokens=len(self._verified),
        )

    async def has_keys(self) -> bool:
        """Tell whether there are keys to judge by; missing or old ones are fetched for that."""
        if self._usable_keys() is None:
            await self._refresh()
        elif self._age() >= self._max_age_s:
            await self._refresh_in_passing()
        return self._usable_keys() is not None

    async def close(self) -> None:
        """Stop a refresh that is under way; the HTTP client stays the caller's."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.gather(self._fetch, return_exceptions=True)

    async def _keys_for(self, kid: str) -> KeySet:
        usable = self._usable_keys()
        if usable is None or usable.get(kid) is None:
            await self._refresh()
        elif self._age() >= self._max_age_s:
            await self._refresh_in_passing()
        usable = self._usable_keys()
        if usable is None:
            raise ServiceUnavailableError(
                "the issuer's keys cannot be fetched; try again later"
            ) from self._failure
        return usable

    def _age(self) -> float:
        return self._clock.monotonic() - self._fetched_at

    def _usable_keys(self) -> KeySet | None:
        return self._keys if self._age() <= self._max_stale_s else None

    async def _refresh(self) -> None:
        fetch = self._start_fetch()
        if fetch is not None:
            # Unlike awaiting the task, this does not cancel it when one of its waiters is.
            await asyncio.wait([fetch])

    async def _refresh_in_passing(self) -> None:
        fetch = self._start_fetch()
        if fetch is not None and not self._slow:
            _, pending = await asyncio.wait([fetch], timeout=self._patience_s)
            self._slow = self._slow or bool(pending)

    def _start_fetch(self) -> asyncio.Task[None] | None:
        if self._fetch is None and not self._cooling_down():
            self._fetch = asyncio.create_task(self._fetch_once())
        return self._fetch

    def _cooling_down(self) -> bool:
        if self._attempted_at is None:
            return False
        cooldown_s = self._cooldown_s
        if self._keys is None:
            cooldown_s = min(cooldown_s, _COLD_COOLDOWN_S)
        return self._clock.monotonic() - self._attempted_at < cooldown_s

    async def _fetch_once(self) -> None:
        started = self._attempted_at = self._clock.monotonic()
        self._fetches += 1
        try:
            async with asyncio.timeout(_FETCH_DEADLINE_S):
                document = strict_json(await self._download())
            self._take(KeySet.from_jwks(document), started)
        except Exception as error:  # noqa: BLE001 - an ASGI transport raises whatever the app raised
            self._failure = error
            self._failures += 1
            _logger.warning("the issuer's keys could not be fetched: %s", type(error).__name__)
        finally:
            self._fetch = None

    def _take(self, keys: KeySet, asked_at: float) -> None:
        if keys != self._keys:
            self._keys = keys
            self._verified.clear()
        # What was published while the answer was under way may not be in it.
        self._fetched_at = asked_at
        self._failure = None
        self._slow = self._clock.monotonic() - asked_at > self._patience_s

    async def _download(self) -> bytes:
        body = bytearray()
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        request = self._http.stream("GET", self._jwks_url, headers=headers, follow_redirects=False)
        async with request as response:
            if response.status_code != 200 or _is_encoded(response):
                raise ProtocolError(f"the key set's address answered {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_JWKS_BYTES:
                    raise ProtocolError("the key set is too long")
        return bytes(body)


def _is_encoded(response: httpx.Response) -> bool:
    return bool(response.headers.get("content-encoding", "identity") != "identity")
