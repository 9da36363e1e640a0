"""Model brains over real wires: a provider on loopback, named as users name theirs."""

import json
from decimal import Decimal

import pytest
from playing_house import ANNA, scene_of
from provider_house import Fail, Raw, Say, Use, in_order, provider

from mana_lab.clock import ManualClock
from mana_lab.errors import (
    InfrastructureError,
    ProtocolError,
    ProviderRefusedError,
    ProviderUnavailableError,
    SettingsError,
)
from mana_lab.runner.meter import Tally
from mana_lab.runner.models import LocalFlow, ModelBrain, Pace, model_brain

KEY = "sk-ant-a-key-of-the-tests-1234567890"
WIRES = {
    "anthropic:claude-sonnet-5-5": "messages",
    "openai:gpt-5-mini": "responses",
    "openai-chat:gpt-4.1-mini": "chat",
    "ollama:qwen3": "chat",
}
SOME_WIRES = [
    pytest.param(name, marks=[] if name.startswith("anthropic") else pytest.mark.slow)
    for name in WIRES
]
"""All of them; in the default run, only the first."""
KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OLLAMA_API_KEY")
DAY = (
    Say("Milk first.", (Use("todo_create", {"title": "Milk"}), Use("todo_fly"))),
    Say(uses=(Use("leave", {"note": "Milk is on the list."}),)),
    Say(
        uses=(
            Use(
                "rate",
                {
                    "ratings": [
                        {
                            "module": "todo",
                            "experience": "Quick.",
                            "reason": "Call 1 worked.",
                            "cites": [1],
                            "score": 5,
                        }
                    ]
                },
            ),
        )
    ),
)


class Pauses:
    """Waits by moving a clock, and remembers for how long."""

    def __init__(self):
        self.clock = ManualClock()
        self.waited = []

    async def __call__(self, seconds):
        self.waited.append(seconds)
        self.clock.advance(seconds)

    def pace(self, **options):
        return Pace(LocalFlow(clock=self.clock, pause=self), pause=self, **options)


@pytest.fixture
def named(monkeypatch):
    """Return what points the providers' libraries at a provider of the tests, as users do."""

    def point_at(house):
        for key in KEYS:
            monkeypatch.setenv(key, KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", house.url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{house.url}/v1")
        monkeypatch.setenv("OLLAMA_BASE_URL", f"{house.url}/v1")

    return point_at


async def use(mana, brain, scene=None):
    scene = scene or scene_of()
    async with await mana.app(ANNA) as app, brain:
        await brain.use(app, scene)
        return app.recorder.actions


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        pytest.param(name, stream, marks=[] if stream or kind == "messages" else pytest.mark.slow)
        for name, kind in WIRES.items()
        for stream in (False, True)
    ],
)
async def test_a_tick_over_a_wire(fresh, named, name, stream):
    async with provider(in_order(*DAY)) as house:
        named(house)
        async with ModelBrain(name, stream=stream) as brain:
            run = await fresh.live(brain)
    assert [tick["error"] for tick in await fresh.rows("ticks")] == [None]
    assert (run.brain, run.model) == ("model", name)
    rows = await fresh.rows("persona_actions")
    assert [(row["tool_name"], row["error_code"]) for row in rows] == [
        ("todo.create", None),
        ("todo.fly", "unknown-tool"),
    ]
    [feedback] = await fresh.rows("persona_feedback")
    assert (feedback["rating"], feedback["evidence"]) == (5, [rows[0]["id"]])

    first, second, last = house.requests
    assert {asked.wire for asked in house.requests} == {WIRES[name]}
    assert {asked.stream for asked in house.requests} == {stream}
    assert ANNA.system_prompt in first.system
    assert "Monday, 2026-01-05" in first.turns[0].text
    assert first.tools["todo_create"]["schema"]["properties"]["title"]
    assert "leave" in first.tools
    made, unknown = second.results
    assert json.loads(made.text.split("\n")[1])["task"]["title"] == "Milk"
    assert "unknown-tool" in unknown.text
    assert list(last.tools) == ["rate"]
    assert "Call 2: todo.fly failed" in last.turns[0].text


async def test_anthropic_is_told_of_errors_and_of_what_to_cache(mana, named):
    async with provider(in_order(*DAY)) as house:
        named(house)
        await use(mana, ModelBrain("anthropic:claude-sonnet-5-5"))
    first, second = house.requests
    assert [result.is_error for result in second.results] == [False, True]
    assert first.body["max_tokens"] == 4096
    assert "cache_control" in json.dumps(first.body["system"])
    assert "cache_control" in json.dumps(first.body["tools"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [429, 529])
@pytest.mark.parametrize("name", SOME_WIRES)
async def test_a_busy_provider_is_asked_again_when_it_wants(mana, named, name, status, stream):
    busy = Fail(status, "slow down", retry_after="7")
    pauses = Pauses()
    tally = Tally()
    async with provider(in_order(busy, busy, *DAY)) as house:
        named(house)
        brain = ModelBrain(name, stream=stream, pace=pauses.pace())
        actions = await use(mana, brain, scene_of(meter=tally))
    assert len(actions) == 2
    assert len(house.requests) == 4
    assert pauses.waited == [7.0, 7.0]
    assert tally.used.requests == 4


@pytest.mark.parametrize("name", ["anthropic:claude-sonnet-5-5", "openai-chat:gpt-4.1-mini"])
async def test_a_stream_that_fails_or_breaks_off_is_asked_for_again(mana, named, name):
    broken = [Fail(529, "overloaded", after="I beg"), Say("I begin", cut=True)]
    pauses = Pauses()
    tally = Tally()
    async with provider(in_order(*broken, *DAY)) as house:
        named(house)
        brain = ModelBrain(name, stream=True, pace=pauses.pace())
        actions = await use(mana, brain, scene_of(meter=tally))
    assert len(actions) == 2
    assert len(house.requests) == 4
    assert len(pauses.waited) == 2
    assert tally.used.output_tokens > 2 * 4096


@pytest.mark.parametrize(
    "answer",
    [
        Fail(500, "an accident"),
        Fail(503, "closed"),
        Raw(b"<html>bad gateway</html>", 502, "text/html"),
        Raw(b"<html>hello</html>", 200, "text/html"),
        Raw(b"{", 200),
        Raw(b"", 200),
    ],
    ids=["500", "503", "502", "page", "half", "empty"],
)
@pytest.mark.parametrize("name", SOME_WIRES)
async def test_a_provider_that_stays_broken_fails_the_tick_for_another_try(
    mana, named, name, answer
):
    pauses = Pauses()
    async with provider(lambda _asked: answer) as house:
        named(house)
        with pytest.raises(ProviderUnavailableError, match="try 3 of 3"):
            await use(mana, ModelBrain(name, pace=pauses.pace(tries=3)))
    assert len(house.requests) == 3
    assert len(pauses.waited) == 2
    assert all(0.5 * 2**place <= each <= 2**place for place, each in enumerate(pauses.waited))


@pytest.mark.parametrize("name", SOME_WIRES)
async def test_an_answer_of_another_protocol_fails_the_tick_for_another_try(mana, named, name):
    async with provider(lambda _asked: Raw(b'{"object": "list"}')) as house:
        named(house)
        with pytest.raises(InfrastructureError) as told:
            await use(mana, ModelBrain(name, pace=Pauses().pace(tries=2)))
    assert isinstance(told.value, ProtocolError | ProviderUnavailableError)


@pytest.mark.parametrize("name", SOME_WIRES)
async def test_a_provider_that_is_not_there_fails_the_tick_for_another_try(mana, named, name):
    async with provider(lambda _asked: Say("Hm.")) as house:
        named(house)
    pauses = Pauses()
    with pytest.raises(ProviderUnavailableError, match="try 6 of 6"):
        await use(mana, ModelBrain(name, pace=pauses.pace()))
    assert len(pauses.waited) == 5


@pytest.mark.parametrize("retry_after", ["soon", "-3", "", "nan", "1e400"])
async def test_a_wait_that_is_none_is_not_believed(mana, named, retry_after):
    pauses = Pauses()
    busy = Fail(429, retry_after=retry_after)
    async with provider(in_order(busy, DAY[1])) as house:
        named(house)
        await use(mana, ModelBrain("anthropic:claude-sonnet-5-5", pace=pauses.pace()))
    [waited] = pauses.waited
    assert 0.5 <= waited <= 1.0


async def test_a_provider_that_wants_a_long_rest_is_given_up(mana, named):
    pauses = Pauses()
    async with provider(lambda _asked: Fail(429, "come tomorrow", retry_after="86400")) as house:
        named(house)
        with pytest.raises(ProviderUnavailableError, match="it may in 86400 s"):
            await use(mana, ModelBrain("anthropic:claude-sonnet-5-5", pace=pauses.pace()))
    assert len(house.requests) == 1
    assert not pauses.waited


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, None), (401, None), (403, None), (404, None), (429, "insufficient_quota")],
)
@pytest.mark.parametrize("name", SOME_WIRES)
async def test_a_refusal_for_good_is_not_tried_again_and_tells_no_key(
    mana, named, name, status, kind
):
    if kind and WIRES[name] == "messages":
        status, kind = 400, "billing_error"
    answer = Fail(status, f"Incorrect API key provided: {KEY}", type=kind)
    async with provider(lambda _asked: answer) as house:
        named(house)
        brain = ModelBrain(name)
        with pytest.raises(ProviderRefusedError) as told:
            await use(mana, brain)
    assert len(house.requests) == 1
    assert KEY not in f"{told.value} {told.value!r} {told.value.__cause__} {brain!r} {vars(brain)}"
    assert KEY[7:20] not in str(told.value)


async def test_hostile_answers_of_a_model_end_nothing(mana, named):
    body = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 10},
        "content": [
            {"type": "text", "text": "half \ud800"},
            {
                "type": "tool_use",
                "id": "t1",
                "name": "todo_create",
                "input": {"title": "\ud800 \u202e"},
            },
            {"type": "tool_use", "id": "t2", "name": "../\n\0" * 900, "input": {}},
        ],
    }
    hostile = Raw(json.dumps(body).encode())
    async with provider(in_order(hostile, DAY[1])) as house:
        named(house)
        actions = await use(mana, ModelBrain("anthropic:claude-sonnet-5-5"))
    assert [action.error_code for action in actions] == [None, "unknown-tool"]
    assert len(house.requests) == 2


async def test_connections_last_from_tick_to_tick(mana, named):
    peers = set()

    def mind(asked):
        peers.add(asked.headers["x-peer"])
        return DAY[1]

    async with provider(mind) as house:
        named(house)
        async with ModelBrain("anthropic:claude-sonnet-5-5") as brain, await mana.app(ANNA) as app:
            for number in range(1, 4):
                await brain.use(app, scene_of(tick_number=number))
    assert len(house.requests) == 3
    assert len(peers) == 1


async def test_the_meter_gets_what_the_provider_counts_and_what_it_costs(mana, named):
    say = Say(DAY[1].text, DAY[1].uses, input_tokens=1_000, output_tokens=100, cached_tokens=400)
    tally = Tally()
    async with provider(in_order(say)) as house:
        named(house)
        await use(mana, ModelBrain("anthropic:claude-sonnet-5-5"), scene_of(meter=tally))
    assert len(house.requests) == 1
    assert (tally.used.requests, tally.used.input_tokens, tally.used.output_tokens) == (
        1,
        1_000,
        100,
    )
    # 600 fresh tokens at $2, 400 cached ones at $0.10, 100 written ones at $10 per million
    assert tally.used.cost_usd == Decimal("0.00224")


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("anthropic:claude-sonnet-5-5", "ANTHROPIC_API_KEY"),
        ("openai:gpt-5-mini", "OPENAI_API_KEY"),
        ("ollama:qwen3", "OLLAMA_BASE_URL"),
    ],
)
def test_a_missing_key_is_named_before_anything_runs(monkeypatch, name, variable):
    for each in (*KEYS, "OPENAI_BASE_URL", "OLLAMA_BASE_URL"):
        monkeypatch.delenv(each, raising=False)
    with pytest.raises(SettingsError, match=f"set the environment variable {variable}$"):
        model_brain(name)


@pytest.mark.parametrize("name", ["claude", "", "nobody:model", "bedrock", ":", "anthropic"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(SettingsError, match="model"):
        model_brain(name)


def test_a_provider_whose_library_is_missing_is_named():
    with pytest.raises(SettingsError, match="cannot be used: Please install"):
        model_brain("groq:llama")
