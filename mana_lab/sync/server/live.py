"""Routes that stay open: changes as server-sent events, and notifications over a WebSocket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response, WebSocket
from fastapi.responses import StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from mana_lab.crypto import TokenVerifier, bearer_token
from mana_lab.errors import InvalidInputError
from mana_lab.sync.server.access import Access
from mana_lab.sync.server.cursor import read_since
from mana_lab.sync.server.description import BEARER, AppId
from mana_lab.sync.server.events import changes_as_events
from mana_lab.sync.server.log import ChangeLog
from mana_lab.sync.server.names import check_table
from mana_lab.sync.server.notices import Notices
from mana_lab.sync.server.reader import Reader
from mana_lab.sync.server.sockets import Conversation

MOST_COLLECTIONS = 200
"""How many collections one stream may name."""

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `changes`, `heartbeat` and `error`, without end",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}


@dataclass(frozen=True)
class Patience:
    """How long connections that stay open wait, in seconds.

    Attributes:
        heartbeat_s: For changes, before a client is told that it is still connected. After that
            time the log is looked at in any case, so a change of another process shows too.
        token_s: For the token of a WebSocket.
    """

    heartbeat_s: float = 30.0
    token_s: float = 10.0


@dataclass(frozen=True)
class Ground:
    """What the routes that stay open stand on.

    Attributes:
        log: Where the changes are.
        access: Which spaces somebody may read.
        verifier: Judges tokens.
        notices: Tells when there is something new.
        patience: How long to wait.
    """

    log: ChangeLog
    access: Access
    verifier: TokenVerifier
    notices: Notices
    patience: Patience

    def reader(self, token: str = "") -> Reader:
        """Return somebody with that token, or whose token is still to come."""
        return Reader(token, self.verifier, self.access)


def live_routers(
    ground: Ground, refusals: dict[int | str, dict[str, Any]]
) -> tuple[APIRouter, ...]:
    """Return the routes that stay open, and the figures about who is connected.

    Args:
        ground: What they stand on.
        refusals: What is documented of the answers to requests that are refused.
    """
    return _events(ground, refusals), _sockets(ground), _figures(ground.notices)


def _events(ground: Ground, refusals: dict[int | str, dict[str, Any]]) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/sync/{app_id}/stream",
        responses=refusals | _EVENTS,
        response_class=StreamingResponse,
        dependencies=[BEARER],
    )
    async def stream(
        request: Request,
        app_id: AppId,
        collections: str = "",
        since: str = "",
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        """Send the changes after a cursor, and then every change as it is committed."""
        reader = ground.reader(bearer_token(request.scope["headers"]))
        check_table("appId", app_id)
        tables = _tables(collections)
        position = read_since(last_event_id or since)
        await reader.spaces()
        events = changes_as_events(
            reader,
            ground.log,
            ground.notices,
            app_id=app_id,
            tables=tables,
            since=position,
            heartbeat_s=ground.patience.heartbeat_s,
        )
        quiet = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=quiet)

    return router


def _sockets(ground: Ground) -> APIRouter:
    router = APIRouter()

    @router.websocket("/ws")
    @router.websocket("/ws/{app_id}")
    async def notify(socket: WebSocket, app_id: str | None = None) -> None:
        await socket.accept()
        await Conversation(
            socket,
            ground.reader(),
            ground.log,
            ground.notices,
            app_id=app_id,
            patience_s=ground.patience.token_s,
            look_every_s=ground.patience.heartbeat_s,
        ).hold()

    return router


def _figures(notices: Notices) -> APIRouter:
    router, registry = APIRouter(), CollectorRegistry()
    for name, said, count in (
        ("mana_sync_connections_total", "Connections that wait", lambda: notices.connections),
        ("mana_sync_users_connected", "Users that they belong to", lambda: notices.users),
    ):
        Gauge(name, said, registry=registry).set_function(count)

    @router.get("/metrics", responses=_TEXT, response_class=Response)
    async def metrics() -> Response:
        """Tell how many are connected, in the text format of Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _tables(collections: str) -> list[str]:
    names = [name for name in collections.split(",") if name]
    if len(names) > MOST_COLLECTIONS:
        raise InvalidInputError(
            f"collections: got {len(names)}, at most {MOST_COLLECTIONS} can be named; leave it "
            "out for all"
        )
    return [check_table("collections", name) for name in names]
