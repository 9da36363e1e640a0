"""The sync service as a web application."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.security import APIKeyHeader
from opentelemetry.trace import TracerProvider

from mana_lab.clock import Clock, iso_millis
from mana_lab.crypto import Claims, TokenVerifier, bearer_token
from mana_lab.errors import SettingsError, UnauthenticatedError
from mana_lab.storage import Store
from mana_lab.sync.server.access import Access, MembershipSource, single_use_of
from mana_lab.sync.server.admission import admit
from mana_lab.sync.server.cursor import encode_cursor, read_since
from mana_lab.sync.server.description import BEARER, CLIENT, NAME, TABLE, AppId, push_body
from mana_lab.sync.server.live import Ground, Patience, live_routers
from mana_lab.sync.server.log import ChangeLog, LogPage
from mana_lab.sync.server.names import check_name, check_table
from mana_lab.sync.server.notices import Notices
from mana_lab.sync.server.rendering import answer_text
from mana_lab.sync.wire import Complaint, ForgottenAnswer, SyncAnswer, WireModel, to_json
from mana_lab.web import BodyLimit, TracedApp, Tracing
from mana_lab.web.handlers import answer_errors

BODY_BYTES = 10 * 1024 * 1024
"""Longest request body, in bytes."""
MAX_PAGE = 1000
"""The most changes of one answer."""

_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Complaint} for status in ("4XX", "503")
}
_SERVICE_KEY = Depends(APIKeyHeader(name="X-Service-Key", auto_error=False))


def create_app(
    store: Store,
    *,
    clock: Clock,
    verifier: TokenVerifier,
    memberships: MembershipSource,
    service_key: str,
    notices: Notices | None = None,
    patience: Patience | None = None,
    tracer_provider: TracerProvider | None = None,
) -> FastAPI:
    """Return the sync service.

    Args:
        store: Opened with this package's ``METADATA``; it stays the caller's.
        clock: Whose ``now`` dates rows and judges stamps.
        verifier: Judges access tokens: the users' own, and such as are exchanged for sync.
        memberships: Knows who is a member of which spaces.
        service_key: What other services show to remove a deleted user's changes.
        notices: Who waits for changes; shared by the services of one store, so that what one of
            them appends is heard at the others at once.
        patience: How long connections that stay open wait; by default as in the original.
        tracer_provider: Where the spans of requests go; None makes none.

    Raises:
        SettingsError: The service key is empty.
    """
    if not service_key:
        raise SettingsError("the sync service needs a service key that is not empty")
    app = FastAPI(
        title="Mana sync", version="1", docs_url=None, redoc_url=None, redirect_slashes=False
    )
    answer_errors(app)
    app.add_middleware(BodyLimit, limit=BODY_BYTES)
    if tracer_provider is not None:
        app.add_middleware(TracedApp, tracing=Tracing("mana-sync", tracer_provider))
    log, access = ChangeLog(store, clock), Access(memberships)
    notices = notices or Notices()
    ground = Ground(log, access, verifier, notices, patience or Patience())
    for router in (
        _sync_routes(log, access, clock, verifier, notices),
        *live_routers(ground, _REFUSALS),
        _service_routes(log, memberships, service_key, clock, notices),
    ):
        # Including a router would build its routes a second time.
        app.router.routes.extend(router.routes)
    return app


def _sync_routes(
    log: ChangeLog, access: Access, clock: Clock, verifier: TokenVerifier, notices: Notices
) -> APIRouter:
    router = APIRouter(prefix="/sync/{app_id}", responses=_REFUSALS, dependencies=[BEARER])
    claims_of = _judge_of(verifier)

    @router.post("", response_model=SyncAnswer, openapi_extra=push_body())
    async def push(
        claims: Annotated[Claims, Depends(claims_of)],
        app_id: AppId,
        request: Request,
        x_client_id: Annotated[str, Header(json_schema_extra=CLIENT)] = "",
    ) -> Response:
        """Store changes, all or none, and answer with what happened since."""
        check_table("appId", app_id)
        token = single_use_of(claims)
        changeset = await admit(await request.body(), x_client_id, clock.now())
        since = read_since(changeset.since)
        spaces = await access.spaces_for(claims, changeset.changes)
        readable = await access.reach(claims)
        client_id = changeset.client_id or ""
        if await log.append(claims.sub, app_id, client_id, changeset.changes, spaces, token):
            notices.announce(spaces)
        return _answer(await log.page(claims.sub, app_id, readable, since, MAX_PAGE))

    @router.get("/pull", response_model=SyncAnswer)
    async def pull(
        claims: Annotated[Claims, Depends(claims_of)],
        app_id: AppId,
        collection: Annotated[str, Query(json_schema_extra=TABLE)],
        since: str = "",
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
        space_id: Annotated[str | None, Query(alias="spaceId", json_schema_extra=NAME)] = None,
    ) -> Response:
        """Return the changes of one collection after a cursor."""
        check_table("appId", app_id)
        check_table("collection", collection)
        position = read_since(since)
        readable = await access.readable(claims, space_id)
        return _answer(await log.page(claims.sub, app_id, readable, position, limit, [collection]))

    return router


def _judge_of(verifier: TokenVerifier) -> Callable[[Request], Awaitable[Claims]]:
    async def claims_of(request: Request) -> Claims:
        return await verifier.verify(bearer_token(request.scope["headers"]))

    return claims_of


def _service_routes(
    log: ChangeLog,
    memberships: MembershipSource,
    service_key: str,
    clock: Clock,
    notices: Notices,
) -> APIRouter:
    router = APIRouter()

    def service(shown: Annotated[str | None, _SERVICE_KEY]) -> None:
        if not hmac.compare_digest((shown or "").encode(), service_key.encode()):
            raise UnauthenticatedError("send the header X-Service-Key with the service's key")

    @router.get("/health")
    async def health() -> dict[str, str | int]:
        """Tell that the service is alive, and who waits for changes."""
        return {
            "status": "ok",
            "service": "mana-sync",
            "timestamp": iso_millis(clock.now()),
            "connections": notices.connections,
            "users": notices.users,
        }

    @router.delete(
        "/api/v1/internal/users/{user_id}/changes",
        dependencies=[Depends(service)],
        response_model=ForgottenAnswer,
        responses=_REFUSALS,
    )
    async def forget(user_id: Annotated[str, Path(json_schema_extra=NAME)]) -> Response:
        """Remove what a user wrote, but for what lies in spaces that others are in too."""
        check_name("userId", user_id)
        staying = await memberships.spaces_that_stay(user_id)
        return _json(ForgottenAnswer(deleted=await log.forget_user(user_id, staying)))

    return router


def _answer(page: LogPage) -> Response:
    text = answer_text(
        [change.text for change in page.changes], encode_cursor(page.seq), has_more=page.has_more
    )
    return Response(text, media_type="application/json")


def _json(message: WireModel) -> Response:
    return Response(to_json(message), media_type="application/json")
