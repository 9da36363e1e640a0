"""What needs no session: places, pairs, the key."""

import asyncio

import pytest
from claude_house import MODEL, sdk

from mana_lab.errors import AuditMismatchError, InvalidInputError, SettingsError
from mana_lab.runner.calls import CallOutcome
from mana_lab.runner.claude import ClaudeBrain, ModelLimits, Places, free_memory
from mana_lab.runner.claude.pairing import Pairing
from mana_lab.runner.playing.hands import Told, refusal

MB = 1_000_000


async def most_at_once(places, wanted):
    inside, most = 0, 0

    async def session():
        nonlocal inside, most
        async with places.one():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(session() for _ in range(wanted)))
    return most


@pytest.mark.parametrize(
    ("free", "most", "expected"),
    [
        (0, None, 1),
        (249, None, 1),
        (760, None, 3),
        (9_000, None, 8),
        (760, 2, 2),
    ],
)
async def test_sessions_are_as_many_as_fit_into_memory(free, most, expected):
    assert await most_at_once(Places(lambda: free * MB, most=most), 8) == expected


async def test_memory_is_looked_at_anew_when_no_session_is_open():
    free = iter([500 * MB, 1_000 * MB])
    places = Places(lambda: next(free))
    assert await most_at_once(places, 8) == 2
    assert await most_at_once(places, 8) == 4


async def test_a_place_is_given_back_when_a_session_fails_or_is_cancelled():
    places = Places(lambda: 0)
    with pytest.raises(ValueError, match="broken"):
        async with places.one():
            raise ValueError("broken")
    async with places.one():
        waiting = asyncio.create_task(most_at_once(places, 1))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(5):
        assert await most_at_once(places, 2) == 1


@pytest.mark.parametrize("wrong", [{"session_bytes": 0}, {"most": 0}])
def test_places_for_nobody_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        Places(lambda: 0, **wrong)


def machine(folder, meminfo=None, **group):
    (folder / "proc").mkdir()
    (folder / "sys/fs/cgroup").mkdir(parents=True)
    if meminfo is not None:
        (folder / "proc/meminfo").write_text(meminfo)
    for name, text in group.items():
        (folder / f"sys/fs/cgroup/memory.{name}").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("meminfo", "group", "expected"),
    [
        ("MemTotal: 9 kB\nMemAvailable:   1000 kB\n", {}, 1_024_000),
        ("MemAvailable: 1000 kB\n", {"max": "max\n", "current": "5"}, 1_024_000),
        ("MemAvailable: 1000 kB\n", {"max": "9000\n", "current": "5000\n"}, 4_000),
        ("MemAvailable: 1000 kB\n", {"max": "9000\n", "current": "9001\n"}, 0),
        ("MemAvailable: ???", {}, 2_000_000_000),
        ("", {}, 2_000_000_000),
        (None, {}, 2_000_000_000),
    ],
    ids=["memory", "no limit", "group", "over", "garbage", "empty", "absent"],
)
def test_free_memory_is_what_machine_and_group_leave(tmp_path, meminfo, group, expected):
    assert free_memory(machine(tmp_path, meminfo, **group)) == expected


def test_this_machine_has_some_memory_left():
    assert free_memory() > 0


def told(seq=0, ok=True):
    outcome = CallOutcome("todo.list", {}, None, 1.0, f"action {seq}", seq)
    return Told("done", not ok, outcome)


def said(*pairs):
    return sdk.AssistantMessage(
        [sdk.ToolUseBlock(each, f"mcp__mana__{name}", {}) for each, name in pairs], MODEL
    )


def resulted(use_id, is_error=None):
    return sdk.UserMessage([sdk.ToolResultBlock(use_id, "…", is_error)])


def test_uses_and_calls_that_belong_together_pass():
    pairing = Pairing()
    pairing.seen(said(("u1", "todo_list"), ("u2", "todo_list"), ("u3", "todo_list")))
    pairing.answered("u1", "todo_list", {}, told(0))
    pairing.answered("u2", "todo_list", {}, told(1, ok=False))
    pairing.answered("u3", "todo_list", {}, refusal("no-time-left", "…"))
    assert pairing.seen(resulted("u1")) == []
    pairing.seen(resulted("u2", True))
    pairing.seen(resulted("u3", True))
    pairing.reconcile()
    assert pairing.action_ids == {"u1": "action 0", "u2": "action 1"}


def test_a_use_that_claude_code_refuses_by_itself_is_handed_back():
    pairing = Pairing()
    pairing.seen(said(("u1", "todo_fly")))
    [use] = pairing.seen(resulted("u1", True))
    assert use.name == "mcp__mana__todo_fly"
    pairing.reconcile()


MISMATCHES = {
    "no call": ([("u1", "todo_list")], [], (1, 0)),
    "no use": ([], [("u1", "todo_list")], (0, 1)),
    "no id": ([], [(None, "todo_list")], (0, 1)),
    "twice": ([("u1", "todo_list")], [("u1", "todo_list")] * 2, (1, 2)),
    "another tool": ([("u1", "todo_list")], [("u1", "todo_create")], (1, 1)),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_what_does_not_belong_together_is_an_error_with_both_numbers(name):
    uses_seen, calls, numbers = MISMATCHES[name]
    pairing = Pairing()
    pairing.seen(said(*uses_seen))
    for seq, (use_id, function) in enumerate(calls):
        pairing.answered(use_id, function, {}, told(seq))
    for use_id, _ in uses_seen:
        pairing.seen(resulted(use_id))
    with pytest.raises(AuditMismatchError) as mismatch:
        pairing.reconcile()
    assert (mismatch.value.seen, mismatch.value.recorded) == numbers


def test_without_a_key_it_is_said_what_to_set():
    with pytest.raises(SettingsError, match="ANTHROPIC_API_KEY"):
        ClaudeBrain(MODEL, environment={"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"})


def test_money_of_a_run_needs_a_limit_on_the_tick():
    environment = {"ANTHROPIC_API_KEY": "any"}
    ClaudeBrain(MODEL, environment=environment).require_price()
    with pytest.raises(SettingsError, match="cost_usd"):
        ClaudeBrain(MODEL, environment=environment, limits=ModelLimits()).require_price()
