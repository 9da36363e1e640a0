"""A store in PostgreSQL starts as somebody whom row-level security binds, or not at all."""

import pytest
from postgres_house import OwnServer
from sqlalchemy import text
from store_house import PostgresHome
from walls_house import reached

from mana_lab.errors import StoreRoleError
from mana_lab.storage import RowScope, Store
from mana_lab.storage.roles import APP_ROLE
from mana_lab.sync.server import METADATA

EVE = RowScope("eve")
IN_FORCE = text("""
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, p.oid, p.xmin::text, c.relacl::text,
        p.polname, p.polcmd, pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)
    FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid ORDER BY c.relname, p.polname
""")
RIGHTS = text("""
    SELECT DISTINCT table_schema, privilege_type FROM information_schema.table_privileges
    WHERE grantee = :role AND table_name <> 'alembic_version'
""")


async def opened(url):
    """Open a store, and return what eve reaches of anna's changes there."""
    async with await Store.open(url, METADATA) as store:
        return await reached(store, METADATA, EVE, "anna")


def administer(home, *statements):
    with home.connected("") as connection:
        for statement in statements:
            connection.execute(text(statement))


def security(home):
    """Return what is in force, and since which transaction."""
    with home.connected("") as connection:
        return connection.execute(IN_FORCE).all()


async def test_who_owns_the_tables_and_may_not_leave_that_role_is_refused(written, roles):
    owner = roles.make()
    administer(
        written,
        *(f"ALTER TABLE sync.{name} OWNER TO {owner}" for name in METADATA.tables),
        f"GRANT SELECT ON sync.alembic_version TO {owner}",
        f"GRANT USAGE ON SCHEMA sync TO {owner}",
    )
    with pytest.raises(StoreRoleError, match=f"GRANT {APP_ROLE} TO {owner}"):
        await Store.open(roles.url(owner), METADATA)
    written.server.run(f"GRANT {APP_ROLE} TO {owner}")
    assert await opened(roles.url(owner)) == set()


@pytest.fixture
def first_home(mortal_postgres):  # noqa: ARG001 - without one there is no other either
    """Return a database of a server on which nobody has ever opened a store."""
    server = OwnServer()
    home = PostgresHome(server)
    yield home
    home.close()
    server.close()


@pytest.mark.parametrize("may_make_roles", [True, False])
async def test_the_first_start_on_a_server_makes_the_role_or_says_what_to_run(
    first_home, may_make_roles
):
    run = first_home.server.run
    run(f"CREATE ROLE anna LOGIN {'CREATEROLE' if may_make_roles else ''}")
    run(f"ALTER DATABASE {first_home.database} OWNER TO anna")
    url = first_home.url("").replace("//postgres@", "//anna@")
    if not may_make_roles:
        with pytest.raises(StoreRoleError) as refused:
            await Store.open(url, METADATA)
        _, _, advice = str(refused.value).partition("run: ")
        for statement in advice.split("; "):
            run(statement)
    for _ in range(2):
        async with await Store.open(url, METADATA) as store:
            assert await store.read(lambda c: c.scalar(text("SELECT current_user"))) == APP_ROLE


async def test_nothing_is_left_of_a_start_that_was_refused(written, roles):
    owner = roles.make()
    written.server.run(f"ALTER DATABASE {written.database} OWNER TO {owner}")
    administer(written, "DROP SCHEMA sync CASCADE")
    with pytest.raises(StoreRoleError, match=f"GRANT {APP_ROLE} TO {owner}"):
        await Store.open(roles.url(owner), METADATA)
    with written.connected("") as connection:
        assert connection.scalar(text("SELECT to_regnamespace('sync')")) is None


async def test_who_is_not_bound_and_may_not_become_somebody_who_is_is_refused(written, roles):
    name = roles.make("BYPASSRLS")
    rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sync"
    administer(written, f"GRANT USAGE ON SCHEMA sync TO {name}", f"GRANT {rights} TO {name}")
    with pytest.raises(StoreRoleError, match=f"GRANT {APP_ROLE} TO {name}"):
        await Store.open(roles.url(name), METADATA)


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
async def test_work_is_never_done_as_a_role_that_is_not_bound(written, attribute):
    written.server.run(f"ALTER ROLE {APP_ROLE} {attribute}")
    try:
        with pytest.raises(StoreRoleError, match=f"{APP_ROLE} is not bound by row security"):
            await Store.open(written.url(""), METADATA)
    finally:
        written.server.run(f"ALTER ROLE {APP_ROLE} NO{attribute}")
    assert await opened(written.url("")) == set()


async def test_work_is_never_done_as_a_role_that_can_become_the_owner(written, roles):
    owner = roles.make()
    administer(written, f"ALTER TABLE sync_changes OWNER TO {owner}")
    written.server.run(f"GRANT {owner} TO {APP_ROLE}")
    with pytest.raises(StoreRoleError, match=f"{APP_ROLE} owns the tables"):
        await Store.open(written.url(""), METADATA)


async def test_who_was_granted_nothing_is_told_what_to_ask_for(written, roles):
    stranger = roles.make()
    with pytest.raises(StoreRoleError, match=f"GRANT {APP_ROLE} TO {stranger}"):
        await Store.open(roles.url(stranger), METADATA)
    written.server.run(f"GRANT {APP_ROLE} TO {stranger}")
    assert await opened(roles.url(stranger)) == set()


async def test_work_is_done_with_the_rights_to_use_rows_and_no_others(written):
    with written.connected("") as connection:
        rights = connection.execute(RIGHTS, {"role": APP_ROLE}).all()
        assert {right for _, right in rights} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
        assert {schema for schema, _ in rights} == {"auth", "sync", "lab"}
        about = connection.execute(
            text("SELECT rolcanlogin, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = :r"),
            {"r": APP_ROLE},
        ).one()
        assert tuple(about) == (False, False, False)
        for schema in ("auth", "sync", "lab"):
            may = text(f"SELECT has_schema_privilege('{APP_ROLE}', '{schema}', 'CREATE')")
            assert connection.scalar(may) is False
            for right in ("INSERT", "UPDATE", "DELETE"):
                name = f"'{schema}.alembic_version', '{right}'"
                may = text(f"SELECT has_table_privilege('{APP_ROLE}', {name})")
                assert connection.scalar(may) is False


async def test_a_policy_of_somebody_else_that_lets_others_in_is_refused(written):
    administer(written, "CREATE POLICY support ON sync_changes FOR SELECT USING (true)")
    with pytest.raises(StoreRoleError, match="sync_changes has the policy support"):
        await Store.open(written.url(""), METADATA)
    administer(written, "DROP POLICY support ON sync_changes")
    administer(written, "CREATE POLICY narrower ON sync_changes AS RESTRICTIVE USING (true)")
    assert await opened(written.url("")) == set()


WEAKENED = {
    "not forced": "ALTER TABLE sync_changes NO FORCE ROW LEVEL SECURITY",
    "off": "ALTER TABLE sync_changes DISABLE ROW LEVEL SECURITY",
    "wider for readers": (
        "ALTER POLICY sync_changes_space_member_read ON sync_changes USING (true)"
    ),
    "wider for writers": (
        "ALTER POLICY sync_changes_user_isolation ON sync_changes WITH CHECK (true)"
    ),
    "gone": "DROP POLICY sync_changes_user_isolation ON sync_changes",
}


@pytest.mark.parametrize("weakened", WEAKENED.values(), ids=WEAKENED)
async def test_what_was_weakened_is_mended_at_the_start_by_who_may(written, roles, weakened):
    guest = roles.url(roles.make(member_of=APP_ROLE))
    before = [row[:3] + row[6:] for row in security(written)]
    administer(written, weakened)
    with pytest.raises(StoreRoleError, match="must be owner"):
        await Store.open(guest, METADATA)
    assert await opened(written.url("")) == set()
    assert [row[:3] + row[6:] for row in security(written)] == before
    assert await opened(guest) == set()


async def test_a_start_changes_nothing_where_all_is_in_force(written):
    before = security(written)
    assert len(before) == 5
    await opened(written.url(""))
    assert security(written) == before
