"""A whole app with people in it, opened again and again from one copy of their first day."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
from gateway_house import PASSWORD, House, TestTools, open_house, schema_with
from sqlalchemy import func, select
from test_gateway_with_tools import open_sync

from mana_lab import gateway
from mana_lab.clock import ManualClock
from mana_lab.crypto import KeyRing
from mana_lab.gateway.tables import ATTEMPTS
from mana_lab.registry import ADMITTED, Done, Registry, ToolContext, ToolInput, tool
from mana_lab.registry.keys import ring_of
from mana_lab.storage import Store
from mana_lab.sync import server as sync_server
from mana_lab.tools import default_registry

PEOPLE = ("anna", "ben", "cara")
NEVER_S = 1e9
CHANGES = sync_server.METADATA.tables["sync_changes"]
_WITH_LEAVE = ("notes.delete", "todo.delete")
_MEMORY_DISK = Path("/dev/shm")

acting: ContextVar[str] = ContextVar("acting", default="nobody")
"""Who sends the request that is being answered: record ids come from a sequence of their own."""


class Told(ToolInput):
    text: str


schema_with(Told, text="What to say, again and again.")


@tool("test.tell", policy_hint="read", reports_progress=True)
async def tell(given: Told, ctx: ToolContext) -> Done:
    """Say something while it is being done."""
    for step in range(1, 4):
        await ctx.progress(step, 3, given.text)
        await asyncio.sleep(0)
    return Done()


def registry() -> Registry:
    """Return the app's tools, one that says who calls, and one that reports."""
    echo = TestTools().registry().get("test.echo")
    admitted = {kind: modules and modules | {"test"} for kind, modules in ADMITTED.items()}
    return Registry([*default_registry(), echo, tell], admitted=admitted)


@dataclass
class SignIn:
    """A session at the identity service; its tokens live and die with it."""

    id: int
    user: str
    ended_at: float | None = None


@dataclass(frozen=True)
class Login:
    """A token of a session."""

    sign_in: SignIn
    token: str
    refresh_token: str
    expires_at: float

    @property
    def user(self) -> str:
        return self.sign_in.user


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a vault."""

    name: str
    id: str
    email: str
    personal_space: str


@dataclass(frozen=True)
class FirstDay:
    """Folders with everybody's accounts, and what they were told when they got them.

    Attributes:
        folder: The databases.
        people: By name.
        team: A space of all but the last one, in which notes may be deleted.
        tokens: Everybody's first token and session token.
    """

    folder: Path
    people: dict[str, Person]
    team: str
    tokens: dict[str, tuple[str, str]]


@dataclass
class Mana:
    """The app as it is being used."""

    house: House
    app: object
    clock: ManualClock
    sync_store: Store
    day: FirstDay

    @property
    def identity(self):
        return self.house.identity

    async def login(self, name: str) -> tuple[str, str]:
        """Sign in; return the token and the session token."""
        login = await self.identity.login(self.day.people[name].email, PASSWORD)
        return login.access_token, login.refresh_token

    async def pushes(self) -> dict[str, int]:
        """Return how many changes the sync service has of each user."""
        counted = select(CHANGES.c.user_id, func.count()).group_by(CHANGES.c.user_id)
        rows = await self.sync_store.read(lambda c: c.execute(counted).all())
        return dict(tuple(row) for row in rows)

    async def audited(self, *outcomes: str) -> dict[str, int]:
        """Return how many calls of writing tools ended so, by user."""
        await gateway.log_of(self.app).flush()
        writing = [spec.name for spec in registry() if spec.policy_hint != "read"]
        query = select(ATTEMPTS.c.principal, func.count()).group_by(ATTEMPTS.c.principal)
        query = query.where(ATTEMPTS.c.outcome.in_(outcomes), ATTEMPTS.c.tool.in_(writing))
        rows = await self.house.memory.store.read(lambda c: c.execute(query).all())
        return dict(tuple(row) for row in rows)

    async def keys_of(self, name: str) -> KeyRing:
        """Return what a user's values are encrypted with."""
        token, _ = await self.login(name)
        return ring_of(await self.identity.vault_key(token))

    async def stored(self) -> list[dict]:
        """Return all that the sync service has, in the order of its arrival."""
        query = select(CHANGES).order_by(CHANGES.c.seq)
        return await self.sync_store.read(
            lambda connection: [dict(row) for row in connection.execute(query).mappings()]
        )


def ids_by(seed: int):
    """Return a source of record ids in which nobody's depend on what others do."""
    sources: dict[str, Random] = {}

    def draw() -> uuid.UUID:
        name = acting.get()
        source = sources.setdefault(name, Random(f"{seed}/{name}"))
        return uuid.UUID(int=source.getrandbits(128), version=4)

    return draw


@contextmanager
def folder():
    """Make a folder in memory where there is such a place: these databases need not last."""
    place = _MEMORY_DISK if _MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="mana-isolation-", dir=place) as made:
        yield Path(made)


async def first_day(where: Path, people=PEOPLE) -> FirstDay:
    """Let *people* sign up in *where*; all but the last one share a space."""
    async with _opened(where, ManualClock(), seed=0) as (house, _):
        users = {name: await house.user(name) for name in people}
        for user in users.values():
            await house.identity.vault_init(user.token)
        first, *others = [users[name] for name in people[:-1]]
        team = await house.share("Team", first, *others)
        await house.identity.set_space_policy(first.token, team, _WITH_LEAVE, acknowledged=True)
        logins = {name: await house.identity.login(users[name].email, PASSWORD) for name in people}
    return FirstDay(
        where,
        {
            name: Person(name, user.id, user.email, user.personal_space)
            for name, user in users.items()
        },
        team,
        {name: (login.access_token, login.refresh_token) for name, login in logins.items()},
    )


@asynccontextmanager
async def open_mana(day: FirstDay, *, seed: int = 0, **limits):
    """Open the app as it was at the end of that day."""
    clock = ManualClock()
    with folder() as where:
        for database in day.folder.glob("*.db"):
            shutil.copy(database, where)
        async with _opened(where, clock, seed=seed, **limits) as (house, sync_store):
            yield Mana(house, house.app, clock, sync_store, day)


@asynccontextmanager
async def _opened(where, clock, *, seed, **limits):
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(
            open_house(where, clock, registry=registry(), random=ids_by(seed), **limits)
        )
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(house.identity_service))
        )
        store, house.sync_service.app = await open_sync(where, clock, http)
        stack.push_async_callback(store.close)
        yield house, store
