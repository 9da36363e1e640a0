"""The process of the runner's service: its parts put together, at work and served on a socket."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
from starlette.types import ASGIApp

from mana_lab.clock import SystemClock
from mana_lab.identity.client import IdentityClient
from mana_lab.runner.brains import SCRIPTED, Sharing, brain_of
from mana_lab.runner.budget import Budget
from mana_lab.runner.claims import Holder
from mana_lab.runner.door import ManaDoor
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.ledger import METADATA, Ledger
from mana_lab.runner.service.app import create_app
from mana_lab.runner.service.diagnosis import Diagnosis
from mana_lab.runner.service.duty import Drained, Duty
from mana_lab.runner.terms import Terms
from mana_lab.runner.tick import House
from mana_lab.settings import Settings, revealed
from mana_lab.storage import Store
from mana_lab.storage.folders import hold_folder
from mana_lab.web.serving import OnReady, serve

DEFAULT_GRACE_S: Final = 30.0
"""How long ticks may take to end when the runner stops, in seconds."""

_MCP_PATH = "/mcp"
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Order:
    """What a process of the runner is told to be.

    Attributes:
        settings: Of the environment and the command line.
        data: Folder of the runner's own ledger, where no PostgreSQL is named.
        seed: What the randomness of ticks derives from.
        brain: Who plays the personas.
        budget: What models may take.
        grace_s: How long ticks may take to end when it stops, in seconds.

    Raises:
        SettingsError: A secret is missing, or is one that everybody knows.
    """

    settings: Settings
    data: Path
    seed: int
    brain: str = SCRIPTED
    budget: Budget = field(default_factory=Budget)
    grace_s: float = DEFAULT_GRACE_S

    def __post_init__(self) -> None:
        self.settings.internal_key()
        self.seed_secret()

    def seed_secret(self) -> str:
        """Return what the personas' passwords derive from."""
        return self.settings.seed_secret_for(self.settings.auth_url)

    @property
    def gateway_url(self) -> str:
        """Where the gateway is, without the path of its MCP endpoint."""
        return self.settings.mcp_url.rstrip("/").removesuffix(_MCP_PATH)


async def serve_runner(order: Order, sock: socket.socket, on_ready: OnReady) -> Drained:
    """Have personas live their ticks until this is cancelled; then let ticks end, and stop.

    Cancelled once more, it waits for none of them.

    Args:
        order: What to be.
        sock: A listening socket; closed at the end.
        on_ready: Called as soon as requests are answered.

    Returns:
        What became of the ticks that were under way.

    Raises:
        SettingsError: The brain or the folder cannot be used.
        LabBusyError: Another runner works in the folder.
        InfrastructureError: The ledger cannot be used, or the app did not start.
    """
    async with AsyncExitStack() as stack:
        stack.callback(sock.close)
        duty, app = await stack.enter_async_context(_put_together(order))
        await duty.begin()
        return await at_work(duty, app, sock, on_ready=on_ready, grace_s=order.grace_s)


async def at_work(
    duty: Duty, app: ASGIApp, sock: socket.socket, *, on_ready: OnReady, grace_s: float
) -> Drained:
    """Work and serve until this is cancelled, then drain; requests are answered meanwhile.

    Cancelled once more, it waits for no tick.

    Args:
        duty: The runner; its run has begun.
        app: Its routes.
        sock: A listening socket; closed at the end.
        on_ready: Called as soon as requests are answered.
        grace_s: How long ticks may take to end, in seconds.
    """
    serving = asyncio.create_task(serve(app, sock, on_ready=on_ready))
    working = asyncio.create_task(duty.work())
    with suppress(asyncio.CancelledError):
        await asyncio.wait([serving, working], return_when=asyncio.FIRST_COMPLETED)
    working.cancel()
    draining = asyncio.create_task(duty.drain(grace_s))
    while not draining.done():
        try:
            await asyncio.wait([draining])
        except asyncio.CancelledError:
            duty.draining.over.set()
    serving.cancel()
    await asyncio.wait([serving, working])
    for task in (serving, working):
        if not task.cancelled():
            task.result()
    return draining.result()


@asynccontextmanager
async def _put_together(order: Order) -> AsyncIterator[tuple[Duty, ASGIApp]]:
    settings, clock = order.settings, SystemClock()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=_TIMEOUT_S))
        identity = IdentityClient(settings.auth_url, http)
        endpoint = Endpoint(order.gateway_url + _MCP_PATH, clock=clock)
        stack.push_async_callback(endpoint.close)
        ledger, sharing = await stack.enter_async_context(_ledger(order))
        brain = await stack.enter_async_context(brain_of(order.brain, sharing))
        door = ManaDoor(identity, order.seed_secret(), endpoint, clock)
        key = settings.internal_key()
        house = House(identity, key, door)
        duty = Duty(
            house,
            ledger,
            Terms(brain, settings.persona_concurrency, order.budget),
            clock=clock,
            seed=order.seed,
            interval_s=settings.tick_interval_ms / 1000,
            paused=settings.runner_paused,
        )
        app = create_app(
            duty,
            {
                "ledger": ledger.is_well,
                "identity": identity.health,
                "gateway": partial(_answers, http, f"{order.gateway_url}/health"),
            },
            clock=clock,
            diagnosis=None
            if settings.production
            else Diagnosis(identity, key, duty, order.seed_secret()),
            control_token=revealed(settings.runner_token),
            metrics_token=revealed(settings.metrics_token),
        )
        yield duty, app


@asynccontextmanager
async def _ledger(order: Order) -> AsyncIterator[tuple[Ledger, Sharing | None]]:
    """Open the ledger: a PostgreSQL that others may share, or a file of this process alone."""
    name = f"runner {uuid.uuid4()}"
    url = revealed(order.settings.database_url)
    if url is not None:
        async with await Store.open(url, METADATA) as store:
            yield Ledger(store, Holder(name)), Sharing(store, name)
        return
    lock = hold_folder(
        order.data,
        called="the runner's folder",
        busy=f"another runner works in {order.data}; stop it, or give this one its own --data",
    )
    with lock:
        path = order.data.resolve() / "ledger.db"
        async with await Store.open(f"sqlite:///{path}", METADATA) as store:
            yield Ledger(store, Holder(name, alone=True)), None


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    return (await http.get(url)).status_code == HTTPStatus.OK
