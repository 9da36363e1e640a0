"""What Claude Code does with the app, knows of this machine, and may take."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from claude_house import KEY, claude, judged, leaves, rates, use, uses
from playing_house import ANNA, scene_of
from provider_house import Fail, Say, Use, in_order, provider

from mana_lab.errors import (
    AuditMismatchError,
    BudgetExhaustedError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from mana_lab.runner.claude import ModelLimits, Places
from mana_lab.runner.meter import Tally

pytestmark = pytest.mark.slow

LIST = uses(("todo_list", {}))
ONE_DOLLAR = Decimal(1)


class Purse(Tally):
    """A tally that remembers what was reserved, and may refuse."""

    def __init__(self, refuses=False):
        super().__init__()
        self.reserved = []
        self.refuses = refuses

    async def reserve(self, at_most):
        if self.refuses:
            raise BudgetExhaustedError("the run has no money left", "run")
        self.reserved.append(at_most)


async def test_claude_knows_nothing_of_this_machine(shared, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    marker = "the marker of the tests"
    hook = {"hooks": [{"type": "command", "command": f"touch {tmp_path}/hooked"}]}
    settings = {"hooks": {"UserPromptSubmit": [hook], "PostToolUse": [{"matcher": "*"} | hook]}}
    for folder in (home, home / ".claude"):
        (folder / "CLAUDE.md").write_text(marker)
    for name in ("settings.json", "settings.local.json"):
        (home / ".claude" / name).write_text(json.dumps(settings | {"model": "another"}))
    (home / ".mcp.json").write_text('{"mcpServers": {"other": {"command": "cat"}}}')
    monkeypatch.chdir(home)
    for name, value in (("HOME", home), ("CLAUDE_CONFIG_DIR", home / ".claude")):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Marker: {marker}")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", marker)
    before = sorted(home.rglob("*"))

    async with provider(in_order(LIST, leaves())) as house:
        await use(shared, claude(house))
        async with await shared.app(ANNA) as app:
            tools = {
                f"mcp__mana__{tool.name.replace('.', '_')}": tool for tool in await app.tools()
            }
    assert not (tmp_path / "hooked").exists()
    assert sorted(home.rglob("*")) == before
    assert not house.others
    for asked in house.requests:
        assert marker not in json.dumps([asked.body, dict(asked.headers)])
        assert str(tmp_path) not in json.dumps(asked.body)
        assert "/tmp" not in asked.text
        assert asked.headers["x-api-key"] == KEY
        assert asked.model == "claude-sonnet-5-5"
        assert asked.body["max_tokens"] == 4096
        assert set(asked.tools) == {*tools, "mcp__mana__leave"}
        for name, tool in tools.items():
            assert asked.tools[name] == {
                "description": tool.description,
                "schema": tool.input_schema,
            }
        assert "2026-01-05" in asked.turns[0].text
        assert "$" not in asked.text  # no word of the budget
        assert not [turn for turn in asked.turns if turn.role == "system" and turn.text]


async def test_text_that_looks_like_a_command_or_a_file_is_only_text(shared, tmp_path):
    (tmp_path / "secret.txt").write_text("a secret of this machine")
    scene = scene_of(past={"visits": [f"/help @{tmp_path}/secret.txt"]})
    async with provider(in_order(leaves())) as house:
        await use(shared, claude(house), scene)
    [asked] = house.requests
    assert f"/help @{tmp_path}/secret.txt" in asked.text
    assert "a secret of this machine" not in asked.text


async def test_a_persona_may_give_up_and_what_it_notes_is_remembered(shared):
    async with provider(in_order(LIST, leaves("Nie wieder.", gave_up="It is slow."))) as house:
        scene, actions = await use(shared, claude(house))
    assert len(house.requests) == 2  # nothing is asked after leaving
    assert scene.memory.gave_up == "It is slow."
    [visit] = scene.memory.kept["visits"]
    assert (visit["note"], visit["gave_up"]) == ("Nie wieder.", "It is slow.")
    assert visit["calls"] == {"todo.list": "worked 1 of 1"}
    assert list(scene.memory.outcomes) == [action.id for action in actions]
    assert len(scene.memory.prompt_hash) == 64


async def test_what_claude_says_last_is_its_note_if_it_does_not_take_its_leave(shared):
    async with provider(in_order(LIST, Say("I am off."))) as house:
        scene, _ = await use(shared, claude(house))
    assert scene.memory.kept["visits"][0]["note"] == "I am off."


async def test_a_leave_that_cannot_be_read_is_asked_for_again(shared):
    bad = uses(("leave", {"note": ["not", "a", "text"]}))
    async with provider(in_order(bad, leaves("Well."))) as house:
        scene, actions = await use(shared, claude(house))
    assert house.requests[1].results[0].is_error
    assert scene.memory.kept["visits"][0]["note"] == "Well."
    assert not actions


async def test_calls_that_reach_no_tool_are_no_calls(shared):
    strange = Say(
        uses=(
            Use("mcp__mana__todo_create", '{"title": "Mi'),
            Use("Bash", {"command": "touch somewhere"}),
            Use("mcp__mana__todo_fly", {"title": "\ud800"}),
        )
    )
    async with provider(in_order(strange, leaves())) as house:
        _, actions = await use(shared, claude(house))
    assert [(action.tool_name, action.error_code) for action in actions] == [
        ("Bash", "unknown-tool"),
        ("todo.fly", "unknown-tool"),
    ]
    assert [result.is_error for result in house.requests[1].results] == [True] * 3


async def test_leaving_cuts_off_what_was_wanted_after_it(shared):
    hasty = uses(("todo_list", {}), ("leave", {"note": "Bye."}), ("todo_create", {"title": "X"}))
    async with provider(in_order(hasty)) as house:
        scene, actions = await use(shared, claude(house))
    assert [action.tool_name for action in actions] == ["todo.list"]
    assert scene.memory.kept["visits"][0]["note"] == "Bye."


async def test_one_id_for_two_calls_is_a_mismatch_with_both_numbers(fresh):
    twin = Use("mcp__mana__todo_list", {}, "toolu_the_same")
    once, again = Say(uses=(twin,)), Say(uses=(twin,))
    async with provider(in_order(once, again, leaves())) as house, claude(house) as brain:
        await fresh.live(brain)
    [tick] = await fresh.rows("ticks")
    assert tick["failed_step"] == "use"
    assert tick["error"].startswith("audit-mismatch: Claude Code's messages tell of 1 calls")
    assert len(await fresh.rows("persona_actions")) == 2


async def test_calls_that_the_audit_lacks_fail_the_rating(shared):
    async with provider(in_order(LIST, leaves())) as house, claude(house) as brain:
        scene = scene_of()
        async with await shared.app(ANNA) as app:
            await brain.use(app, scene)
            with pytest.raises(AuditMismatchError) as mismatch:
                await brain.rate(scene, ())
    assert (mismatch.value.seen, mismatch.value.recorded) == (1, 0)


async def test_no_more_tools_are_called_than_allowed(shared):
    two = uses(("todo_list", {}), ("todo_list", {}))
    answers = in_order(two, LIST, LIST, LIST)
    async with provider(answers) as house:
        _, actions = await use(shared, claude(house, limits=ModelLimits(calls=1)))
    assert len(actions) == 1
    assert "no-time-left" in house.requests[1].results[1].text
    assert len(house.requests) <= 3  # one to say goodbye; the stop may cross one more


async def test_no_more_is_asked_than_allowed(shared):
    async with provider(lambda _asked: LIST) as house:
        scene, actions = await use(shared, claude(house, limits=ModelLimits(requests=4)))
    assert (len(house.requests), len(actions)) == (2, 2)
    assert scene.memory.gave_up is None


LIMITS = {
    "tokens": ({"tokens": 100_000}, 30_000, 1, 3),
    "money": ({"cost_usd": Decimal("0.5")}, 120_000, 1, 3),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_a_visit_ends_at_a_limit(shared, name):
    limits, tokens, least, most = LIMITS[name]
    greedy = replace(LIST, input_tokens=tokens)
    tally = Tally()
    async with provider(lambda _asked: greedy) as house:
        await use(shared, claude(house, limits=ModelLimits(**limits)), scene_of(meter=tally))
    assert least <= len(house.requests) <= most
    assert tally.used.input_tokens == tokens * len(house.requests)


async def test_what_a_tick_takes_is_reserved_before_and_counted_after(shared):
    purse = Purse()
    scene = scene_of(meter=purse)
    answers = in_order(
        replace(LIST, input_tokens=1000, output_tokens=10, cached_tokens=400),
        replace(leaves(), input_tokens=2000, output_tokens=20),
        replace(rates(judged()), input_tokens=500, output_tokens=50),
    )
    async with provider(answers) as house, claude(house) as brain, await shared.app(ANNA) as app:
        await brain.use(app, scene)
        [rating] = await brain.rate(scene, app.recorder.actions)
    assert rating.rating == 5
    assert [each.cost_usd for each in purse.reserved] == [Decimal("0.8"), Decimal("0.2")]
    assert [each.requests for each in purse.reserved] == [12, 2]
    assert (purse.used.requests, purse.used.input_tokens) == (3, 3500)
    assert purse.used.output_tokens >= 50
    assert 0 < purse.used.cost_usd < ONE_DOLLAR


@pytest.mark.parametrize("limits", [None, ModelLimits(cost_usd=0)], ids=["run", "tick"])
async def test_nothing_is_asked_where_there_is_no_money(shared, limits):
    async with provider(in_order()) as house:
        brain = claude(house, limits=limits)
        if limits is None:
            with pytest.raises(BudgetExhaustedError):
                await use(shared, brain, scene_of(meter=Purse(refuses=True)))
        else:
            _, actions = await use(shared, brain)
            assert not actions
    assert not house.requests


FAILURES = {
    "key": (Fail(401, "invalid x-api-key"), ProviderRefusedError, "ANTHROPIC_API_KEY"),
    "credit": (Fail(400, "Your credit balance is too low"), ProviderRefusedError, "no credit"),
    "request": (Fail(400, "prompt is bad"), ProviderRefusedError, "prompt is bad"),
    "rate": (Fail(429, "slow down", retry_after="0"), ProviderUnavailableError, "slow down"),
    "overloaded": (Fail(529, "overloaded"), ProviderUnavailableError, "529"),
    "length": (Say("on and on", stop="max_tokens"), ProviderRefusedError, "answer_tokens"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_provider_that_fails_is_a_typed_error_without_the_key(shared, name):
    answer, kind, words = FAILURES[name]
    async with provider(lambda _asked: answer) as house:
        with pytest.raises(kind, match=words) as failure:
            await use(shared, claude(house))
    assert KEY not in str(failure.value)


async def test_a_busy_provider_is_asked_again(shared):
    busy = Fail(529, "overloaded", retry_after="0")
    async with provider(in_order(busy, LIST, leaves())) as house:
        _, actions = await use(shared, claude(house))
    assert len(actions) == 1


async def test_no_more_sessions_are_open_than_there_are_places(shared):
    most = 0

    async def one_by_one(_asked):
        nonlocal most
        most = max(most, house.in_flight)
        return leaves()

    async with provider(one_by_one) as house:
        brain = claude(house, places=Places(lambda: 300_000_000))
        await asyncio.gather(*(use(shared, brain) for _ in range(2)))
    assert most == 1
    assert len(house.requests) == 2
