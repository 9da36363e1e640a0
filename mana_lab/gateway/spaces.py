"""In which space a request acts: looked up for each request, never kept from a session's start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.clock import Clock
from mana_lab.errors import ManaLabError, NotAMemberError, UnauthenticatedError
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.headers import header
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import Space
from mana_lab.registry import Principal
from mana_lab.registry.lru import LruMap
from mana_lab.registry.passes import Passes
from mana_lab.web.errors import refusal

SPACE_HEADER: Final = "x-mana-space"
"""The header that names the space to act in."""

_SPACE = "mana.space"
_SPACE_HEADER = SPACE_HEADER.encode()
_MAX_SESSIONS = 10_000


def space_of(scope: Scope) -> Space:
    """Return the space that this request acts in; its sender is a member of it."""
    space: Space = scope[_SPACE]
    return space


@dataclass(frozen=True)
class _Memberships:
    spaces: tuple[Space, ...]
    asked_at: float


class SpaceResolver:
    """Finds the space of each POST, and lets only members of it through.

    Without the header it is the caller's personal space. That somebody *is* a member is believed
    for a short while, and only of the session that it was told to, so that a session that was
    signed out does not live on another one's answer; that they are not is asked again.

    Args:
        app: What stands behind; it finds the space with :func:`space_of`.
        identity: Knows who is in which space.
        passes: What it is shown.
        clock: ``monotonic`` tells how old an answer is.
        max_age_s: How long an answer is believed, in seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        identity: IdentityClient,
        passes: Passes,
        clock: Clock,
        max_age_s: float,
    ) -> None:
        self._app = app
        self._identity = identity
        self._passes = passes
        self._clock = clock
        self._max_age_s = max_age_s
        self._known: LruMap[tuple[str, str], _Memberships] = LruMap(_MAX_SESSIONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its space, or answer 403, or 503 when nobody knows.

        Raises:
            UnauthenticatedError: The identity service does not take the token.
        """
        wanted = (header(scope, _SPACE_HEADER) or "").strip() or None
        try:
            if scope["method"] == "POST":
                scope = {**scope, _SPACE: await self._space(principal_of(scope), wanted)}
            else:
                await self.confirm(principal_of(scope), self._max_age_s)
        except UnauthenticatedError:
            raise
        except ManaLabError as error:
            await refusal(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def confirm(self, principal: Principal, max_age_s: float) -> None:
        """Make sure that the session of a caller's token was not signed out.

        Args:
            principal: The caller.
            max_age_s: How old, in seconds, an answer may be to be believed.

        Raises:
            UnauthenticatedError: The identity service does not take the token.
            ServiceUnavailableError: Nobody knows.
        """
        known = self._known.get((principal.user_id, principal.session_id))
        if known is None or self._clock.monotonic() - known.asked_at >= max_age_s:
            await self._ask(principal)

    async def _space(self, principal: Principal, wanted: str | None) -> Space:
        known = self._known.get((principal.user_id, principal.session_id))
        if known is not None and self._clock.monotonic() - known.asked_at < self._max_age_s:
            space = _pick(known.spaces, wanted)
            if space is not None:
                return space
        space = _pick(await self._ask(principal), wanted)
        if space is None:
            raise NotAMemberError(
                "you are not a member of the space that X-Mana-Space names; "
                "spaces.list names yours, and without the header your personal space is used"
                if wanted is not None
                else "you have no personal space; name one of yours in X-Mana-Space"
            )
        return space

    async def _ask(self, principal: Principal) -> tuple[Space, ...]:
        asked_at = self._clock.monotonic()
        shown = await self._passes.to_identity(principal.token)
        spaces = tuple(await self._identity.spaces(shown))
        asked_for = (principal.user_id, principal.session_id)
        self._known.put(asked_for, _Memberships(spaces, asked_at))
        return spaces


def _pick(spaces: tuple[Space, ...], wanted: str | None) -> Space | None:
    for space in spaces:
        if space.id == wanted or (wanted is None and space.type == "personal"):
            return space
    return None
