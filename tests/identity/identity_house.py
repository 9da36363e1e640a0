"""An identity service on a database of its own, and people and personas in it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI
from sqlalchemy import Executable, Table
from store_house import SqliteHome

from mana_lab.clock import ManualClock
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.server import (
    METADATA,
    AdminAccount,
    IdentityConfig,
    PasswordCost,
    create_app,
    prepare,
)
from mana_lab.identity.wire import ActionRecord, FeedbackRecord, PersonaUpsert
from mana_lab.storage import Store

BASE = "http://identity.test"
PASSWORD = "correct horse battery"
SERVICE_KEY = "service-key-of-the-tests"
ADMIN = AdminAccount("Operator@mana.test", "operator of the tests")
WRITTEN_AT = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)


def identity_config(**changes) -> IdentityConfig:
    values = {
        "issuer": BASE,
        "kek": bytes(range(32)),
        "service_key": SERVICE_KEY,
        "admin": ADMIN,
        "password_cost": PasswordCost(n=16, r=1, p=1),
    }
    return IdentityConfig(**(values | changes))


@dataclass
class House:
    """The service under test and what reaches it."""

    store: Store
    config: IdentityConfig
    app: FastAPI
    http: httpx.AsyncClient
    identity: IdentityClient
    clock: ManualClock
    home: SqliteHome

    async def person(self, email="anna@example.test", **more):
        """Sign somebody up and in."""
        await self.identity.register(email, PASSWORD, **more)
        return await self.identity.login(email, PASSWORD)

    async def team(self, owner, *others, slug="team", kind="team"):
        """Make a shared space; the others come in by invitation, each as a role or a member."""
        space = await self.identity.create_space(owner.access_token, "Team", slug, kind)
        for other in others:
            login, role = other if isinstance(other, tuple) else (other, "member")
            await self.come_in(owner, login, space.id, role)
        return space.id

    async def come_in(self, host, guest, space, role="member"):
        """Have somebody invited, and accept."""
        asked = await self.identity.invite(host.access_token, space, guest.user.email, role)
        answer = await self.identity.accept_invitation(guest.access_token, asked.id)
        return answer.member

    async def roles(self, login, space):
        """Return who is what in a space, by their first names."""
        members = await self.identity.members(login.access_token, space)
        return {each.user.email.partition("@")[0]: each.role for each in members}

    async def admin(self) -> str:
        """Return an administrator's token."""
        return (await self.identity.login(ADMIN.email, ADMIN.password)).access_token

    async def persona(self, who="ben", **changes):
        """Make a persona, and return what the service answered."""
        return await self.identity.upsert_persona(await self.admin(), persona(who, **changes))

    async def due(self) -> list[str]:
        """Return whose tick is due, by their first names."""
        found = await self.identity.due_personas(SERVICE_KEY)
        return [each.email.partition("@")[0] for each in found.personas]

    def tamper(self, statement: Executable) -> None:
        """Change the database as only its administrator could."""
        with self.home.connected("identity") as connection:
            connection.execute(statement)

    async def rows(self, table: Table):
        """Return all rows of a table, whoever's they are."""
        return self.home.rows("identity", table)


@asynccontextmanager
async def open_house(home: SqliteHome, clock: ManualClock, **changes):
    config = identity_config(**changes)
    async with await Store.open(home.url("identity"), METADATA) as store:
        await prepare(store, config, clock)
        app = create_app(store, config, clock=clock, wall_clock=ManualClock(WRITTEN_AT))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url=BASE
        ) as http:
            yield House(store, config, app, http, IdentityClient(BASE, http), clock, home)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def service(key=SERVICE_KEY):
    return {"X-Service-Key": key}


def persona(who="ben", **changes) -> PersonaUpsert:
    values = {
        "email": f"{who}@mana.test",
        "name": who.title(),
        "password": PASSWORD,
        "archetype": "student",
        "system_prompt": f"You are {who}.",
        "module_mix": {"todo": 0.7, "notes": 0.3},
        "tick_cadence": "daily",
        "timezone": "Europe/Berlin",
        "language": "de",
    }
    return PersonaUpsert(**(values | changes))


def action(seq=0, tool="todo.create", **changes) -> ActionRecord:
    values = {"tick_id": "tick-1", "seq": seq, "tool_name": tool, "result": "ok"}
    return ActionRecord(**(values | changes))


def rating(module="todo", stars=4, **changes) -> FeedbackRecord:
    values = {"tick_id": "tick-1", "module": module, "rating": stars}
    return FeedbackRecord(**(values | changes))
