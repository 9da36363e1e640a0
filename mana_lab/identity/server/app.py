"""The identity service as a web application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider

from mana_lab.clock import Clock, SystemClock, iso_millis
from mana_lab.identity.server import (
    routes_admin,
    routes_auth,
    routes_exchange,
    routes_internal,
    routes_operator,
    routes_policies,
    routes_spaces,
    routes_vault,
)
from mana_lab.identity.server.access import Rooms
from mana_lab.identity.server.accounts import Accounts
from mana_lab.identity.server.activity import Activity
from mana_lab.identity.server.config import IdentityConfig
from mana_lab.identity.server.exchange import Exchange
from mana_lab.identity.server.invitations import Invitations
from mana_lab.identity.server.members import Members
from mana_lab.identity.server.passwords import PasswordHasher
from mana_lab.identity.server.personas import Personas
from mana_lab.identity.server.policies import Policies
from mana_lab.identity.server.sessions import Sessions
from mana_lab.identity.server.spaces import Spaces
from mana_lab.identity.server.tokens import Tokens
from mana_lab.identity.server.vaults import Vaults
from mana_lab.storage import Store
from mana_lab.web import BodyLimit, TracedApp, Tracing
from mana_lab.web.handlers import answer_errors

BODY_BYTES = 64 * 1024
"""Longest request body, in bytes, but for batches."""
BATCH_BYTES = 2 * 1024 * 1024
"""Longest batch of actions or ratings, in bytes."""
_ROUTES = (
    routes_auth,
    routes_exchange,
    routes_spaces,
    routes_policies,
    routes_vault,
    routes_admin,
    routes_internal,
    routes_operator,
)


def create_app(
    store: Store,
    config: IdentityConfig,
    *,
    clock: Clock,
    wall_clock: Clock | None = None,
    tracer_provider: TracerProvider | None = None,
) -> FastAPI:
    """Return the identity service.

    Args:
        store: Opened with this package's ``METADATA``.
        config: Issuer, keys and costs.
        clock: The lab's time.
        wall_clock: The moment of writing, for ``created_at`` of actions and ratings.
        tracer_provider: Where the spans of requests go; None makes none.
    """
    tokens = Tokens(store, config, clock)
    hasher = PasswordHasher(config.password_cost)
    accounts = Accounts(store, hasher, tokens, clock, config.max_daily_signups)
    rooms = Rooms(
        config,
        clock,
        store,
        tokens,
        accounts,
        Sessions(store, tokens, clock),
        Exchange(store, tokens, config.audience, clock),
        Spaces(store, clock),
        Members(store),
        Invitations(store, clock),
        Policies(store, clock, config.destructive_tools),
        Vaults(store, config.kek, clock),
        Personas(store, accounts, clock),
        Activity(store, clock=clock, wall_clock=wall_clock or SystemClock()),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await _prepare(rooms)
        yield

    app = FastAPI(title="Mana identity", version="1", lifespan=lifespan, redirect_slashes=False)
    app.state.rooms = rooms
    answer_errors(app)
    if tracer_provider is not None:
        app.add_middleware(TracedApp, tracing=Tracing("mana-auth", tracer_provider))
    app.add_middleware(
        BodyLimit, limit=BODY_BYTES, longer={"/actions": BATCH_BYTES, "/feedback": BATCH_BYTES}
    )
    for module in _ROUTES:
        # Including a router would build its routes anew for each application.
        app.router.routes.extend(module.router.routes)

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Tell that the service is alive."""
        return {"status": "ok", "service": "mana-auth", "timestamp": iso_millis(clock.now())}

    return app


async def prepare(store: Store, config: IdentityConfig, clock: Clock) -> None:
    """Make what a new service needs: the signing key and the operator's account; again is harmless.

    The application does this itself when its lifespan runs.
    """
    await _prepare(create_app(store, config, clock=clock).state.rooms)


async def _prepare(rooms: Rooms) -> None:
    await rooms.tokens.signing_key()
    if rooms.config.admin is not None:
        await rooms.accounts.ensure_admin(rooms.config.admin)
