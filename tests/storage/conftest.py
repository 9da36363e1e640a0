"""Roles of PostgreSQL for a test, and a log in which two users have written."""

from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text

from mana_lab.clock import ManualClock
from mana_lab.storage import Store
from mana_lab.sync import Change
from mana_lab.sync.server import METADATA
from mana_lab.sync.server.log import ChangeLog


class Roles:
    """Makes roles that may log in to a database, and removes them with all that they own."""

    def __init__(self, home):
        self._home = home
        self._numbers = count(1)
        self._made = []

    def make(self, attributes="", *, member_of=None):
        """Return a new role's name."""
        name = f"{self._home.database}_role_{next(self._numbers)}"
        self._home.server.run(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' {attributes}")
        self._made.append(name)
        if member_of is not None:
            self._home.server.run(f"GRANT {member_of} TO {name}")
        return name

    def url(self, name):
        """Return the URL of the database for a role."""
        url = make_url(self._home.url("")).set(username=name, password="secret")
        return url.render_as_string(hide_password=False)

    def remove(self):
        for name in reversed(self._made):
            with self._home.connected("") as connection:
                connection.execute(text(f"REASSIGN OWNED BY {name} TO CURRENT_USER"))
                connection.execute(text(f"DROP OWNED BY {name}"))
            self._home.server.run(f"DROP ROLE {name}")


@pytest.fixture
def roles(postgres_home):
    roles = Roles(postgres_home)
    yield roles
    roles.remove()


@pytest.fixture
async def written(postgres_home):
    """Return a database in whose log anna, ben and eve have written, in a space of each."""
    async with await Store.open(postgres_home.url("sync"), METADATA) as store:
        log = ChangeLog(store, ManualClock())
        for user in ("anna", "ben", "eve"):
            changes = [_change(f"{user}-{number}") for number in range(3)]
            await log.append(user, "todo", "phone", changes, [f"space-{user}"] * 3)
    return postgres_home


def _change(record):
    return Change(
        table="tasks", id=record, op="insert", data={}, event_id=str(uuid4()), schema_version=1
    )
