"""A lab whose personas use another server than Mana."""

import os
import sys

import pytest
from target_house import Shop, answered, command, served, tool

from mana_lab import Lab
from mana_lab.errors import (
    InvalidInputError,
    LabClosedError,
    ServiceUnavailableError,
    SettingsError,
    UnknownPersonaError,
)
from mana_lab.lab import Target
from mana_lab.runner.target import ServerLimits

MODULES = {"goods": ["goods_*"], "shop": ["opening-hours", "get_weather"]}


@pytest.fixture
async def shop():
    shop = Shop()
    async with served(shop.app()) as shop.url:
        yield shop


@pytest.fixture
async def lab(folder, few, shop):
    """Return a lab that was seeded for Mana, and is now used with a shop."""
    stands = {"notes": "goods", "todo": "goods"}
    async with await Lab.target(
        folder, url=shop.url, modules=MODULES, stands_for=stands, catalog=few
    ) as lab:
        yield lab


@pytest.mark.slow
async def test_all_that_is_found_is_found_as_with_mana(lab, tmp_path):
    report = await lab.seed()
    assert repr(report) == "<SeedReport: 4 updated>"
    run = await lab.run(days=3, seed=7)
    assert (run.status, run.failed_ticks) == ("done", 0)
    actions, ratings = lab.actions_df(run), lab.feedback_df(run)
    assert len(actions) == run.calls
    assert set(actions["module"]) == set(ratings["module"]) == {"goods", "shop"}
    assert set(actions["persona"]) == {"Anna", "Ben", "Maya", "Paul"}
    counted = lab.sql(
        "SELECT count(*) AS calls FROM persona_actions WHERE tool_name LIKE 'goods_%'"
    )
    assert 0 < counted["calls"][0] < run.calls
    assert lab.charts.tool_errors(run).finding
    planned = lab.charts.module_mix_table(run).query("planned > 0")
    assert set(planned.index.get_level_values("module")) == {"goods", "shop"}
    assert "goods_list" in lab.report(tmp_path / "report.html", run).read_text(encoding="utf-8")


async def test_the_lab_says_which_server_it_uses(lab):
    assert repr(lab) == "<Lab: 4 personas using shops/corner-shop, 2026-01-05 00:00 UTC>"
    assert repr(lab.server) == (
        "<Target: shops/corner-shop 1.2, MCP 2026-07-28, 5 tools in goods, shop>"
    )
    assert lab.catalog.get("paul").module_mix == {"goods": 1.0, "shop": 1.0}


async def test_a_lab_of_mana_uses_no_other_server(folder, few):
    async with await Lab.open(folder, catalog=few) as lab:
        assert lab.server is None


async def test_a_persona_uses_the_server_by_hand(lab, shop):
    async with await lab.persona("anna") as anna:
        assert repr(anna) == "<Anna, signed in>"
        assert len(await anna.tools()) == 5
        added = await anna.call("goods_add", name="tea", price=2)
        assert added.data in shop.goods
        assert anna.space_id == ""
        assert anna.user_id
    [row] = lab.actions_df().to_dict("records")
    assert (row["persona"], row["module"], row["tool_name"]) == ("Anna", "goods", "goods_add")
    with pytest.raises(LabClosedError):
        await anna.call("goods_list")
    again = await lab.persona("anna")
    await lab.close()
    with pytest.raises(LabClosedError):
        await again.tools()


async def test_spaces_and_consents_are_manas(lab):
    for given in ({"space": "anna-and-ben"}, {"agree": lambda _question: True}):
        with pytest.raises(InvalidInputError, match="another server"):
            await lab.persona("anna", **given)


async def test_who_is_not_seeded_cannot_come_in(tmp_path, few, shop):
    async with await Lab.target(tmp_path / "new", url=shop.url, catalog=few) as lab:
        with pytest.raises(UnknownPersonaError, match="not seeded"):
            await lab.persona("anna")
        with pytest.raises(UnknownPersonaError, match="nobody is seeded"):
            await lab.run(days=1)


async def test_each_persona_is_a_user_of_their_own(folder, few, shop):
    tokens = {persona.slug: f"token-of-{persona.slug}" for persona in few}
    async with await Lab.target(folder, url=shop.url, auth=tokens.get, catalog=few) as lab:
        run = await lab.run(days=1, personas=["ben", "maya"])
    assert run.calls
    assert set(shop.users) >= {"Bearer token-of-ben", "Bearer token-of-maya"}
    assert not any("paul" in str(user) for user in shop.users)


async def test_a_program_is_started_for_each_persona_in_a_folder_of_theirs(folder, few):
    async with await Lab.target(
        folder, command=command("well", "{folder}"), env={"WHO": "{persona}"}, catalog=few
    ) as lab:
        said = {}
        for name in ("anna", "ben"):
            session = await lab.persona(name)
            await session.call("notes_add", text=f"{name} was here")
            said[name] = (await session.call("ask")).data
            notes = await session.call("notes_list")
            assert notes.data == {"notes": [f"{name} was here"]}
        assert (await lab.run(days=1)).failed_ticks == 0
    for name, each in said.items():
        assert each["texts"] == [str(folder / "personas" / f"persona.{name}")]
        assert each["env"]["WHO"] == name
        with pytest.raises(ProcessLookupError):
            os.kill(each["pid"], 0)


@pytest.mark.slow
async def test_names_that_charts_and_pages_could_stumble_over(folder, few, shop, tmp_path):
    shop.tools = [
        tool("$x^2$ <script>alert(1)</script>", reads=True),
        tool("日本_一覧 & \"more\" | 'less'", reads=True),
        tool("{curly} %s [a](b)", reads=True),
    ]
    shop.answer = lambda name, _given: answered({"html": "<b>", "name": name})
    async with await Lab.target(folder, url=shop.url, catalog=few) as lab:
        run = await lab.run(days=2)
        assert set(lab.actions_df(run)["tool_name"]) == {each.name for each in lab.server.tools}
        page = lab.report(tmp_path / "report.html", run).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


async def test_a_server_that_is_not_there_leaves_the_folder_free(folder, few, shop):
    for where in ({"url": "http://127.0.0.1:9/mcp"}, {"command": [sys.executable, "-c", "1"]}):
        with pytest.raises(ServiceUnavailableError):
            await Lab.target(folder, **where, catalog=few, limits=ServerLimits(start_s=20))
    with pytest.raises(SettingsError, match="none of that name"):
        await Lab.target(folder, url=shop.url, modules={"goods": ["bads_*"]}, catalog=few)
    async with await Lab.target(folder, url=shop.url, catalog=few) as lab:
        assert lab.server.name


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "by one of them only"),
        ({"url": "http://here/mcp", "command": ["x"]}, "by one of them only"),
        ({"command": ["x"], "auth": "abc"}, "go with url="),
        ({"command": ["x"], "headers": {}}, "go with url="),
        ({"url": "http://here/mcp", "env": {}}, "goes with command="),
    ],
)
def test_a_target_is_one_thing(given, words):
    with pytest.raises(SettingsError, match=words) as refused:
        Target(**given)
    assert "abc" not in refused.value.message


def test_a_target_shows_no_secrets():
    target = Target(url="http://here/mcp", auth="s3cret", headers={"X-Key": "s3cret"})
    assert "s3cret" not in repr(target)
