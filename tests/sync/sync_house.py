"""The sync service on a database of its own, with real tokens and a table of memberships."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from store_house import SqliteHome

from mana_lab.clock import Clock, ManualClock, iso_millis
from mana_lab.crypto import SigningKey, TokenVerifier, sign
from mana_lab.errors import ServiceUnavailableError, SessionEndedError
from mana_lab.storage import Store
from mana_lab.sync import Change, Replica, SyncClient
from mana_lab.sync.server import create_app
from mana_lab.sync.server.tables import sync_changes
from mana_lab.web.serving import listen, serve

BASE = "http://sync.test"
ISSUER = "http://identity.test"
SERVICE_KEY = "a service key of the tests"
FLAT = "org-flat"
CLUB = "org-club"


class Members:
    """Who is a member of what, as the test says."""

    def __init__(self, **spaces):
        self.spaces = {user: set(ids) for user, ids in spaces.items()}
        self.is_down = False
        self.ended = set()

    async def spaces_of(self, user_id, session_id):
        if self.is_down:
            raise ServiceUnavailableError("nobody knows")
        if session_id in self.ended:
            raise SessionEndedError("signed out")
        return frozenset(self.spaces.get(user_id, ()))

    async def spaces_that_stay(self, user_id):
        others = set().union(*(ids for user, ids in self.spaces.items() if user != user_id))
        return frozenset(await self.spaces_of(user_id, "") & others)


@dataclass
class House:
    app: object
    http: httpx.AsyncClient
    store: Store
    clock: ManualClock
    members: Members
    key: SigningKey = field(repr=False)
    home: SqliteHome | None = None

    def tamper(self, statement):
        """Change the database as only its administrator could."""
        with self.home.connected("sync") as connection:
            connection.execute(statement)

    def rows(self):
        """Return the whole log, whoever's the changes are."""
        return sorted(self.home.rows("sync", sync_changes), key=lambda row: row.seq)

    def token(self, user="anna", **other):
        now = int(self.clock.now().timestamp())
        claims = {"sub": user, "iss": ISSUER, "aud": "mana", "iat": now, "exp": now + 900}
        return sign(claims | other, self.key)

    def bearer(self, user="anna"):
        return {"authorization": f"Bearer {self.token(user)}"}

    def now(self):
        return iso_millis(self.clock.now())

    async def push(self, *changes, user="anna", app="todo", headers=(), **envelope):
        """Push plain members and return the answer."""
        body = {"clientId": "phone", "since": "", "changes": list(changes)} | envelope
        return await self.push_raw(json.dumps(body), user=user, app=app, headers=headers)

    async def push_raw(self, body, *, user="anna", app="todo", headers=()):
        return await self.http.post(
            f"/sync/{app}", content=body, headers=self.bearer(user) | dict(headers)
        )

    async def pull(self, user="anna", *, app="todo", collection="tasks", **query):
        return await self.http.get(
            f"/sync/{app}/pull",
            params={"collection": collection} | query,
            headers=self.bearer(user),
        )

    async def pull_ids(self, user="anna", **query):
        """Pull one page and return the ids of its records."""
        answer = await self.pull(user, **query)
        assert answer.status_code == 200, answer.text
        return [change["id"] for change in answer.json()["serverChanges"]]

    def client(self, client_id="lab"):
        return SyncClient(BASE, self.http, client_id)

    def replica(self, space_id=FLAT, *, client_id="lab", collection="tasks"):
        return Replica(self.client(client_id), "todo", collection, space_id)


def insertion(record_id="1", table="tasks", **other):
    """Return the members of an insert, as a browser sends them."""
    data = {"id": record_id, "title": "Milk", "createdAt": "2026-01-05T00:00:00.000Z"}
    return {"table": table, "id": record_id, "op": "insert", "data": data} | other


def task(record_id, stamp, *, event_id=None, **fields):
    """Return the insert of a task, stamped."""
    data = {"id": record_id, **fields, "createdAt": stamp, "updatedAt": stamp}
    return Change.to_insert("tasks", record_id, data, event_id=event_id)


def verifier(key: SigningKey, clock: Clock) -> TokenVerifier:
    """Return a verifier that fetches the public half of *key* over HTTP."""

    async def jwks(_request):
        return JSONResponse({"keys": [key.public_jwk()]})

    issuer = Starlette(routes=[Route("/api/auth/jwks", jwks)])
    http = httpx.AsyncClient(transport=httpx.ASGITransport(issuer), base_url=ISSUER)
    return TokenVerifier(
        f"{ISSUER}/api/auth/jwks", http, issuer=ISSUER, audience=("mana", "sync"), clock=clock
    )


@asynccontextmanager
async def on_a_port(app):
    """Serve *app* on a port of its own; yields host and port."""
    ready, sock = asyncio.Event(), listen("127.0.0.1", 0)
    task = asyncio.create_task(serve(app, sock, on_ready=ready.set, websockets=True))
    await ready.wait()
    try:
        yield f"127.0.0.1:{sock.getsockname()[1]}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def make_app(store, clock, key, members, **other):
    return create_app(
        store,
        clock=clock,
        verifier=verifier(key, clock),
        memberships=members,
        service_key=SERVICE_KEY,
        **other,
    )
