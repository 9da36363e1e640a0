"""Working: one shard is lived, with nothing but its file and its secrets."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack

import httpx

from mana_lab.clock import SimulatedClock, SystemClock
from mana_lab.identity.client import IdentityClient
from mana_lab.runner.brains import Sharing, brain_of
from mana_lab.runner.claims import Holder
from mana_lab.runner.door import ManaDoor
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.fleet import Fleet
from mana_lab.runner.ledger import METADATA, Ledger
from mana_lab.runner.run import RunStatus
from mana_lab.runner.shards.access import Access
from mana_lab.runner.shards.shard import Shard
from mana_lab.runner.terms import Progress, Release, Terms
from mana_lab.runner.tick import House
from mana_lab.storage import Store

_TIMEOUT_S = 60.0
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=256)


async def live(
    shard: Shard,
    access: Access,
    *,
    on_progress: Progress | None = None,
    on_release: Release | None = None,
) -> RunStatus:
    """Live a part of a run to its end; again, it goes on where it was left.

    Cancelled, it lets the ticks that had begun wait for whoever lives the part next.

    Args:
        shard: The part.
        access: The secrets.
        on_progress: Told after each tick how many are done, and the simulated time.
        on_release: Told, when this is cancelled, how many of its ticks have ended, and
            how many had begun and wait.

    Returns:
        ``done``, or ``stopped`` where the run's budget did not admit more; the ledger has it too.

    Raises:
        SettingsError: There is no such brain, or something is missing that it needs.
        ManaLabError: Identity or the ledger cannot be reached; the part can go on later.
    """
    time = SystemClock()
    async with AsyncExitStack() as stack:
        store = await Store.open(access.ledger_url.get_secret_value(), METADATA)
        await stack.enter_async_context(store)
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=_TIMEOUT_S, limits=_LIMITS)
        )
        endpoint = Endpoint(shard.site.mcp_url, clock=time)
        stack.push_async_callback(endpoint.close)
        identity = IdentityClient(shard.site.auth_url, http)
        door = ManaDoor(identity, access.seed_secret.get_secret_value(), endpoint, time)
        house = House(identity, access.service_key.get_secret_value(), door)
        holder = f"shard {uuid.uuid4()}"
        brain = await stack.enter_async_context(brain_of(shard.brain, Sharing(store, holder)))
        ledger = Ledger(store, Holder(holder))
        fleet = Fleet(house, ledger, SimulatedClock(shard.starts_at))
        terms = Terms(brain, shard.concurrency, shard.budget, on_progress, on_release=on_release)
        plan = shard.plan(brain.name, brain.model)
        return await fleet.carry(shard.run_id, shard.number, shard.of, plan, terms)
