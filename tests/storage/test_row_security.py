"""Row-level security holds by itself, and what would take it away is noticed.

The first test is what is held; those with mutants break one thing each and see the first one fail.
"""

import asyncio
import random

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from walls_house import REFUSED, attempt, carried, count, reached

from mana_lab.storage import RowScope, Store, postgres
from mana_lab.storage import roles as store_roles
from mana_lab.storage.postgres import PostgresDatabase
from mana_lab.storage.roles import APP_ROLE
from mana_lab.sync.server import METADATA
from mana_lab.sync.server.tables import sync_changes

ANNA = RowScope("anna")
EVE = RowScope("eve")
GUEST_OF_ANNA = RowScope("eve", frozenset({"space-anna", "space-eve"}))
ALL_ACTS = {"read", "lock", "update", "delete", "take", "give", "insert", "truncate"}


async def acts(url, scope=EVE):
    """Return what a store at *url* lets *scope* do to anna's changes."""
    async with await Store.open(url, METADATA) as store:
        found = await reached(store, METADATA, scope, "anna")
    return {name.removesuffix(" sync_changes") for name in found}


@pytest.fixture(params=["administrator", "owner", "guest"])
def url(request, written, roles):
    """Return the URL of a superuser, of the tables' owner, then of one who may only use them."""
    if request.param == "administrator":
        return written.url("")
    name = roles.make(member_of=APP_ROLE)
    if request.param == "owner":
        hand_over(written, name)
    return roles.url(name)


def hand_over(home, owner):
    """Make a role the owner of the log."""
    with home.connected("") as connection:
        for name in ("sync_changes", "sync_head", "store_writers", "alembic_version"):
            connection.execute(text(f"ALTER TABLE sync.{name} OWNER TO {owner}"))
        connection.execute(text(f"ALTER SCHEMA sync OWNER TO {owner}"))


def administer(home, *statements):
    with home.connected("") as connection:
        for statement in statements:
            connection.execute(text(statement))


async def test_a_scope_reaches_nothing_of_anybody_else(url):
    assert await acts(url) == set()


async def test_a_member_of_a_space_reads_it_and_no_more(url):
    assert await acts(url, GUEST_OF_ANNA) == {"read"}
    assert await acts(url, RowScope("eve", frozenset({"space-ben"}))) == set()


async def test_without_a_scope_nobody_reads_or_writes(url):
    async with await Store.open(url, METADATA) as store:
        for _ in range(2):
            assert await count(store, sync_changes, EVE) == 3
            assert await count(store, sync_changes, None) == 0
            for work in (update(sync_changes).values(op="insert"), sync_changes.delete()):
                assert await attempt(store, None, lambda c, w=work: c.execute(w).rowcount) == 0
            own = await store.read(lambda c: c.execute(select(sync_changes)).all(), scope=EVE)
            row = own[0]._asdict() | {"seq": 100, "id": "another"}
            copied = sync_changes.insert().values(row)
            assert await attempt(store, None, lambda c, w=copied: c.execute(w).rowcount) == REFUSED


# Mutants: each takes one thing away, and what the first tests look at has to show it.


async def test_an_owner_whom_row_security_is_not_forced_upon_reaches_everything(
    written, roles, monkeypatch
):
    owner = roles.make()
    hand_over(written, owner)
    _trust_everybody(monkeypatch)
    async with await Store.open(roles.url(owner), METADATA) as store:
        forced = await reached(store, METADATA, EVE, "anna")
        administer(written, "ALTER TABLE sync_changes NO FORCE ROW LEVEL SECURITY")
        free = await reached(store, METADATA, EVE, "anna")
    assert forced == {"truncate sync_changes"}  # which row security never looks at
    assert free == {f"{act} sync_changes" for act in ALL_ACTS}


@pytest.mark.parametrize("attributes", ["SUPERUSER", "BYPASSRLS"])
@pytest.mark.usefixtures("written")
async def test_a_role_that_is_not_bound_reaches_everything(roles, monkeypatch, attributes):
    role = roles.make(attributes, member_of=APP_ROLE)
    _trust_everybody(monkeypatch)
    assert await acts(roles.url(role)) >= ALL_ACTS - {"truncate"}


def _trust_everybody(monkeypatch):
    """Work as the role that logged in, whoever that is."""
    monkeypatch.setattr(store_roles, "choose_role", lambda *_: store_roles.SESSION_ROLE)
    monkeypatch.setattr(store_roles, "check_role", lambda *_: None)


SPACE_IDS = "string_to_array(current_setting('app.current_user_space_ids', true), chr(10))"
WEAKENED = {
    "it is off": (
        ["ALTER TABLE sync_changes DISABLE ROW LEVEL SECURITY"],
        ALL_ACTS - {"truncate"},
        ALL_ACTS - {"truncate"},
    ),
    "anybody may write": (
        ["ALTER POLICY sync_changes_user_isolation ON sync_changes WITH CHECK (true)"],
        {"insert"},
        {"insert", "give"},
    ),
    "anybody may read": (
        ["ALTER POLICY sync_changes_space_member_read ON sync_changes USING (true)"],
        {"read"},
        set(),
    ),
    "members may write": (
        [
            "ALTER POLICY sync_changes_space_member_read ON sync_changes RENAME TO for_select",
            f"CREATE POLICY for_all ON sync_changes USING (space_id = ANY ({SPACE_IDS}))",
        ],
        set(),
        ALL_ACTS - {"truncate"},
    ),
    "another policy lets others delete": (
        ["CREATE POLICY others ON sync_changes FOR DELETE USING (true)"],
        {"delete"},
        {"delete"},
    ),
    "it may be emptied": (
        [f"GRANT TRUNCATE ON sync_changes TO {APP_ROLE}"],
        {"truncate"},
        {"truncate"},
    ),
}


@pytest.mark.parametrize(("statements", "to_eve", "to_members"), WEAKENED.values(), ids=WEAKENED)
async def test_row_security_that_was_weakened_lets_others_in(
    written, statements, to_eve, to_members
):
    async with await Store.open(written.url(""), METADATA) as store:
        assert await reached(store, METADATA, EVE, "anna") == set()
        administer(written, *statements)
        found = [await reached(store, METADATA, who, "anna") for who in (EVE, GUEST_OF_ANNA)]
    assert found[0] == {f"{act} sync_changes" for act in to_eve}
    assert found[1] == {f"{act} sync_changes" for act in to_members | {"read"}}


# Connections that many people's work goes over.


@pytest.mark.usefixtures("written")
async def test_an_idle_connection_is_in_nobodys_scope(roles):
    url = roles.url(roles.make(member_of=APP_ROLE))
    async with await Store.open(url, METADATA) as store:
        assert await used(store) == {"anna": 3, "eve": 3}
        assert carried(store, sync_changes) == 0


@pytest.mark.usefixtures("written")
async def test_a_scope_set_for_longer_than_a_transaction_stays_on_the_connection(
    roles, monkeypatch
):
    lasting = postgres._BEGIN.replace("%(user_id)s, true", "%(user_id)s, false")
    assert lasting != postgres._BEGIN
    monkeypatch.setattr(postgres, "_BEGIN", lasting)
    url = roles.url(roles.make(member_of=APP_ROLE))
    async with await Store.open(url, METADATA) as store:
        await used(store)
        assert carried(store, sync_changes) > 0


async def used(store):
    """Have anna and eve read and write over every connection, and return what they saw."""
    for user in ("anna", "eve") * 4:
        scope = RowScope(user)
        await asyncio.gather(*(count(store, sync_changes, scope) for _ in range(4)))
        await attempt(store, scope, lambda c: c.execute(select(sync_changes)).all())
    return {user: await count(store, sync_changes, RowScope(user)) for user in ("anna", "eve")}


class Traffic:
    """Transactions of two users and of nobody, some of which fail or are called off.

    Attributes:
        leaks: Who saw or changed whose rows.
        missing: Who did not reach their own.
        done: How many transactions ended well.
    """

    def __init__(self, store, seed):
        self.leaks = []
        self.missing = []
        self.done = 0
        self._store = store
        self._chance = random.Random(seed)

    async def run(self, count):
        """Run so many, eight at a time."""
        for _ in range(count // 8):
            kinds = self._chance.choices(("read", "write", "fail", "call off"), k=8)
            users = self._chance.choices(("anna", "ben", None), k=8)
            await asyncio.gather(*map(self._one, kinds, users))
        assert self.done > count / 4

    async def _one(self, kind, user):
        reads = kind == "read" or (kind == "call off" and self._chance.random() < 0.5)

        def work(connection):
            self._look(connection, user)
            if not reads:
                changed = connection.execute(update(sync_changes).values(origin=user)).rowcount
                self._judge(user, changed)
            if kind == "fail":
                connection.execute(text("SELECT 1 / 0"))
            self._look(connection, user)

        run = self._store.read if reads else self._store.write
        task = asyncio.ensure_future(run(work, scope=None if user is None else RowScope(user)))
        if kind == "call off":
            for _ in range(self._chance.randrange(3)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        elif kind == "fail":
            with pytest.raises(DBAPIError, match="division"):
                await task
        else:
            await task
            self.done += 1

    def _look(self, connection, user):
        owners = connection.execute(select(sync_changes.c.user_id)).scalars().all()
        self.leaks += [(user, owner) for owner in owners if owner != user]
        self._judge(user, owners.count(user))

    def _judge(self, user, count):
        rows = 0 if user is None else 3
        if count > rows:
            self.leaks.append((user, count))
        elif count < rows:
            self.missing.append((user, count))


async def test_transactions_of_many_over_a_few_connections_leak_nothing(written):
    async with await Store.open(written.url(""), METADATA) as store:
        traffic = Traffic(store, seed=400)
        await traffic.run(400)
    assert (traffic.leaks, traffic.missing) == ([], [])
    for row in written.rows("sync", sync_changes):
        assert row.origin in {None, row.user_id}


@pytest.mark.parametrize("mutant", ["nobody keeps the last scope", "a batch has one scope"])
async def test_traffic_in_a_scope_that_is_not_its_own_leaks(written, monkeypatch, mutant):
    enter = PostgresDatabase.enter
    if mutant == "nobody keeps the last scope":

        def careless(self, connection, scope):
            if scope is not None:
                enter(self, connection, scope)

    else:

        def careless(self, connection, scope):
            if connection.info.get("batch") is not connection.get_transaction():
                enter(self, connection, scope)
            connection.info["batch"] = connection.get_transaction()

    monkeypatch.setattr(PostgresDatabase, "enter", careless)
    async with await Store.open(written.url(""), METADATA) as store:
        traffic = Traffic(store, seed=400)
        await traffic.run(400)
    assert traffic.leaks
