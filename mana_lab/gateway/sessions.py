"""The sessions of the older protocol era: whose they are, how many, and for how long.

Knows no HTTP. A session has two ids: the one its user holds, which is a secret, and the one that
the MCP server behind gave it, which opens nothing at the gateway's door and may stand in a log.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mana_lab.clock import Clock
from mana_lab.errors import RateLimitedError, ServiceUnavailableError
from mana_lab.registry import Principal

_ID_BYTES = 32
_LAST_CALL_S = 60.0
_LOOK_EVERY_S = 1.0


@dataclass(eq=False)
class Attached:
    """A request that a session is serving.

    Attributes:
        principal: Who sent it, with the token that it came with.
        is_stream: Whether it only listens, for as long as it is let.
        ended: Set when a stream shall end.
    """

    principal: Principal
    is_stream: bool
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class Session:
    """One session.

    Attributes:
        user_id: Whose it is.
        inner_id: What the MCP server behind calls it.
        login: The session of the token in use: of the last one that was let in.
        opened_at: When it began, on the monotonic clock.
        used_at: When its last request ended.
        requests: What it is serving.
        answering: The JSON-RPC ids of the calls among them, as text.
    """

    user_id: str
    inner_id: str
    login: str
    opened_at: float
    used_at: float
    requests: set[Attached] = field(default_factory=set)
    answering: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class SessionLimits:
    """How many sessions there may be, and for how long.

    Attributes:
        most: Sessions at a time, of all users.
        most_per_user: Sessions at a time, of one user.
        idle_s: After how many seconds without a request a session is over.
        lifetime_s: After how many seconds it is over in any case.
    """

    most: int
    most_per_user: int
    idle_s: float
    lifetime_s: float


def draw_session_id() -> str:
    """Return 256 bits from the system's random source, as text that fits a header."""
    return secrets.token_urlsafe(_ID_BYTES)


class SessionBook:
    """All sessions that are open.

    Args:
        clock: ``monotonic`` ages them.
        limits: How many there may be, and for how long.
        new_id: Draws the id that a session's user gets.
    """

    def __init__(
        self, clock: Clock, limits: SessionLimits, new_id: Callable[[], str] = draw_session_id
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._new_id = new_id
        self._sessions: dict[str, Session] = {}
        self._places: Counter[str] = Counter()
        self._taken = 0
        self._looked_at = -math.inf

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[tuple[str, Session]]:
        return iter(list(self._sessions.items()))

    def find(self, session_id: str) -> Session | None:
        """Return the session of that id, unless its time is over."""
        session = self._sessions.get(session_id)
        return None if session is None or self._expired(session) else session

    def is_full_for(self, user_id: str) -> bool:
        """Return whether the user would get no place."""
        return (
            self._places[user_id] >= self._limits.most_per_user or self._taken >= self._limits.most
        )

    @contextmanager
    def place_for(self, principal: Principal) -> Iterator[Callable[[str], str]]:
        """Keep a place for a session that is being opened.

        Yields what enters the session under the id that the server behind gave it, and returns
        the id for its user. A place that nobody entered is free again afterwards.

        Raises:
            RateLimitedError: The user has as many as they may have.
            ServiceUnavailableError: All users together have as many as there may be.
        """
        self._take(principal.user_id)
        entered: list[str] = []

        def enter(inner_id: str) -> str:
            now = self._clock.monotonic()
            session_id = self._new_id()
            self._sessions[session_id] = Session(
                principal.user_id, inner_id, principal.session_id, now, now
            )
            entered.append(session_id)
            return session_id

        try:
            yield enter
        finally:
            if not entered:
                self._free(principal.user_id)

    def remove(self, session_id: str) -> None:
        """Forget a session; again is harmless."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            self._free(session.user_id)

    @contextmanager
    def serving(self, session: Session, request: Attached) -> Iterator[None]:
        """Hold a session while it serves *request*."""
        session.requests.add(request)
        try:
            yield
        finally:
            session.requests.discard(request)
            session.used_at = self._clock.monotonic()

    def over(self) -> list[tuple[str, Session]]:
        """Return the sessions to end now; one that is too old gets its last call answered.

        Nothing new is looked for within a second.
        """
        now = self._clock.monotonic()
        if now - self._looked_at < _LOOK_EVERY_S:
            return []
        self._looked_at = now
        return [
            (session_id, session)
            for session_id, session in self
            if self._expired(session)
            and (
                all(request.is_stream for request in session.requests)
                or now - session.opened_at >= self._limits.lifetime_s + _LAST_CALL_S
            )
        ]

    def _expired(self, session: Session) -> bool:
        now = self._clock.monotonic()
        idle = not session.requests and now - session.used_at >= self._limits.idle_s
        return idle or now - session.opened_at >= self._limits.lifetime_s

    def _take(self, user_id: str) -> None:
        if self._places[user_id] >= self._limits.most_per_user:
            raise RateLimitedError(
                f"you have {self._limits.most_per_user} sessions open; close one with DELETE, "
                f"or wait {self._limits.idle_s:g} s until an unused one ends",
                retry_after_s=math.ceil(self._limits.idle_s),
            )
        if self._taken >= self._limits.most:
            raise ServiceUnavailableError("too many sessions are open; try again later")
        self._places[user_id] += 1
        self._taken += 1

    def _free(self, user_id: str) -> None:
        self._taken -= 1
        self._places[user_id] -= 1
        if not self._places[user_id]:
            del self._places[user_id]
