"""How much the gateway does at a time: what is beyond it is refused at once, not piled up.

A user who asks for too much gets 429, everybody together 503, both with ``Retry-After``. Streams
that only listen are no calls; how many there are is bounded by the sessions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mana_lab.clock import Clock
from mana_lab.errors import RateLimitedError, ServiceUnavailableError
from mana_lab.gateway.answers import OnRefusal
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.messages import is_call, message_of
from mana_lab.registry.lru import LruMap
from mana_lab.web.errors import refusal

_MOST_USERS = 10_000
_MINUTE_S = 60.0


class Slots:
    """So many things at a time, of one user and of all.

    Args:
        what: What they are, for the refusal.
        most: How many of all users.
        most_per_user: How many of one user.
    """

    def __init__(self, what: str, most: int, most_per_user: int) -> None:
        self._what = what
        self._most = most
        self._most_per_user = most_per_user
        self._taken: dict[str, int] = {}
        self._total = 0

    def take(self, user_id: str) -> Slot:
        """Return a slot, to be given back.

        Raises:
            RateLimitedError: The user holds as many as one may.
            ServiceUnavailableError: All users together hold as many as there are.
        """
        theirs = self._taken.get(user_id, 0)
        if theirs >= self._most_per_user:
            raise RateLimitedError(
                f"you have {self._most_per_user} {self._what} under way; wait for one to end",
                retry_after_s=1,
            )
        if self._total >= self._most:
            raise ServiceUnavailableError(f"too many {self._what} are under way; try again")
        self._taken[user_id] = theirs + 1
        self._total += 1
        return Slot(self._give, user_id)

    def _give(self, user_id: str) -> None:
        self._total -= 1
        left = self._taken.pop(user_id) - 1
        if left:
            self._taken[user_id] = left


class Slot:
    """What is held for as long as something is under way.

    Args:
        give_back: Takes it back.
        user_id: From whom.
    """

    def __init__(self, give_back: Callable[[str], None], user_id: str) -> None:
        self._give_back = give_back
        self._user_id = user_id
        self._held = True

    def give_back(self) -> None:
        """Let another one have it; again is harmless."""
        if self._held:
            self._held = False
            self._give_back(self._user_id)


class UploadLimit:
    """Bounds how many bodies are read at a time, and with it the memory that they take.

    Args:
        app: What stands behind and reads the body.
        slots: Held while a body is being read.
        refused: Is told of what is refused.
    """

    def __init__(self, app: ASGIApp, slots: Slots, refused: OnRefusal) -> None:
        self._app = app
        self._slots = slots
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429 or 503."""
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            slot = self._slots.take(principal_of(scope).user_id)
        except (RateLimitedError, ServiceUnavailableError) as error:
            self._refused(scope, error.code)
            await refusal(error)(scope, receive, send)
            return

        async def watched() -> Message:
            message = await receive()
            if not message.get("more_body", False):
                slot.give_back()
            return message

        try:
            await self._app(scope, watched, send)
        finally:
            slot.give_back()


class CallLimit:
    """Bounds the calls that are being answered, and how often a user sends what needs no answer.

    Args:
        app: What stands behind.
        slots: Held while a call is being answered.
        notices: Of the messages that are no calls: notifications, and answers to the server.
    """

    def __init__(self, app: ASGIApp, slots: Slots, notices: Allowance) -> None:
        self._app = app
        self._slots = slots
        self._notices = notices

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429 or 503."""
        try:
            slot = self._admit(scope)
        except (RateLimitedError, ServiceUnavailableError) as error:
            await refusal(error)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            if slot is not None:
                slot.give_back()

    def _admit(self, scope: Scope) -> Slot | None:
        if scope["method"] != "POST":
            return None
        user_id = principal_of(scope).user_id
        if is_call(message_of(scope)):
            return self._slots.take(user_id)
        self._notices.spend(user_id)
        return None


@dataclass
class _Purse:
    left: float
    counted_at: float


class Allowance:
    """So many messages a minute for each user, as a bucket that fills up again steadily.

    Args:
        clock: ``monotonic`` fills it.
        per_minute: How many; also how many at once.
    """

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._purses: LruMap[str, _Purse] = LruMap(_MOST_USERS)

    def spend(self, user_id: str) -> None:
        """Count one message.

        Raises:
            RateLimitedError: The user has sent too many.
        """
        now, per_s = self._clock.monotonic(), self._per_minute / _MINUTE_S
        purse = self._purses.get(user_id) or _Purse(self._per_minute, now)
        left = min(self._per_minute, purse.left + (now - purse.counted_at) * per_s)
        if left < 1:
            raise RateLimitedError(
                f"at most {self._per_minute} notifications a minute; leave some out",
                retry_after_s=math.ceil((1 - left) / per_s),
            )
        self._purses.put(user_id, _Purse(left - 1, now))
