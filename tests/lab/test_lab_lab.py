"""The lab as its users hold it."""

import asyncio
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import Field

from mana_lab import Lab, SimulatedClock, SystemClock
from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import (
    DuplicateToolError,
    InvalidInputError,
    LabBusyError,
    LabClosedError,
    NotFoundError,
    SettingsError,
    StoreDamagedError,
    UnknownPersonaError,
)
from mana_lab.lab.places import open_place
from mana_lab.registry import ToolContext, ToolInput, ToolOutput, ToolSpec


async def stored(lab, table="sync_changes"):
    """Return all rows that the sync service keeps."""
    return await lab._stores.sync.read(
        lambda connection: connection.exec_driver_sql(f"SELECT * FROM {table}").mappings().all()
    )


async def test_a_lab_opens_where_there_is_nothing_and_says_what_it_is(tmp_path):
    folder = tmp_path / "new" / "lab"
    async with await Lab.open(folder) as lab:
        assert repr(lab) == "<Lab: 10 personas, 2026-01-05 00:00 UTC>"
        assert (folder.stat().st_mode & 0o777) == 0o700
        assert ((folder / "secrets.json").stat().st_mode & 0o777) == 0o600
    assert repr(lab) == "<Lab: closed>"


async def test_seeding_and_signing_in(tmp_path, few):
    told = []
    async with await Lab.open(
        tmp_path / "lab", catalog=few, progress=lambda *all_: told.append(all_)
    ) as lab:
        with pytest.raises(UnknownPersonaError, match=r"not seeded yet; run await lab.seed\(\)"):
            await lab.persona("anna")
        report = await lab.seed()
        assert repr(report) == "<SeedReport: 4 created>"
        assert told == [("seeding", n, 4) for n in (1, 2, 3, 4)]
        anna = await lab.persona("persona.anna@mana.test")
        assert repr(anna) == "<Anna, signed in, in the space 'Anna'>"
        assert "<th>session</th><td>signed in</td></tr><tr><th>space</th>" in anna._repr_html_()
        assert anna.user_id not in anna._repr_html_()
        await anna.close()
        assert "<td>signed out</td>" in anna._repr_html_()
        assert repr(await lab.seed()) == "<SeedReport: 4 updated>"


async def test_a_call_by_hand_is_audited_without_a_run(lab):
    async with await lab.persona("anna") as anna:
        assert (await anna.call("todo.create", title="Essay")).ok
        failed = await anna.call("todo.create", title="")
    assert failed.error.kind == "invalid-input"
    actions = lab.actions_df()
    assert list(actions["result"]) == ["ok", "error"]
    assert actions["run"].isna().all()
    assert set(actions["persona"]) == {"Anna"}


async def test_a_call_that_fails_shows_what_was_wrong_and_nothing_that_changes(lab):
    anna = await lab.persona("anna")
    first = await anna.call("todo.complete", id="not an id")
    anna_again = await lab.persona("anna")
    assert repr(first) == repr(await anna_again.call("todo.complete", id="not an id"))
    assert "not an id" in first.error.message


async def test_a_run_is_lived_and_shown(lab):
    run = await lab.run(days=2, seed=3, personas=["anna", "maya"])
    assert run.status == "done"
    assert lab.clock.now() == SIMULATION_EPOCH + timedelta(days=2)
    assert set(lab.actions_df(run)["persona"]) == {"Anna", "Maya"}
    assert len(lab.actions_df(run)) == run.calls
    assert lab.past_run() == lab.past_run(1) == await lab.reopen(-1) == run
    by_day = lab.ticks_df(run).groupby(lab.ticks_df(run)["scheduled_at"].dt.floor("D"))
    assert [tuple(day) for day in run.by_day] == [
        tuple(row) for row in by_day[["calls", "errors"]].sum().to_numpy()
    ]
    assert set(lab.feedback_df(run)["module"]) == set(lab.actions_df(run)["module"])
    assert list(lab.personas_df()["persona"]) == ["Anna", "Ben", "Maya", "Paul"]
    counted = lab.sql("SELECT count(*) AS calls FROM persona_actions WHERE run = $run", run=1)
    assert counted["calls"].item() == run.calls
    assert lab.charts.activity(run).finding
    assert list(lab.summary(run)["calls"])[1] == 0


async def test_progress_counts_the_simulated_days(folder, few):
    told = []
    async with await Lab.open(folder, catalog=few, progress=lambda *all_: told.append(all_)) as lab:
        await lab.run(days=2, personas=["anna"])
    assert told == sorted(told)
    assert told[-1] == ("simulated days", 2, 2)


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_lives_at_any_concurrency(tmp_path, seeded_folder, few):
    lived = []
    for name, concurrency in (("one", 1), ("eight", 8)):
        folder = shutil.copytree(seeded_folder, tmp_path / name)
        async with await Lab.open(folder, catalog=few) as lab:
            run = await lab.run(days=3, seed=11, concurrency=concurrency)
            actions = lab.actions_df(run).drop(columns=["latency_ms", "created_at"])
            lived.append((repr(run), actions, lab.feedback_df(run).drop(columns=["created_at"])))
    assert lived[0][0] == lived[1][0]
    assert lived[0][1].equals(lived[1][1])
    assert lived[0][2].equals(lived[1][2])


@pytest.mark.slow
async def test_labs_that_were_seeded_apart_live_the_same_lives(tmp_path, few):
    lived = []
    for name in ("one", "two"):
        async with await Lab.open(tmp_path / name, catalog=few) as lab:
            await lab.seed()
            run = await lab.run(days=2, seed=11)
            names = ["persona", "tick", "seq", "tool_name", "result", "error_message", "input_hash"]
            lived.append((repr(run), lab.actions_df(run)[names].to_json()))
    assert lived[0] == lived[1]


async def test_life_goes_on_where_it_stopped(folder, few):
    async with await Lab.open(folder, catalog=few) as lab:
        first = await lab.run(days=1, personas=["anna"])
    async with await Lab.open(folder, catalog=few) as lab:
        assert lab.clock.now() == first.ends_at
        second = await lab.run(days=1, personas=["anna"])
        assert second.starts_at == first.ends_at
        assert list(lab.actions_df()["run"].unique()) == [1, 2]


async def test_simulated_time_never_goes_back_behind_what_was_written(folder, few):
    later = datetime(2026, 6, 1, tzinfo=UTC)
    async with await Lab.open(folder, catalog=few, clock=SimulatedClock(later)) as lab:
        anna = await lab.persona("anna")
        assert (await anna.call("todo.create", title="In June")).ok
    async with await Lab.open(folder, catalog=few) as lab:
        assert lab.clock.now() == later
        anna = await lab.persona("anna")
        assert (await anna.call("todo.create", title="Later in June")).ok


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"days": 0}, "more than 0 days"),
        ({"days": -1}, "more than 0 days"),
        ({"days": float("nan")}, "more than 0 days"),
        ({"days": 1e12}, "calendar"),
        ({"seed": 2**63}, "64 bits"),
        ({"seed": "7"}, "64 bits"),
        ({"concurrency": 0}, "at least 1"),
    ],
    ids=str,
)
async def test_a_run_of_bad_values_is_refused_and_leaves_nothing(lab, given, said):
    with pytest.raises(InvalidInputError, match=said):
        await lab.run(**({"days": 1} | given))
    assert await lab._ledger.runs() == []
    assert lab.clock.now() == SIMULATION_EPOCH


async def test_a_run_with_somebody_unknown_is_refused(lab):
    with pytest.raises(UnknownPersonaError, match="zoe"):
        await lab.run(days=1, personas=["anna", "zoe"])
    assert await lab._ledger.runs() == []


async def test_a_run_of_nobody_says_to_seed_first(tmp_path):
    async with await Lab.open(tmp_path / "lab") as lab:
        with pytest.raises(UnknownPersonaError, match=r"lab\.seed\(\)"):
            await lab.run(days=1)


async def test_a_run_needs_simulated_time(folder, few):
    async with await Lab.open(folder, catalog=few, clock=SystemClock()) as lab:
        anna = await lab.persona("anna")
        assert (await anna.call("todo.create", title="Now")).ok
        with pytest.raises(InvalidInputError, match="simulated time"):
            await lab.run(days=1)


async def test_two_runs_at_once_are_refused(folder, few):
    living = asyncio.Event()
    async with await Lab.open(folder, catalog=few, progress=lambda *_: living.set()) as lab:
        first = asyncio.ensure_future(lab.run(days=300))
        await living.wait()
        with pytest.raises(LabBusyError, match="a run is going on"):
            await lab.run(days=1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        stopped = await lab.reopen(-1)
        assert (stopped.status, stopped.reason) == ("stopped", "by hand")
        assert await lab.reopen(stopped.id) == await lab.reopen(1) == stopped
        assert (await lab.run(days=1, personas=["anna"])).status == "done"
        with pytest.raises(NotFoundError, match="has no run 3; it has 2"):
            await lab.reopen(3)


async def test_a_run_that_was_cut_off_goes_on_after_reopening(folder, few):
    living = asyncio.Event()
    async with await Lab.open(folder, catalog=few, progress=lambda *_: living.set()) as lab:
        cut_off = asyncio.ensure_future(lab.run(days=3))
        await living.wait()
        cut_off.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cut_off
    async with await Lab.open(folder, catalog=few) as lab:
        run = await lab.resume()
        assert (run.status, run.open_ticks, run.failed_ticks) == ("done", 0, 0)
        assert run.id == (await lab.reopen(1)).id
        assert run.ends_at == SIMULATION_EPOCH + timedelta(days=3)
        assert run.calls == len(lab.actions_df(run))


async def test_a_folder_is_open_once_at_a_time(lab, folder):
    with pytest.raises(LabBusyError, match="close it first"):
        await Lab.open(folder)
    await lab.close()
    async with await Lab.open(folder):
        pass


@pytest.mark.usefixtures("lab")
async def test_a_folder_is_open_in_one_process_at_a_time(folder):
    code = "import asyncio, sys; from mana_lab import Lab; asyncio.run(Lab.open(sys.argv[1]))"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "LabBusyError" in done.stderr


async def test_a_closed_lab_says_so(lab):
    anna = await lab.persona("anna")
    await lab.close()
    await lab.close()
    for use in (lab.seed, lab.cleanup, lab.run, lab.serve):
        with pytest.raises(LabClosedError):
            await use()
    for name in (lab.persona, lab.token):
        with pytest.raises(LabClosedError):
            await name("anna")
    with pytest.raises(LabClosedError):
        lab.actions_df()
    assert repr(anna) == "<Anna, signed out>"
    for use in (anna.tools, lambda: anna.call("todo.list")):
        with pytest.raises(LabClosedError, match="signed out"):
            await use()


@pytest.mark.parametrize("name", ["zoe", "", "persona.zoe@mana.test", "x" * 10_000])
async def test_an_unknown_persona_is_named(lab, name):
    with pytest.raises(UnknownPersonaError) as caught:
        await lab.persona(name)
    assert len(caught.value.message) < 400


async def test_an_unknown_run_is_named(lab):
    for use in (lab.actions_df, lab.feedback_df, lab.summary, lab.charts.ratings):
        with pytest.raises(NotFoundError, match="no run"):
            use(3)


@pytest.mark.slow
async def test_the_report_is_written_and_replaced(lab, tmp_path):
    page = tmp_path / "report.html"
    assert lab.report(page) == page
    before = page.read_text()
    await lab.run(days=1, personas=["maya"])
    assert "Maya" in lab.report(str(page)).read_text() != before
    with pytest.raises(NotFoundError):
        lab.report(tmp_path / "none.html", run=9)
    assert not (tmp_path / "none.html").exists()


async def test_cleanup_deletes_personas_with_all_that_they_wrote(lab):
    anna, ben = await lab.persona("anna"), await lab.persona("ben")
    await anna.call("todo.create", title="Essay")
    await ben.call("todo.create", title="Run")
    await lab._services.identity.register("human@example.test", "a human's password")
    listed = await lab.cleanup()
    assert (len(listed.found), listed.deleted) == (4, ())
    assert len(await stored(lab)) == 2
    report = await lab.cleanup(delete=True)
    assert len(report.deleted) == 4
    assert await stored(lab) == []
    assert len(lab.personas_df()) == 0
    assert len(lab.actions_df()) == 0
    assert (await lab._services.identity.login("human@example.test", "a human's password")).user
    assert repr(await lab.seed()) == "<SeedReport: 4 created>"


async def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(SettingsError, match="cannot be used"):
        await Lab.open(tmp_path / "file")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"auth_kek": 1}', "\ufeff{}"])
async def test_damaged_secrets_are_an_error_and_stay_as_they_are(folder, text):
    (folder / "secrets.json").write_text(text)
    with pytest.raises(SettingsError, match="damaged"):
        await Lab.open(folder)
    assert (folder / "secrets.json").read_text() == text


async def test_lost_secrets_are_an_error_and_not_replaced(folder, few):
    secrets = (folder / "secrets.json").read_text()
    (folder / "secrets.json").unlink()
    with pytest.raises(SettingsError, match=r"no secrets\.json"):
        await Lab.open(folder)
    (folder / "secrets.json").write_text(secrets)
    async with await Lab.open(folder, catalog=few) as lab:
        assert await lab.token("anna")


async def test_another_key_than_the_databases_is_an_error(folder):
    secrets = json.loads((folder / "secrets.json").read_text())
    secrets["auth_kek"] = "A" * 43 + "="
    (folder / "secrets.json").write_text(json.dumps(secrets))
    with pytest.raises(SettingsError, match="MANA_AUTH_KEK"):
        await Lab.open(folder)
    with pytest.raises(SettingsError, match="MANA_AUTH_KEK"):
        await Lab.open(folder)


async def test_a_tool_of_ones_own_is_offered_inside_and_outside(folder, few):
    class Given(ToolInput):
        times: int = Field(1, ge=1, le=9, description="How often")

    class Rung(ToolOutput):
        sound: str

    async def handler(given: Given, _ctx: ToolContext) -> Rung:
        return Rung(sound="ding " * given.times)

    ring = ToolSpec("bells.ring", "Ring a bell.", Given, Rung, handler, policy_hint="read")
    async with await Lab.open(folder, catalog=few, tools=[ring]) as lab:
        anna = await lab.persona("anna")
        assert (await anna.call("bells.ring", times=2)).data == {"sound": "ding ding "}
        assert "bells.ring" in lab.registry
    with pytest.raises(DuplicateToolError):
        await Lab.open(folder, catalog=few, tools=[ring, ring])
    async with await Lab.open(folder, catalog=few) as lab:
        assert "bells.ring" not in lab.registry


@pytest.mark.parametrize("name", ["identity", "sync", "ledger"])
async def test_a_damaged_database_is_named_and_frees_the_folder(folder, few, name):
    path = folder / f"{name}.db"
    good = path.read_bytes()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreDamagedError, match=f"{name}.db cannot be used"):
        await Lab.open(folder, catalog=few)
    path.write_bytes(good)
    async with await Lab.open(folder, catalog=few) as lab:
        assert await lab.token("anna")


async def written_forms(lab):
    """Return how the encrypted values of the log begin, in its order."""
    rows = [json.loads(row["data"]) for row in await stored(lab)]
    texts = [value for data in rows for value in data.values() if isinstance(value, str)]
    return [text[:6] for text in texts if text.startswith("enc:")]


async def test_encrypted_values_are_bound_to_their_place_unless_the_browser_shall_read_them(
    folder,
):
    for n, options in enumerate(({"ciphertext": "enc:1:"}, {}, {"ciphertext": "enc:2:"})):
        async with await Lab.open(folder, **options) as lab:
            anna = await lab.persona("anna")
            assert (await anna.call("notes.create", title=f"note {n}", content="")).ok
            found = (await anna.call("notes.list")).data["notes"]
            assert [note["title"] for note in found] == [f"note {k}" for k in range(n, -1, -1)]
            forms = await written_forms(lab)
    assert forms == ["enc:1:"] * 2 + ["enc:2:"] * 4


async def test_a_form_of_encryption_that_nobody_knows_is_refused(folder):
    with pytest.raises(SettingsError, match="enc:3:"):
        await Lab.open(folder, ciphertext="enc:3:")
    async with await Lab.open(folder):
        pass


async def test_a_folder_of_something_else_is_refused_and_stays_as_it_is(lab, tmp_path):
    run = await lab.run(days=1)
    kept = await lab.keep_run(run, tmp_path / "kept")
    places = [lab.export(tmp_path / "archive"), kept.path]
    for place, hint in zip(places, ("holds an archive", "holds a run that was kept"), strict=True):
        there = sorted(place.iterdir())
        with pytest.raises(SettingsError, match=rf"{hint}; read it with \w+\.open\(\.\.\.\) or"):
            await Lab.open(place)
        assert sorted(place.iterdir()) == there
        async with await open_place(place) as found:
            assert len(found.runs_df()) == 1


@pytest.mark.parametrize("folder", ["/etc", "/"])
async def test_a_folder_of_the_system_is_refused(folder):
    with pytest.raises(SettingsError, match="is a folder of the system"):
        await Lab.open(folder)
    assert not (Path(folder) / "secrets.json").exists()


async def test_a_lab_may_stand_beside_what_its_users_have(tmp_path):
    for name in (".gitignore", "study.ipynb", "report.html", "manifest.json"):
        (tmp_path / name).write_text("mine")
    async with await Lab.open(tmp_path):
        assert (tmp_path / "manifest.json").read_text() == "mine"


@pytest.mark.parametrize("name", ["identity", "sync", "ledger"])
async def test_a_database_that_vanished_is_not_replaced(folder, few, name):
    (folder / f"{name}.db").unlink()
    with pytest.raises(SettingsError, match=rf"^{name}\.db is missing from the lab folder"):
        await Lab.open(folder, catalog=few)
    assert not (folder / f"{name}.db").exists()


async def test_a_first_opening_that_was_cut_off_between_databases_goes_on(tmp_path, few):
    async with await Lab.open(tmp_path, catalog=few):
        pass
    for name in ("sync", "ledger", "gateway"):
        (tmp_path / f"{name}.db").unlink()
    async with await Lab.open(tmp_path, catalog=few) as lab:
        await lab.seed()
        assert len(lab.personas_df()) == len(few)
