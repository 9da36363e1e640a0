"""A lab whose data are in PostgreSQL."""

import pandas as pd
import pytest
from postgres_house import NoPostgresError, OwnServer
from store_house import PostgresHome

from mana_lab import Lab
from mana_lab.clock import SimulatedClock
from mana_lab.errors import SettingsError, StoreUnavailableError

WHAT = ["persona", "tick", "seq", "tool_name", "result", "occurred_at", "input_hash"]


async def lived(folder, few, **where):
    """Return what a small lab did in a day, and its frames."""
    async with await Lab.open(folder, catalog=few, **where) as lab:
        assert not (await lab.seed()).failed
        run = await lab.run(days=1, seed=11)
        actions = lab.actions_df(run)
        assert actions["latency_ms"].notna().all()
        asked = lab.sql("SELECT module, avg(rating) AS mean FROM persona_feedback GROUP BY ALL")
        assert len(asked) == lab.feedback_df(run)["module"].nunique()
        assert lab.report(folder / "report.html", run).stat().st_size > 10_000
        ratings = lab.feedback_df(run)[["persona", "tick", "module", "rating", "notes"]]
        return actions[WHAT], ratings, lab.personas_df().drop(columns="user_id", errors="ignore")


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_calls_and_ratings_on_both_stores(
    tmp_path, few, postgres_home
):
    on_postgres = await lived(tmp_path / "a", few, database_url=postgres_home.url(""))
    on_sqlite = await lived(tmp_path / "b", few)
    assert sorted(path.name for path in (tmp_path / "a").glob("*.db")) == []
    for one, other in zip(on_postgres, on_sqlite, strict=True):
        assert len(one) > 0
        pd.testing.assert_frame_equal(one, other)


@pytest.mark.slow
async def test_a_lab_goes_on_in_its_database_where_it_was(tmp_path, few, postgres_home):
    where = {"catalog": few, "database_url": postgres_home.url("")}
    async with await Lab.open(tmp_path / "lab", **where) as lab:
        await lab.seed()
        await lab.run(days=1, personas=["anna"])
        until = lab.clock.now()
        async with await lab.persona("anna") as anna:
            made = await anna.call("todo.create", title="Hand in the essay")
        assert made.ok, made.error
    async with await Lab.open(tmp_path / "lab", **where) as lab:
        assert lab.clock.now() == until
        assert (await lab.seed()).count("updated") == len(few)
        async with await lab.persona("anna") as anna:
            assert "Hand in the essay" in str((await anna.call("todo.list")).data)
        gone = await lab.cleanup(delete=True)
        assert len(gone.deleted) == len(few)


async def test_a_database_needs_the_secrets_that_it_was_made_with(tmp_path, few, postgres_home):
    where = {"catalog": few, "database_url": postgres_home.url("")}
    async with await Lab.open(tmp_path / "lab", **where):
        pass
    with pytest.raises(SettingsError, match="MANA_AUTH_KEK"):
        await Lab.open(tmp_path / "another", **where)
    async with await Lab.open(tmp_path / "lab", **where) as lab:
        assert not (await lab.seed()).failed


@pytest.mark.parametrize("url", ["mysql://host/name", "postgresql", " ", "\0", "sqlite://"])
async def test_a_url_of_no_database_is_refused_and_the_folder_is_free_again(tmp_path, few, url):
    with pytest.raises(SettingsError, match="URL"):
        await Lab.open(tmp_path / "lab", catalog=few, database_url=url)
    async with await Lab.open(tmp_path / "lab", catalog=few):
        pass


async def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path, few):
    url = f"postgresql://anna:canary@/mana?host={tmp_path}"
    with pytest.raises(StoreUnavailableError, match="cannot be used") as refused:
        await Lab.open(tmp_path / "lab", catalog=few, database_url=url)
    assert "canary" not in str(refused.value)


class PatientClock(SimulatedClock):
    """Under which nobody finds an answer slow that had to wait for a server."""

    def monotonic(self):
        return super().monotonic() / 1000


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fast", "killed"])
async def test_a_run_goes_on_when_its_server_is_restarted_in_the_middle(tmp_path, few, how):
    """What was acknowledged is there, and the run comes to the same as one without an accident."""
    try:
        server = OwnServer(durable=True)
    except NoPostgresError as reason:
        pytest.skip(str(reason))
    told = []

    def restart_now_and_then(what, *_):
        told.append(what)
        if what == "simulated days" and told.count(what) in (3, 5):
            (server.kill if how == "killed" else server.stop)()
            server.start()

    home = PostgresHome(server)
    where = {"catalog": few, "database_url": home.url("")}
    async with await Lab.open(
        tmp_path / "a", clock=PatientClock(), progress=restart_now_and_then, **where
    ) as lab:
        assert not (await lab.seed()).failed
        run = await lab.run(days=2, seed=11)
        assert (run.status, run.failed_ticks) == ("done", 0)
        calls = lab.actions_df(run)[WHAT].to_dict()
        ratings = lab.feedback_df(run)[["persona", "tick", "module", "rating", "notes"]].to_dict()
    assert told.count("simulated days") > 5
    server.close()
    async with await Lab.open(tmp_path / "b", catalog=few) as lab:
        await lab.seed()
        calm = await lab.run(days=2, seed=11)
        assert lab.actions_df(calm)[WHAT].to_dict() == calls
        kept = lab.feedback_df(calm)[["persona", "tick", "module", "rating", "notes"]].to_dict()
        assert kept == ratings
