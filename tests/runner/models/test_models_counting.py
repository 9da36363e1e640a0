"""What a tick takes: counted, priced, limited, held to budgets, and kept on tape."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from models_house import USAGE, calls, leaves, rates, says, script
from playing_house import ANNA, scene_of
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RequestUsage

from mana_lab.errors import (
    BudgetExhaustedError,
    InvalidInputError,
    ProtocolError,
    SettingsError,
)
from mana_lab.runner.budget import Budget, Limits
from mana_lab.runner.meter import Tally, Usage
from mana_lab.runner.models import Estimate, ModelBrain, ModelLimits, Pace, Price, estimate
from mana_lab.runner.models.counting import usage_of
from mana_lab.runner.models.prices import FREE, most_it_costs, pricing_of

PRICE = Price(Decimal(2), Decimal(10))
LIST_TWICE = (calls(("todo_list", {})), calls(("notes_list", {})), leaves())


class Strict:
    """A meter that remembers, and refuses from some request on."""

    def __init__(self, admits=99, scope="run"):
        self.events = []
        self._admits = admits
        self._scope = scope

    async def reserve(self, at_most):
        if self._admits <= 0:
            raise BudgetExhaustedError("nothing is left", scope=self._scope)
        self._admits -= 1
        self.events.append(("reserve", at_most))

    async def settle(self, used):
        self.events.append(("settle", used))


class Recorded:
    """A tape: asks and keeps, or gives what was kept."""

    def __init__(self, kept=None):
        self.kept = [] if kept is None else list(kept)
        self.replays = kept is not None
        self.requests = []

    async def answer(self, request, ask):
        self.requests.append(json.loads(json.dumps(request)))
        if self.replays:
            return self.kept[len(self.requests) - 1]
        self.kept.append(json.loads(json.dumps(await ask())))
        return self.kept[-1]


async def live(mana, told, scene, **options):
    async with await mana.app(ANNA) as app:
        brain = ModelBrain(told.model, **options)
        await brain.use(app, scene)
        return brain, app.recorder.actions


async def test_every_request_is_held_and_then_counted(mana):
    meter = Strict()
    await live(mana, script(*LIST_TWICE), scene_of(meter=meter), price=PRICE)
    kinds = [kind for kind, _ in meter.events]
    assert kinds == ["reserve", "settle"] * 3
    for (_, at_most), (_, used) in zip(meter.events[::2], meter.events[1::2], strict=True):
        assert used == Usage(1, 1000, 50, Decimal("0.0025"))
        assert at_most.input_tokens > used.input_tokens
        assert at_most.output_tokens == 4096
        assert at_most.cost_usd > used.cost_usd


async def test_what_the_provider_counted_is_known_of_the_next_request(mana):
    meter = Strict()
    await live(mana, script(*LIST_TWICE), scene_of(meter=meter))
    first, second, third = [at_most.input_tokens for kind, at_most in meter.events[::2]]
    assert first > 5_000
    assert 1050 < second < 2_000
    assert 1050 < third < 2_000


@pytest.mark.parametrize("scope", ["run", "persona"])
async def test_a_spent_budget_ends_the_use_of_the_app(mana, scope):
    meter = Strict(admits=1, scope=scope)
    told = script(*LIST_TWICE)
    with pytest.raises(BudgetExhaustedError):
        await live(mana, told, scene_of(meter=meter))
    assert len(told.heard) == 1
    assert [kind for kind, _ in meter.events] == ["reserve", "settle"]


async def test_a_limit_of_the_tick_ends_the_visit_like_any_other(mana):
    scene = scene_of(meter=Strict(admits=2, scope="tick"))
    _, actions = await live(mana, script(*LIST_TWICE), scene)
    assert len(actions) == 2
    assert scene.memory.kept["visits"][0]["calls"] == {
        "todo.list": "worked 1 of 1",
        "notes.list": "worked 1 of 1",
    }


@pytest.mark.parametrize(
    "limits",
    [ModelLimits(tokens=19_000), ModelLimits(cost_usd=Decimal("0.20"))],
    ids=["tokens", "money"],
)
async def test_tokens_and_money_of_a_tick_have_an_end(mana, limits):
    big = RequestUsage(input_tokens=7_000, output_tokens=1_000)
    told = script(*[calls(("todo_list", {}), usage=big)] * 9)
    meter = Strict()
    _, actions = await live(
        mana, told, scene_of(meter=meter), limits=limits, price=Price(Decimal(3), Decimal(15))
    )
    assert 1 <= len(actions) <= 3
    assert len(told.heard) == len(actions)
    used = sum((used for kind, used in meter.events if kind == "settle"), Usage())
    assert used.tokens <= 0.8 * limits.tokens
    assert used.cost_usd <= Decimal("0.16")


async def test_what_is_kept_for_ratings_is_there_when_the_visit_took_the_rest(fresh):
    told = script(*[calls(("todo_list", {}))] * 3, rates(("todo", 3, 1)))
    brain = ModelBrain(told.model, limits=ModelLimits(requests=5))
    run = await fresh.live(brain)
    assert (run.failed_ticks, run.calls) == (0, 3)


async def test_a_limit_that_admits_no_rating_fails_the_rating_step(fresh):
    told = script(calls(("todo_list", {})), leaves(), rates(("todo", 3, 1)))
    brain = ModelBrain(told.model, limits=ModelLimits(tokens=20_000, answer_tokens=4_000))
    await fresh.live(brain)
    [tick] = await fresh.rows("ticks")
    assert tick["failed_step"] == "rate"
    assert tick["error"].startswith("budget-exhausted: ")


async def test_the_ledger_counts_what_a_run_took_and_stops_it_at_its_budget(fresh):
    day = [calls(("todo_list", {})), leaves(), rates(("todo", 3, 1))]
    told = script(*day * 3)
    brain = ModelBrain(told.model, price=PRICE)
    run = await fresh.live(brain, days=1)
    assert run.usage == Usage(3, 3_000, 150, Decimal("0.0075"))
    run = await fresh.live(brain, days=5, budget=Budget.of("0.05"))
    assert run.status == "stopped"
    assert run.usage.cost_usd <= Decimal("0.05")
    run = await fresh.live(brain, days=5, budget=Budget(tick=Limits(requests=1)))
    assert run.failed_ticks > 0


async def test_a_tick_that_is_done_again_pays_for_no_answer_twice(fresh):
    told = script(
        calls(("todo_create", {"title": "Milk"})),
        ModelHTTPError(503, "script"),
        leaves(),
        ModelHTTPError(500, "script"),
        rates(("todo", 3, 1)),
    )
    brain = ModelBrain(told.model, price=PRICE, pace=Pace(tries=1))
    run = await fresh.live(brain)
    assert (run.ticks, run.failed_ticks, run.calls) == (1, 0, 1)
    assert len(told.heard) == 5
    assert run.usage == Usage(5, 3_000, 150, Decimal("0.0075"))
    async with await fresh.app(ANNA) as app:
        listed = (await app.call("todo.list")).data["tasks"]
    assert [task["title"] for task in listed] == ["Milk"]


async def test_a_cancelled_request_counts_in_full(mana):
    begun = asyncio.Event()

    async def never(_messages, _info):
        begun.set()
        await asyncio.Event().wait()

    meter = Strict()
    brain = ModelBrain(FunctionModel(never))
    async with await mana.app(ANNA) as app:
        task = asyncio.create_task(brain.use(app, scene_of(meter=meter)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (_, at_most), (kind, used) = meter.events
    assert (kind, used) == ("settle", at_most)


async def test_a_taped_tick_is_played_again_without_asking_or_paying(mana):
    tape = Recorded()
    told = script(*LIST_TWICE)
    tally = Tally()
    scene = scene_of(tape=tape, meter=tally)
    brain, actions = await live(mana, told, scene, price=PRICE)
    scene.memory.kept.clear()
    await ModelBrain(script(rates(("todo", 4, 1), ("notes", 2, 2))).model).rate(scene, actions)
    assert (len(tape.kept), tally.used.requests) == (4, 4)

    silent = script()
    again = Tally()
    replay = Recorded(tape.kept)
    scene = scene_of(tape=replay, meter=again)
    brain, replayed = await live(mana, silent, scene, price=PRICE)
    ratings = await brain.rate(scene, replayed)
    assert not silent.heard
    assert again.used == Usage()
    assert [each.tool_name for each in replayed] == [each.tool_name for each in actions]
    assert [each.rating for each in ratings] == [4, 2]
    assert replay.requests[0] == tape.requests[0]


async def test_a_replayed_tick_ends_at_the_limits_where_it_ended(mana):
    limits = ModelLimits(tokens=19_000)
    big = RequestUsage(input_tokens=7_000, output_tokens=1_000)
    tape = Recorded()
    told = script(*[calls(("todo_list", {}), usage=big)] * 9)
    _, actions = await live(mana, told, scene_of(tape=tape), limits=limits)
    _, again = await live(mana, script(), scene_of(tape=Recorded(tape.kept)), limits=limits)
    assert len(again) == len(actions)


async def test_the_tape_hears_what_is_new_since_the_last_answer(mana):
    tape = Recorded()
    await live(mana, script(*LIST_TWICE), scene_of(tape=tape))
    first, second, _ = tape.requests
    assert ANNA.system_prompt in first["instructions"][0]
    assert "todo_create" in first["tools"]
    assert first["answered"] == 0
    assert second["answered"] == 1
    assert "instructions" not in second
    [message] = second["messages"]
    assert message["parts"][0]["content"].startswith("Call 1; data from the app")
    assert "timestamp" not in json.dumps(tape.requests)


@pytest.mark.parametrize("kept", [None, "hello", {}, {"kind": "request", "parts": []}, []])
async def test_a_tape_of_something_else_is_refused(mana, kept):
    with pytest.raises(ProtocolError, match="record it anew"):
        await live(mana, script(), scene_of(tape=Recorded([kept])))


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("anthropic:claude-sonnet-5-5", "12"),
        ("openai:gpt-4.1-mini", "2.00"),
        ("openai-chat:gpt-4.1-mini", "2.00"),
        ("openai-responses:gpt-4.1-mini", "2.00"),
        ("ollama:qwen3", "0"),
    ],
)
def test_prices_are_those_of_the_table(model, dollars):
    usage = RequestUsage(input_tokens=1_000_000, output_tokens=1_000_000)
    assert pricing_of(model).cost_of(usage) == Decimal(dollars)


def test_functions_cost_nothing_and_unknown_models_have_no_price():
    assert pricing_of(script().model) is FREE
    assert pricing_of(TestModel()) is FREE
    assert pricing_of("openai:nobody-knows") is None
    assert pricing_of("nobody:model") is None
    assert pricing_of("model") is None


def test_the_most_a_request_costs_foresees_that_it_is_cached():
    pricing = pricing_of("anthropic:claude-sonnet-5-5")
    assert most_it_costs(pricing, 1_000_000, 0) == Decimal("2.5")
    assert most_it_costs(PRICE, 1_000_000, 1_000_000) == 12


def test_limits_on_money_need_a_price(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a key of the tests")
    unknown = ModelBrain("openai:nobody-knows")
    with pytest.raises(SettingsError, match="openai:nobody-knows costs is not known"):
        unknown.require_price()
    with pytest.raises(SettingsError, match="costs is not known"):
        ModelBrain("openai:nobody-knows", limits=ModelLimits(cost_usd=Decimal(1)))
    ModelBrain("openai:nobody-knows", limits=ModelLimits(cost_usd=Decimal(1)), price=PRICE)


@pytest.mark.parametrize("amount", [-1, "much", float("nan"), float("inf"), None])
def test_amounts_of_money_are_numbers(amount):
    with pytest.raises(InvalidInputError, match="US dollars from 0 on"):
        Price(amount, Decimal(1))
    if amount is not None:
        with pytest.raises(InvalidInputError, match="cost_usd must be US dollars"):
            ModelLimits(cost_usd=amount)


@pytest.mark.parametrize(
    "wrong",
    [{"requests": 2}, {"calls": -1}, {"tokens": 0}, {"answer_tokens": 0}, {"tokens": 1.5}],
)
def test_limits_admit_something(wrong):
    with pytest.raises(InvalidInputError, match="must be a whole number from"):
        ModelLimits(**wrong)


def test_a_server_that_counts_nothing_is_taken_to_have_read_all():
    at_most = Usage(1, 5_000, 4_096, Decimal(1))
    silent = replace(says("Hello there."), usage=RequestUsage())
    used = usage_of(silent, at_most, PRICE)
    assert used.input_tokens == 5_000
    assert 0 < used.output_tokens < 1_000
    assert used.cost_usd == PRICE.cost_of(
        RequestUsage(input_tokens=5_000, output_tokens=used.output_tokens)
    )


def test_what_the_provider_charged_counts_before_any_table():
    charged = replace(says("Hello."), usage=replace(USAGE, cost=Decimal("0.5")))
    assert usage_of(charged, Usage(1), PRICE).cost_usd == Decimal("0.5")
    assert usage_of(says("Hello."), Usage(1), None).cost_usd == 0


def test_an_estimate_rests_on_typical_ticks_or_on_earlier_ones():
    rough = estimate("anthropic:claude-sonnet-5-5", 100)
    assert rough.usage.requests == 800
    assert rough.cost_usd == rough.usage.cost_usd
    assert rough.cost_usd == Decimal("40.8")
    assert "typical tick" in rough.basis
    earlier = [Usage(6, 100_000, 900, Decimal("0.05")), Usage(8, 140_000, 1_100, Decimal("0.07"))]
    better = estimate("anthropic:claude-sonnet-5-5", 100, earlier=earlier)
    assert better == Estimate(
        100,
        Usage(700, 12_000_000, 100_000, Decimal(6)),
        Decimal(6),
        "the mean of 2 earlier ticks",
    )
    assert str(better) == "100 ticks: about $6.00, 12,100,000 tokens; the mean of 2 earlier ticks"


def test_an_estimate_prices_each_request_where_long_ones_cost_more():
    model = "anthropic:claude-haiku-5-5"
    short, long = (
        pricing_of(model).cost_of(RequestUsage(input_tokens=tokens)) for tokens in (20_000, 200_000)
    )
    assert long > 10 * short
    usage = Usage(requests=10, input_tokens=200_000)
    assert estimate(model, 1, earlier=[usage]).cost_usd == 10 * short


def test_an_estimate_says_when_the_price_is_not_known():
    unknown = estimate("openai:nobody-knows", 3)
    assert unknown.cost_usd is None
    assert "what the model costs is not known" in unknown.basis
    assert "an unknown sum" in str(unknown)
    assert estimate("openai:nobody-knows", 3, price=PRICE).cost_usd == Decimal("1.224")
    assert estimate(script().model, 3).cost_usd == 0
    with pytest.raises(InvalidInputError, match="no -1 ticks"):
        estimate("ollama:qwen3", -1)


async def test_a_model_that_streams_counts_alike(mana):
    async def pieces(_messages, _info):
        yield "Hello."
        yield " Bye."

    brain = ModelBrain(FunctionModel(stream_function=pieces, model_name="s"), stream=True)
    tally = Tally()

    scene = scene_of(meter=tally)
    async with await mana.app(ANNA) as app:
        await brain.use(app, scene)
    assert tally.used.requests == 1
    assert scene.memory.kept["visits"][0]["note"] == "Hello. Bye."
