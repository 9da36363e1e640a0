"""Ticks with a server that is not Mana: the same ledger, audit and ratings."""

import pytest
from runner_house import open_mana, story
from target_house import Shop, door_to, program, remote, served, tool

from mana_lab.runner.target import ModuleTable, ServerLimits, TargetDoor


@pytest.fixture
def shop():
    return Shop()


async def live(mana, door, personas, *, days=2, **terms):
    """Let personas use a server for some days, and return the run."""
    only = [persona.email for persona in personas]
    return await mana.live(days=days, only=only, fleet=mana.fleet(door=door), **terms)


async def test_ticks_leave_the_same_rows_as_with_mana(mana, shop, anna, maya):
    async with served(shop.app()) as url, door_to(remote(url), anna) as door:
        run = await live(mana, door, [anna, maya])
    actions, ratings = await story(mana)
    assert (run.ticks, run.failed_ticks, run.status) == (4, 0, "done")
    assert run.calls == len(actions) > 4
    assert {action["module"] for action in actions} == {"cornerShop", "goods", "opening"}
    assert {action["error_kind"] for action in actions} == {None, "not-found"}
    assert all(len(row["tool_hash"]) == 64 for row in await mana.rows("persona_actions"))
    known = {action["id"] for action in actions}
    assert ratings
    for rating in ratings:
        assert rating["module"] in {"cornerShop", "goods", "opening"}
        assert known.issuperset(rating["evidence"])
    assert not run.skipped_modules


async def test_what_may_destroy_something_is_not_called(mana, shop, anna, maya):
    """Neither tool says so: it stands in the name of one."""
    async with served(shop.app()) as url, door_to(remote(url), anna) as door:
        await live(mana, door, [anna, maya], days=4)
    actions, _ = await story(mana)
    names = {action["tool_name"] for action in actions}
    assert names == {"goods_add", "goods_list", "opening-hours", "get_weather"}


async def told(tmp_path, name, concurrency, anna, maya):
    """Return what happened in a lab of its own."""
    shop, folder = Shop(era="old"), tmp_path / name
    folder.mkdir()
    shop.answer = lambda tool, _given: None if tool != "goods_list" else shop.nothing()
    async with (
        open_mana(folder, [anna, maya]) as mana,
        served(shop.app()) as url,
        door_to(remote(url), anna) as door,
    ):
        await live(mana, door, [anna, maya], concurrency=concurrency)
        return await story(mana)


async def test_the_same_seed_makes_the_same_calls_at_any_concurrency(tmp_path, anna, maya):
    one = await told(tmp_path, "one", 1, anna, maya)
    other = await told(tmp_path, "other", 8, anna, maya)
    assert one == other
    assert len(one[0]) > 4


async def test_a_server_that_dies_fails_the_tick_and_the_next_one_starts_anew(mana, tmp_path, anna):
    limits = ServerLimits(start_s=20, call_s=20)
    server = program(tmp_path, "dies", limits=limits)
    async with door_to(server, anna, modules={"stuff": ("*",)}) as door:
        run = await live(mana, door, [anna], days=4)
    ticks = await mana.rows("ticks")
    actions, _ = await story(mana)
    died = {action["tick_id"] for action in actions if action["tool_name"] == "ask"}
    assert died
    assert {tick["id"] for tick in ticks if tick["status"] == "failed"} == died
    assert len(died) < len(ticks) == run.ticks == 4
    assert run.failed_ticks == len(died)
    for tick in ticks:
        if tick["id"] in died:
            assert tick["failed_step"] == "use"
            assert tick["error"].startswith("service-unavailable: the server was gone")
    for action in actions:
        if action["tool_name"] == "ask":
            assert action["error_kind"] == "infrastructure"


async def test_a_server_that_is_gone_fails_ticks_and_not_the_run(mana, shop, anna):
    async with served(shop.app()) as url:
        door = await TargetDoor.look(remote(url), anna, ModuleTable(), mana.clock)
    async with door:
        run = await live(mana, door, [anna])
    assert (run.status, run.ticks, run.failed_ticks) == ("done", 2, 2)
    for tick in await mana.rows("ticks"):
        assert (tick["failed_step"], tick["calls"]) == ("sign-in", 0)
        assert "cannot be reached" in tick["error"]


async def test_a_server_may_change_its_tools_between_ticks(mana, shop, anna):
    """The personas were seeded for Mana: they want what the server had when it was looked at."""
    async with served(shop.app()) as url, door_to(remote(url), anna) as door:
        shop.tools = [tool("goods_count", reads=True)]
        run = await live(mana, door, [anna])
    actions, _ = await story(mana)
    assert run.failed_ticks == 0
    assert {action["tool_name"] for action in actions} == {"goods_count"}
