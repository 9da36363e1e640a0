"""Memberships and living sessions from the identity service, over HTTP."""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import quote

import httpx

from mana_lab.clock import Clock
from mana_lab.errors import ServiceUnavailableError, SessionEndedError
from mana_lab.sync.wire import WireModel

CACHE_SECONDS = 30.0
"""How long an answer is used again, so how long whoever was removed or signed out gets in yet."""

_MOST_USERS = 4096


class _Membership(WireModel):
    organization_id: str
    others: int = 0


class _Memberships(WireModel):
    memberships: list[_Membership]
    session_active: bool = True


class HttpMemberships:
    """Asks the identity service's internal endpoint.

    An answer that names spaces is kept for :data:`CACHE_SECONDS`. A failure is never kept and
    never taken for "no spaces": what cannot be found out is an error.

    Args:
        auth_url: Where the identity service is.
        http: The client to use; it stays the caller's.
        service_key: What the identity service knows the lab's services by.
        clock: ``monotonic`` gives the age of answers.
    """

    def __init__(
        self, auth_url: str, http: httpx.AsyncClient, service_key: str, clock: Clock
    ) -> None:
        self._auth_url = auth_url.rstrip("/")
        self._http = http
        self._service_key = service_key
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[float, frozenset[str]]] = OrderedDict()

    async def spaces_of(self, user_id: str, session_id: str) -> frozenset[str]:
        """Return the user's spaces, as they were at most :data:`CACHE_SECONDS` ago.

        Args:
            user_id: The user.
            session_id: The session that asks; a service that knows no sessions lets all pass.

        Raises:
            SessionEndedError: The session was signed out, or is over.
            ServiceUnavailableError: The identity service gave no usable answer.
        """
        known = self._known.get((user_id, session_id))
        if known is not None and self._clock.monotonic() - known[0] < CACHE_SECONDS:
            return known[1]
        return await self.fresh_spaces_of(user_id, session_id)

    async def fresh_spaces_of(self, user_id: str, session_id: str) -> frozenset[str]:
        """Return the user's spaces as they are now.

        Raises:
            SessionEndedError: The session was signed out, or is over.
            ServiceUnavailableError: The identity service gave no usable answer.
        """
        asked_at = self._clock.monotonic()
        answer = await self._fetch(user_id, session_id)
        self._known.pop((user_id, session_id), None)
        if not answer.session_active:
            raise SessionEndedError("the session was signed out, or is over; sign in again")
        spaces = frozenset(membership.organization_id for membership in answer.memberships)
        if spaces:
            self._known[user_id, session_id] = (asked_at, spaces)
            if len(self._known) > _MOST_USERS:
                self._known.popitem(last=False)
        return spaces

    async def spaces_that_stay(self, user_id: str) -> frozenset[str]:
        """Return those of the user's spaces that others are in too, as they are now.

        Raises:
            ServiceUnavailableError: The identity service gave no usable answer.
        """
        answer = await self._fetch(user_id, "")
        return frozenset(each.organization_id for each in answer.memberships if each.others > 0)

    async def _fetch(self, user_id: str, session_id: str) -> _Memberships:
        url = f"{self._auth_url}/api/v1/internal/users/{quote(user_id, safe='')}/memberships"
        try:
            response = await self._http.get(
                url,
                params={"sid": session_id} if session_id else None,
                headers={"x-service-key": self._service_key},
            )
            response.raise_for_status()
            return _Memberships.model_validate_json(response.content)
        except (httpx.HTTPError, ValueError) as error:
            raise ServiceUnavailableError(
                "the identity service did not say which spaces the user is a member of; "
                "try again later"
            ) from error
