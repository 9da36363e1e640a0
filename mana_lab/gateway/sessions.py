"""Whose session is it: sessions of the older protocol era belong to the user who opened them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mana_lab.clock import Clock
from mana_lab.errors import ForeignSessionError, ManaLabError, NotFoundError, RateLimitedError
from mana_lab.gateway.answers import refusal
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.messages import is_modern

SESSION_HEADER: Final = "mcp-session-id"
"""The header that names a session in requests and in the answer that opens it."""


@dataclass
class _Session:
    user_id: str
    used_at: float
    in_flight: int = 0


class SessionGuard:
    """Keeps users out of one another's sessions, and each below a number of them.

    It learns a session's owner from the answer that opens it. What it does not know does not exist:
    a request to such a session never reaches the layer behind.

    Args:
        app: What stands behind and makes the sessions.
        clock: ``monotonic`` tells how long a session has been idle.
        idle_s: After how many seconds without a request the layer behind ends a session.
        most_per_user: How many sessions one user may have.
    """

    def __init__(self, app: ASGIApp, clock: Clock, idle_s: float, most_per_user: int) -> None:
        self._app = app
        self._clock = clock
        self._idle_s = idle_s
        self._most_per_user = most_per_user
        self._sessions: dict[str, _Session] = {}
        self._opening: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403, 404 or 429."""
        headers = Headers(scope=scope)
        session_id = headers.get(SESSION_HEADER)
        user_id = principal_of(scope).user_id
        stateless = is_modern(headers)
        error = self._objection(session_id, user_id, stateless=stateless)
        if error is not None:
            await refusal(error)(scope, receive, send)
        elif stateless:
            await self._app(scope, receive, send)
        elif session_id is not None:
            await self._use(session_id, scope, receive, send)
        else:
            await self._open(user_id, scope, receive, send)

    def _objection(
        self, session_id: str | None, user_id: str, *, stateless: bool
    ) -> ManaLabError | None:
        session = None if session_id is None else self._sessions.get(session_id)
        if session is not None and session.user_id != user_id:
            return ForeignSessionError("this session belongs to another user; open your own")
        if stateless or session is not None:
            return None
        if session_id is not None:
            return NotFoundError("there is no such session; open a new one with initialize")
        if self._count(user_id) >= self._most_per_user:
            return RateLimitedError(
                f"you have {self._most_per_user} sessions open; close one with DELETE, "
                f"or wait {self._idle_s:g} s until an unused one ends"
            )
        return None

    def _count(self, user_id: str) -> int:
        self._forget_idle()
        theirs = sum(session.user_id == user_id for session in self._sessions.values())
        return theirs + self._opening.get(user_id, 0)

    def _forget_idle(self) -> None:
        oldest = self._clock.monotonic() - self._idle_s
        idle = [
            session_id
            for session_id, session in self._sessions.items()
            if not session.in_flight and session.used_at <= oldest
        ]
        for session_id in idle:
            del self._sessions[session_id]

    async def _use(self, session_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                ended = scope["method"] == "DELETE" and message["status"] < 300
                if ended or message["status"] == 404:
                    self._sessions.pop(session_id, None)
            await send(message)

        session = self._sessions[session_id]
        session.in_flight += 1
        try:
            await self._app(scope, receive, watch)
        finally:
            session.in_flight -= 1
            session.used_at = self._clock.monotonic()

    async def _open(self, user_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        async def learn(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                opened = Headers(raw=message["headers"]).get(SESSION_HEADER)
                if opened is not None:
                    self._sessions[opened] = _Session(user_id, self._clock.monotonic())
            await send(message)

        self._opening[user_id] = self._opening.get(user_id, 0) + 1
        try:
            await self._app(scope, receive, learn)
        finally:
            self._opening[user_id] -= 1
            if not self._opening[user_id]:
                del self._opening[user_id]
