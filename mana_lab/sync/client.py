"""The client of the sync service: pushes, pulls, and turns its answers back into errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

import httpx

from mana_lab.errors import (
    ManaLabError,
    ProtocolError,
    ServiceUnavailableError,
    error_from_wire,
)
from mana_lab.sync.pushes import one_push
from mana_lab.sync.stamps import NEVER, START, canonical_stamp, instant_of
from mana_lab.sync.wire import (
    SCHEMA_VERSION,
    Change,
    Changeset,
    Complaint,
    ForgottenAnswer,
    SyncAnswer,
    WireModel,
    to_json,
)

PAGE_SIZE = 1000
"""The most changes that one pull returns."""

_LONGEST_MESSAGE = 500

Answer = TypeVar("Answer", bound=WireModel)


@dataclass(frozen=True)
class Page:
    """Changes out of the log, in its order.

    Attributes:
        changes: At most :data:`PAGE_SIZE`.
        cursor: Where the next page starts; opaque.
        has_more: Whether the next page has something already.
    """

    changes: tuple[Change, ...]
    cursor: str
    has_more: bool


@dataclass(frozen=True)
class PushResult(Page):
    """A push that was stored; its changes are what the log has in the app after ``since``."""


class SyncClient:
    """Talks to one sync service, for any user whose token it is given.

    Args:
        base_url: Where the service is.
        http: The client to use; it stays the caller's.
        client_id: Who is writing. Of two writes with one stamp the greater id wins.
    """

    def __init__(self, base_url: str, http: httpx.AsyncClient, client_id: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = http
        self.client_id = client_id

    async def health(self) -> bool:
        """Tell whether the service answers that it is well."""
        try:
            response = await self._http.get(f"{self._base_url}/health")
        except httpx.HTTPError:
            return False
        return response.status_code == 200

    async def push(
        self, token: str, app_id: str, changes: Sequence[Change], *, since: str | None = None
    ) -> PushResult:
        """Store *changes*: all of them, or none.

        Changes with an event id may be pushed again, after an answer that was lost.

        Args:
            token: The author's access token.
            app_id: The app, such as ``todo``.
            changes: At most 1,000.
            since: A cursor, for an answer with what happened after it. By default the answer
                only has what is newer than the changes themselves.

        Raises:
            InvalidInputError: The service does not take one of the changes; the message says why.
            FutureStampError: A stamp is too far ahead of the service's clock.
            NotAMemberError: The author is not a member of a space.
            ConflictError: An event id was used before, for another change.
            UnauthenticatedError: The token is not valid, or not any more.
            ServiceUnavailableError: The service did not answer.
        """
        changeset = Changeset(
            client_id=self.client_id,
            since=_newest(changes) if since is None else since,
            schema_version=SCHEMA_VERSION,
            changes=list(changes),
        )
        with one_push():
            answer = await self._ask(
                SyncAnswer,
                "POST",
                f"/sync/{quote(app_id, safe='')}",
                headers=_bearer(token) | {"content-type": "application/json"},
                content=to_json(changeset),
            )
        return PushResult(tuple(answer.server_changes), answer.synced_until, answer.has_more)

    async def pull(
        self,
        token: str,
        app_id: str,
        collection: str,
        since: str,
        space_id: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Page:
        """Return the changes of a collection after *since*.

        Args:
            token: The reader's access token.
            app_id: The app, such as ``todo``.
            collection: The table, such as ``tasks``.
            since: The cursor of the page before; empty for the first one.
            space_id: Only this space; without it, every space of the reader.
            limit: At most this many, 1 to 1,000.

        Raises:
            NotAMemberError: The reader is not a member of *space_id*.
            UnauthenticatedError: The token is not valid, or not any more.
            ServiceUnavailableError: The service did not answer.
        """
        query: dict[str, str | int] = {
            "collection": collection,
            "since": since or START,
            "limit": limit,
        }
        if space_id is not None:
            query["spaceId"] = space_id
        answer = await self._ask(
            SyncAnswer,
            "GET",
            f"/sync/{quote(app_id, safe='')}/pull",
            headers=_bearer(token),
            params=query,
        )
        return Page(tuple(answer.server_changes), answer.synced_until, answer.has_more)

    async def forget_user(self, service_key: str, user_id: str) -> int:
        """Remove what a user wrote, but for what lies in spaces that others are in too.

        To be called while their account still stands, or nobody knows which spaces those are.

        Returns:
            How many changes went.

        Raises:
            UnauthenticatedError: The service key is wrong.
            ServiceUnavailableError: The service did not answer.
        """
        answer = await self._ask(
            ForgottenAnswer,
            "DELETE",
            f"/api/v1/internal/users/{quote(user_id, safe='')}/changes",
            headers={"x-service-key": service_key},
        )
        return answer.deleted

    async def _ask(
        self,
        expected: type[Answer],
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        content: bytes | None = None,
        params: dict[str, str | int] | None = None,
    ) -> Answer:
        try:
            response = await self._http.request(
                method, self._base_url + path, headers=headers, content=content, params=params
            )
        except httpx.HTTPError as error:
            raise ServiceUnavailableError(
                f"the sync service did not answer ({type(error).__name__}); try again later"
            ) from error
        if not response.is_success:
            raise _refusal(response)
        try:
            return expected.model_validate(response.json())
        except ValueError:
            raise ProtocolError(
                f"the sync service answered {method} with something that is no {expected.__name__}"
            ) from None


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _newest(changes: Sequence[Change]) -> str:
    stamps = [instant_of(change.deleted_at) for change in changes]
    for change in changes:
        stamps += [instant_of(update.updated_at) for update in (change.fields or {}).values()]
        stamps += [instant_of((change.data or {}).get(name)) for name in ("createdAt", "updatedAt")]
    return canonical_stamp(max(stamps, default=NEVER)) or START


def _refusal(response: httpx.Response) -> ManaLabError:
    code: str | None = None
    message = response.text[:_LONGEST_MESSAGE]
    try:
        complaint = Complaint.model_validate(response.json())
        code, message = complaint.error, complaint.message
    except ValueError:
        pass
    fallback = f"the sync service answered {response.status_code}"
    return error_from_wire(response.status_code, code, message or fallback)
