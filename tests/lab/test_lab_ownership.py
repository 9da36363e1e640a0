"""What personas own: who can find it, who can lock it, and what goes when they are deleted."""

import json

import pytest
from store_house import PostgresHome, SqliteHome

from mana_lab import Lab
from mana_lab.errors import NotFoundError, UnknownPersonaError
from mana_lab.identity import server as identity
from mana_lab.personas import Catalog, load_catalog
from mana_lab.runner import ledger
from mana_lab.sync import server as sync

SHARED = "Milk for the flat"
OWN = "Nobody's business"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """Return where a lab keeps its data, and what looks into that."""
    if request.param == "sqlite":
        (tmp_path / "lab").mkdir()
        yield None, SqliteHome(tmp_path / "lab")
        return
    home = PostgresHome(request.getfixturevalue("postgres"))
    yield home.url(""), home
    home.close()


def flat_mates():
    known = load_catalog()
    shared = [space for space in known.spaces if set(space.members) == {"Anna", "Ben"}]
    return Catalog([known.get("anna"), known.get("ben")], shared)


def where(home, text):
    """Return the rows that have *text* anywhere, by schema and table."""
    found = {}
    for name, service in (("identity", identity), ("sync", sync), ("ledger", ledger)):
        for table in service.METADATA.sorted_tables:
            rows = [row for row in home.rows(name, table) if text in str(tuple(row))]
            if rows:
                found[f"{service.METADATA.info['schema']}.{table.name}"] = rows
    return found


async def test_a_query_that_forgets_whose_records_it_reads_is_held_back_where_that_is_possible(
    tmp_path, place
):
    url, home = place
    both = flat_mates()
    async with await Lab.open(tmp_path / "lab", catalog=both, database_url=url) as lab:
        await lab.seed()
        for name in ("anna", "ben"):
            async with await lab.persona(name, space="anna-and-ben") as session:
                assert (await session.call("todo.create", title=SHARED)).ok
        found = [await lab.unfiltered(name) for name in (None, "anna", "ben")]
        everybody = ["Anna", "Ben"]
        on_postgres = home.kind == "postgres"
        assert found == ([[], ["Anna"], ["Ben"]] if on_postgres else [everybody] * 3)
        assert await lab.unfiltered("ben", space="anna-and-ben") == everybody
        with pytest.raises(NotFoundError):
            await lab.unfiltered("ben", space="paul-and-maya")
        with pytest.raises(UnknownPersonaError):
            await lab.unfiltered("nobody")


async def test_a_vault_can_be_locked_as_the_app_does_it(tmp_path):
    async with await Lab.open(tmp_path / "lab", catalog=flat_mates()) as lab:
        await lab.seed()
        vault = await lab.vault("anna")
        code = await vault.set_up_recovery()
        await vault.enable_zero_knowledge()
        async with await lab.persona("anna") as anna:
            refused = await anna.call("notes.create", title="Diary", content="Secret")
        assert refused.error.code == "zero-knowledge-user"
        assert await vault.unlock(code)


@pytest.mark.slow
async def test_what_is_theirs_goes_from_every_store_and_what_they_shared_stays(tmp_path, place):
    url, home = place
    both = flat_mates()
    (space,) = both.spaces
    anna_alone = Catalog([both.get("anna")])
    async with await Lab.open(tmp_path / "lab", catalog=both, database_url=url) as lab:
        report = await lab.seed()
        assert not report.failed
        await lab.run(days=1)
        async with await lab.persona("anna", space=space.slug) as anna:
            made = await anna.call("todo.create", title=SHARED)
            assert made.ok, made.error
        async with await lab.persona("anna") as anna:
            assert (await anna.call("todo.create", title=OWN)).ok
        anna_id = lab.personas_df().set_index("persona")["user_id"]["Anna"]
    assert set(where(home, anna_id)) > {"auth.members", "sync.sync_changes", "lab.ticks"}
    async with await Lab.open(tmp_path / "lab", catalog=anna_alone, database_url=url) as lab:
        assert (await lab.cleanup(delete=True)).deleted == (both.get("anna").email,)
    async with await Lab.open(tmp_path / "lab", catalog=both, database_url=url) as lab:
        async with await lab.persona("ben", space=space.slug) as ben:
            listed = await ben.call("todo.list")
            assert SHARED in json.dumps(listed.data)
            (item,) = [each for each in listed.data["tasks"] if each["title"] == SHARED]
            assert (await ben.call("todo.complete", id=item["id"])).ok
        assert set(lab.personas_df()["persona"]) == {"Ben"}
        assert set(lab.actions_df()["persona"]) == {"Ben"}
        assert set(lab.feedback_df()["persona"]) == {"Ben"}
    left = where(home, anna_id)
    assert set(left) == {"sync.sync_changes"}
    assert len({row.space_id for row in left["sync.sync_changes"]}) == 1
    assert where(home, both.get("anna").email) == {}
