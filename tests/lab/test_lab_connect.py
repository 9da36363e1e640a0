"""A lab whose personas are users of a Mana that runs elsewhere."""

import asyncio
import shutil
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import httpx2
import pytest
from deployed_house import SECRET, deployed
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from serving_house import Turnstile, served
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from target_house import Shop

from mana_lab import Lab
from mana_lab.errors import (
    AccountLockedError,
    InvalidCredentialsError,
    InvalidInputError,
    ManaLabError,
    ProtocolError,
    ServiceUnavailableError,
    SettingsError,
    UnauthenticatedError,
    UnknownPersonaError,
)
from mana_lab.identity.server.lockout import LOCKED_FOR, MOST_FAILURES
from mana_lab.lab import Deployment, open_lab
from mana_lab.personas import Catalog, load_catalog
from mana_lab.registry.manifest import tool_hash

ROWS = ["persona", "tool_name", "module", "result", "error_kind", "error_code", "error_message"]
ROWS += ["shown", "input_hash", "tool_hash", "seq", "tick", "occurred_at"]
PEOPLE = ("anna", "ben", "maya")


@pytest.fixture(scope="module")
def people():
    """Return three personas who share a space."""
    whole = load_catalog()
    shared = [each for each in whole.spaces if each.slug == "anna-and-ben"]
    return Catalog([whole.get(name) for name in PEOPLE], shared)


@pytest.fixture(scope="module")
async def mana(tmp_path_factory, people):
    """Return a deployed Mana; each test uses it from a lab of its own."""
    async with deployed(tmp_path_factory.mktemp("deployed") / "mana", people) as mana:
        yield mana


@pytest.fixture(scope="module")
async def known(tmp_path_factory, mana, people):
    """Return the folder of a lab that has taken its personas in; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("known") / "lab"
    async with await mana.connect(folder, catalog=people) as lab:
        assert repr(await lab.seed()) == "<SeedReport: 3 created>"
    return folder


@pytest.fixture
async def lab(tmp_path, mana, known):
    """Return a lab that uses the deployed Mana and knows its personas."""
    async with await mana.connect(shutil.copytree(known, tmp_path / "here")) as lab:
        yield lab


class Watched(Turnstile):
    """A turnstile that notes how the gateway answered."""

    def __init__(self, *arguments, **more):
        self.statuses = []
        super().__init__(*arguments, **more)

    async def answer(self, request):
        answer = await super().answer(request)
        self.statuses.append(answer.status_code)
        return answer


async def seen_by_any_client(lab, name, tool="todo.list"):
    """Return what a client of the user's own is answered by the deployed gateway."""
    headers = {"Authorization": f"Bearer {await lab.token(name)}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(lab.deployed.url, http_client=http)) as client,
    ):
        return (await client.call_tool(tool, {})).structured_content


async def test_a_run_is_call_by_call_that_of_a_lab_with_a_mana_of_its_own(tmp_path, people):
    async with AsyncExitStack() as stack:
        mana = await stack.enter_async_context(deployed(tmp_path / "mana", people))
        lab = await stack.enter_async_context(await mana.connect(tmp_path / "a", catalog=people))
        own = await stack.enter_async_context(await Lab.open(tmp_path / "b", catalog=people))
        for each in (lab, own):
            await each.seed()
        run, other = await lab.run(days=2), await own.run(days=2)
        assert (run.status, run.failed_ticks) == ("done", 0)
        assert run.errors > 0
        rows = lab.actions_df(run)
        assert rows[ROWS].equals(own.actions_df(other)[ROWS])
        said = ["persona", "module", "rating", "notes"]
        assert lab.feedback_df(run)[said].equals(own.feedback_df(other)[said])
        hashes = {spec.name: tool_hash(spec) for spec in own.registry}
        assert set(rows["tool_hash"]) <= set(hashes.values())
        assert all(hashes[row.tool_name] == row.tool_hash for row in rows.itertuples())
        assert lab.charts.ratings(run).finding == own.charts.ratings(other).finding
        assert lab.findings(run) is not None
        for name in PEOPLE:
            async with await own.persona(name) as there:
                tasks = (await there.call("todo.list")).data["tasks"]
            here = (await seen_by_any_client(lab, name))["tasks"]
            assert [each["title"] for each in here] == [each["title"] for each in tasks]
    with sqlite3.connect(tmp_path / "a" / "sync.db") as kept:
        assert kept.execute("SELECT count(*) FROM sync_changes").fetchone() == (0,)


async def test_the_lab_says_which_mana_it_uses(lab, mana):
    where = mana.mcp.removeprefix("http://").removesuffix("/mcp")
    assert repr(lab) == f"<Lab: 3 personas using Mana at {where}, 2026-01-05 00:00 UTC>"
    auth = mana.auth.removeprefix("http://")
    offered = len(lab.deployed.tools)
    assert offered > 50
    assert repr(lab.deployed) == (
        f"<Deployed: Mana at {where}, signing in at {auth}, {offered} tools>"
    )
    assert lab.deployed.url == mana.mcp
    assert lab.server is None


async def test_other_labs_use_no_deployed_mana(folder, few):
    async with await Lab.open(folder, catalog=few) as lab:
        assert lab.deployed is None


async def test_by_hand_a_persona_has_their_spaces_and_is_asked_there(lab):
    async with await lab.persona("anna", space="anna-and-ben") as shared:
        assert repr(shared) == '<Anna, signed in, in the space "Anna and Ben\'s flat">'
        await shared.call("todo.create", title="Ours")
    async with await lab.persona("ben", space="anna-and-ben") as ben:
        assert [each["title"] for each in (await ben.call("todo.list")).data["tasks"]] == ["Ours"]
    await lab.allow("maya", "todo.delete")
    said = iter([False, True])
    async with await lab.persona("maya", agree=lambda _question: next(said)) as maya:
        task = (await maya.call("todo.create", title="<b>Mine</b>")).data["task"]
        assert (await maya.call("todo.delete", id=task["id"])).error.kind == "refused"
        assert (await maya.call("todo.delete", id=task["id"])).error is None
    rows = lab.actions_df()
    assert list(rows["persona"]) == ["Anna", "Ben", "Maya", "Maya", "Maya"]
    assert set(rows["persona_id"]) <= set(lab.personas_df()["user_id"])
    assert await (await lab.vault("ben")).unlock()


async def test_a_run_goes_on_when_a_token_ends_in_the_middle_of_a_tick(tmp_path, mana, known):
    turnstile = Watched(mana.mcp.removesuffix("/mcp"), passes=2)
    async with (
        served(turnstile.app) as url,
        await mana.connect(shutil.copytree(known, tmp_path / "here"), mcp_url=url) as lab,
    ):
        living = asyncio.ensure_future(lab.run(days=1, personas=["anna"]))
        async with asyncio.timeout(30):
            await turnstile.somebody.wait()
            mana.clock.move_to(mana.clock.now() + timedelta(minutes=16))
            assert 401 not in turnstile.statuses
            turnstile.open.set()
            run = await living
        assert turnstile.statuses.count(401) == 1
        assert (run.status, run.failed_ticks) == ("done", 0)
        assert run.calls > 2
        assert not set(lab.actions_df(run)["error_kind"].dropna()) & {"refused", "infrastructure"}
    await turnstile.close()


async def test_a_run_is_kept_and_replayed_without_the_mana(lab, tmp_path):
    run = await lab.run(days=1, personas=["maya"], record=True)
    kept = await lab.keep_run(run, tmp_path / "kept")
    assert kept.manifest.recording.app == lab.deployed.name
    assert kept.manifest.recording.tools == {}
    replayed = await kept.replay()
    assert (replayed.calls, replayed.difference) == (run.calls, None)


async def test_who_is_not_seeded_there_is_named_and_takes_no_part(tmp_path, mana):
    people = Catalog([load_catalog().get(name) for name in ("ben", "lena")])
    async with await mana.connect(tmp_path / "here", catalog=people) as lab:
        with pytest.raises(UnknownPersonaError, match="nobody is seeded"):
            await lab.run(days=1)
        report = await lab.seed()
        assert repr(report) == "<SeedReport: 1 created, 1 failed (Lena)>"
        [lena] = report.failed
        assert "Lena cannot sign in at" in lena.error
        assert f"python -m mana_lab seed --auth {mana.auth}" in lena.error
        run = await lab.run(days=1)
        assert (run.status, run.failed_ticks) == ("done", 0)
        assert set(lab.ticks_df(run)["persona"]) == {"Ben"}


@pytest.mark.slow
async def test_who_is_gone_there_fails_their_ticks_with_the_reason(tmp_path, mana):
    people = Catalog([load_catalog().get(name) for name in ("anna", "tom")])
    await mana.seed(people)
    async with await mana.connect(tmp_path / "here", catalog=people) as lab:
        await lab.seed()
        await mana.forget("persona.tom@mana.test")
        run = await lab.run(days=1)
        assert (run.status, run.ticks, run.failed_ticks) == ("done", 2, 1)
        ticks = lab.ticks_df(run).set_index("persona")
    assert ticks.loc["Tom", "error"].startswith("unknown-persona: Tom cannot sign in at http://")
    assert ticks.loc["Anna", "status"] == "done"


async def test_a_wrong_secret_is_told_and_never_shown(tmp_path, mana, people):
    with pytest.raises(UnknownPersonaError, match=r"Anna cannot sign in at .* PERSONA_SEED"):
        await mana.connect(tmp_path / "here", seed_secret="hunter2", catalog=people)
    for _ in range(MOST_FAILURES - 1):
        with pytest.raises(InvalidCredentialsError):
            await mana.login("persona.anna@mana.test", "another guess")
    with pytest.raises(AccountLockedError) as locked:
        await mana.connect(tmp_path / "here", seed_secret="hunter2", catalog=people)
    assert "hunter2" not in str(locked.value)
    mana.clock.move_to(mana.clock.now() + LOCKED_FOR)
    async with await mana.connect(tmp_path / "here", catalog=people) as lab:
        assert lab.deployed is not None


async def test_the_secret_comes_from_the_environment(tmp_path, monkeypatch, mana, people):
    monkeypatch.setenv("PERSONA_SEED_SECRET", SECRET)
    async with await mana.connect(tmp_path / "here", seed_secret=None, catalog=people) as lab:
        assert await lab.token("ben")
        assert SECRET not in repr(lab) + repr(lab.deployed)


async def test_urls_decide_which_mana_a_lab_is_opened_with(tmp_path, monkeypatch, mana, folder):
    monkeypatch.setenv("PERSONA_SEED_SECRET", SECRET)
    where = {"mcp_url": mana.mcp, "auth_url": mana.auth}
    async with await open_lab(tmp_path / "here", **where) as lab:
        assert lab.deployed.url == mana.mcp
    async with await open_lab(folder, mcp_url="", auth_url="") as lab:
        assert lab.deployed is None
    for given, missing in (("mcp_url", "AUTH"), ("auth_url", "MCP")):
        with pytest.raises(SettingsError, match=f"MANA_LAB_{missing}_URL is not"):
            await open_lab(tmp_path / "new", **{given: where[given]})
    assert not (tmp_path / "new").exists()


async def test_what_needs_a_mana_of_its_own_is_refused(lab):
    fault = lab.faults.errors("todo.create", rate=0.5)
    tries = (
        lambda: lab.experiment(treatment=fault),
        lambda: lab.run(days=1, engine="dask"),
        lambda: lab.shards(2, None, days=1),
        lambda: lab.unfiltered(),
        lambda: lab.explain("b7c1a9e2-0000-4000-8000-000000000000"),
        lambda: lab.serve(port=0),
    )
    for attempt in tries:
        with pytest.raises(InvalidInputError, match=r"own Mana; this lab uses Mana at 127"):
            await attempt()
    with pytest.raises(InvalidInputError, match="this lab uses Mana at"), lab.plant(fault):
        pass


async def page(_request):
    return PlainTextResponse("<html><script>alert(1)</script>")


async def endless(_request):
    return PlainTextResponse("[" + "1," * 3_000_000 + "1]", media_type="application/json")


@asynccontextmanager
async def anything(answer):
    """Serve something that is no Mana: the same answer to all."""
    app = Starlette()
    app.add_route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])
    async with served(app) as url:
        yield url


@pytest.mark.parametrize("which", ["auth_url", "mcp_url"])
@pytest.mark.parametrize("answer", [page, endless])
async def test_an_address_of_something_else_is_told(tmp_path, mana, people, which, answer):
    what = {"auth_url": "Mana's identity service", "mcp_url": "Mana's gateway"}[which]
    async with anything(answer) as url:
        with pytest.raises(ManaLabError, match=f"{url}.*{which}") as refused:
            await mana.connect(tmp_path / "here", catalog=people, **{which: url})
    assert len(refused.value.message) < 500
    if answer is page:
        assert isinstance(refused.value, ProtocolError)
        assert f"is not {what}" in refused.value.message


async def test_another_mcp_server_is_no_gateway(tmp_path, mana, people):
    async with served(Shop().app()) as url:
        with pytest.raises(ProtocolError, match=r"'shops/corner-shop'.* Lab\.target"):
            await mana.connect(tmp_path / "here", mcp_url=url, catalog=people)


async def test_addresses_that_are_swapped_are_told(tmp_path, mana, people):
    with pytest.raises(ProtocolError, match=r"auth_url. is not Mana's identity service"):
        await mana.connect(tmp_path / "a", auth_url=mana.mcp, mcp_url=mana.auth, catalog=people)


async def test_the_gateway_of_another_mana_does_not_take_their_tokens(
    tmp_path, mana, people, folder, few
):
    async with await Lab.open(folder, catalog=few) as other:
        gateway = await other.serve(port=0)
        with pytest.raises(UnauthenticatedError, match="belong to the same Mana"):
            await mana.connect(tmp_path / "here", mcp_url=gateway.url, catalog=people)


@pytest.mark.parametrize("which", ["auth_url", "mcp_url"])
async def test_where_nobody_listens_the_address_is_named(tmp_path, mana, people, which):
    gone = {which: "http://127.0.0.1:9"}
    with pytest.raises(ServiceUnavailableError, match=f"127.0.0.1:9.*{which}.*cannot be reached"):
        await mana.connect(tmp_path / "here", catalog=people, **gone)
    async with await mana.connect(tmp_path / "here", catalog=people) as lab:
        assert lab.deployed.tools


async def test_a_password_goes_nowhere_that_was_not_named(tmp_path, mana, people):
    asked = []

    async def elsewhere(request):
        asked.append(request)
        return PlainTextResponse("thanks")

    async with anything(elsewhere) as thief:

        async def away(_request):
            return PlainTextResponse("", 307, {"Location": thief})

        async with anything(away) as url:
            for which in ("auth_url", "mcp_url"):
                with pytest.raises(ManaLabError, match=which):
                    await mana.connect(tmp_path / "here", catalog=people, **{which: url})
    assert asked == []


GOOD = "https://mana.example"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is not an http or https URL"),
        (None, "is not an http or https URL"),
        (3001, "is not an http or https URL"),
        ("mana.example", "is not an http or https URL"),
        ("ftp://mana.example", "is not an http or https URL"),
        ("javascript:alert(1)", "is not an http or https URL"),
        ("https://", "is not an http or https URL"),
        ("https://mana.example?x=1", "is not an http or https URL"),
        ("https://mana.example/\r\nX: y", "is not an http or https URL"),
        ("https://mana.example/" + "a" * 5_000, "is not an http or https URL"),
        ("https://mana.example:0", "a port that cannot exist"),
        ("https://mana.example:99999", "a port that cannot exist"),
        ("https://anna:hunter2@mana.example", "leave them out"),
        ("http://mana.example", "in plain; use https"),
        ("http://8.8.8.8:3001", "in plain; use https"),
        ("http://0.0.0.0:3001", "in plain; use https"),
        ("http://127.0.0.1.example.org", "in plain; use https"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url, words):
    for which, given in (("auth_url", (url, GOOD)), ("mcp_url", (GOOD, url))):
        with pytest.raises(SettingsError, match=words) as refused:
            Deployment(*given, SECRET)
        assert refused.value.message.startswith(f"{which}: ")
        assert "hunter2" not in refused.value.message
        assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:3001",
        "http://[::1]:3001",
        "http://identity:3001",
        "http://10.0.0.7:3001",
        "http://mana.internal",
        "https://mana.example/api",
    ],
)
def test_an_address_that_can_be_used_is_taken(url):
    there = Deployment(url, url + "/", SECRET)
    assert (there.auth_url, there.mcp_url) == (url, url + "/mcp")
    assert Deployment(url, url + "/mcp/", SECRET) == there
    assert SECRET not in repr(there)


@pytest.mark.parametrize("given", [None, "", "dev-persona-seed-secret-rotate-in-prod"])
def test_a_foreign_host_needs_a_secret_of_its_own(monkeypatch, given):
    monkeypatch.delenv("PERSONA_SEED_SECRET", raising=False)
    with pytest.raises(SettingsError, match="PERSONA_SEED_SECRET"):
        Deployment(GOOD, GOOD, given)
