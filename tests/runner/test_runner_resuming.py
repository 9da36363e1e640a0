"""Runs that were stopped, and steps that are tried again."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from runner_house import cast, open_mana, story
from starlette.responses import JSONResponse

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import (
    InfrastructureError,
    InvalidInputError,
    NothingToResumeError,
    ServiceUnavailableError,
)
from mana_lab.runner import Budget, Limits, ScriptedBrain, Terms, Usage


class Costly(ScriptedBrain):
    """Takes a cent before each tick."""

    name, model = "costly", "a model"

    async def use(self, app, scene):
        cent = Usage(1, 100, 10, Decimal("0.01"))
        await scene.meter.reserve(cent)
        await super().use(app, scene)
        await scene.meter.settle(cent)


def failing(times, path):
    """Answer so many requests for a path with a 503."""
    left = Counter({path: times})

    def refuse(scope):
        if left[path] and scope["path"].endswith(path):
            left[path] -= 1
            return JSONResponse({"error": "service-unavailable", "message": "closed"}, 503)
        return None

    return refuse


@pytest.mark.parametrize("path", ["/login", "/actions", "/feedback", "/ticks"])
async def test_what_the_infrastructure_let_down_is_tried_again_after_a_while(mana, path):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    mana.identity_service.refuse = failing(2, path)
    run = await mana.live(fleet=mana.fleet(pause=pause), only={"persona.maya@mana.test"})
    assert (run.ticks, run.failed_ticks) == (1, 0)
    assert pauses == [0.5, 2.0]
    actions, ratings = await story(mana)
    assert len(actions) == run.calls > 0
    assert {row["module"] for row in ratings} == {row["module"] for row in actions}


async def test_a_step_is_not_tried_for_ever(mana):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    mana.identity_service.refuse = failing(100, "/login")
    run = await mana.live(fleet=mana.fleet(pause=pause, pauses_s=(1, 2)), concurrency=1)
    assert (run.ticks, run.failed_ticks) == (2, 2)
    assert pauses == [1, 2, 1, 2]
    assert {tick["failed_step"] for tick in await mana.rows("ticks")} == {"sign-in"}


async def test_what_is_no_fault_of_the_infrastructure_is_not_tried_again(mana):
    tries = []

    class Wrong(ScriptedBrain):
        async def use(self, _app, scene):
            tries.append(scene.persona.name)
            raise InvalidInputError("it will be wrong the next time, too")

    await mana.live(Wrong())
    assert sorted(tries) == ["Anna", "Maya"]


async def test_a_tick_that_is_tried_again_does_nothing_twice(tmp_path):
    class Fragile(ScriptedBrain):
        """Loses its own connection once, when everything is done."""

        broken = False

        async def use(self, app, scene):
            await super().use(app, scene)
            if not self.broken:
                self.broken = True
                raise InfrastructureError("the model's line broke")

    stories = []
    for name, brain in (("calm", ScriptedBrain()), ("fragile", Fragile())):
        (tmp_path / name).mkdir()
        async with open_mana(tmp_path / name, cast("anna")) as mana:
            run = await mana.live(brain)
            listed = await (await mana.app(cast("anna")[0])).call("todo.list", {"limit": 500})
            stories.append((await story(mana), run.calls, len(listed.data["tasks"])))
    assert stories[0] == stories[1]


async def test_a_run_stops_before_it_takes_more_than_its_budget_and_goes_on_with_a_greater_one(
    mana,
):
    run = await mana.live(Costly(), days=3, concurrency=1, budget=Budget.of("0.03"))
    assert run.status == "stopped"
    assert "0.04 US dollars, and 0.03 is the limit" in run.reason
    assert (run.ticks, run.open_ticks, run.usage.cost_usd) == (4, 1, Decimal("0.03"))
    fleet = mana.fleet()
    run = await fleet.resume(Terms(Costly(), budget=Budget.of(1)))
    assert (run.status, run.ticks, run.open_ticks) == ("done", 6, 0)
    assert run.usage == Usage(6, 600, 60, Decimal("0.06"))


async def test_a_persona_that_used_up_its_own_budget_fails_and_the_others_live_on(mana):
    budget = Budget(persona=Limits(requests=1))
    run = await mana.live(Costly(), days=2, budget=budget)
    assert (run.status, run.ticks, run.failed_ticks) == ("done", 4, 2)
    errors = {tick["error"] for tick in await mana.rows("ticks")} - {None}
    [error] = errors
    assert error.startswith("budget-exhausted: the next request could bring this persona to 2 req")


async def test_a_failed_run_goes_on_where_it_was(mana):
    mana.identity_service.refuse = failing(1000, "/internal/personas")
    with pytest.raises(ServiceUnavailableError):
        await mana.live(days=2)
    mana.identity_service.refuse = lambda _scope: None
    run = await mana.fleet().resume(Terms(ScriptedBrain()))
    assert (run.status, run.ticks) == ("done", 4)


async def test_there_must_be_a_run_to_go_on_with(mana):
    with pytest.raises(NothingToResumeError, match="begin a new one"):
        await mana.fleet().resume(Terms(ScriptedBrain()))
    await mana.live()
    with pytest.raises(NothingToResumeError, match="begin a new one"):
        await mana.fleet().resume(Terms(ScriptedBrain()))


async def stopped(mana, brain):
    """Stop a run in the middle of everybody's first tick."""
    begun = asyncio.Event()

    class Waiting(type(brain)):
        async def use(self, _app, _scene):
            begun.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(mana.live(Waiting()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_run_goes_on_with_its_own_brain_only(mana):
    await stopped(mana, ScriptedBrain())
    with pytest.raises(NothingToResumeError, match="played by scripted"):
        await mana.fleet().resume(Terms(Costly()))


async def test_another_run_finishes_what_had_begun_first(mana):
    await stopped(mana, ScriptedBrain())
    run = await mana.live(days=1)
    first, second = await mana.ledger.runs()
    assert (first.status, first.reason) == ("stopped", "another run was begun")
    assert (first.ticks, first.open_ticks, first.failed_ticks) == (2, 0, 0)
    assert first.calls > 0
    assert (second, second.ticks) == (run, 0)  # they were active on that day


async def test_another_brain_ends_what_it_cannot_finish(mana):
    await stopped(mana, ScriptedBrain())
    await mana.live(Costly(), days=1)
    first, _ = await mana.ledger.runs()
    assert (first.failed_ticks, first.open_ticks) == (2, 0)
    errors = {t["error"] for t in await mana.rows("ticks") if t["run_id"] == first.id}
    assert errors == {"interrupted: the run was stopped, and another one took over"}


async def test_a_run_ends_when_it_is_told(mana):
    until = SIMULATION_EPOCH + timedelta(days=2, hours=1)
    run = await mana.live(until=until)
    assert (run.ends_at, run.ticks) == (until, 4)


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (SIMULATION_EPOCH, "must be after the lab's time, 2026-01-05 00:00 UTC"),
        (datetime(2025, 1, 1, tzinfo=UTC), "must be after"),
        (datetime(2026, 2, 1), "needs a time zone"),  # noqa: DTZ001
    ],
    ids=["now", "past", "naive"],
)
async def test_a_run_ends_later_than_it_begins(mana, until, said):
    with pytest.raises(InvalidInputError, match=said):
        await mana.live(until=until)


async def test_what_a_brain_keeps_reaches_its_next_tick_and_giving_up_ends_one(mana):
    seen = []

    class Moody(ScriptedBrain):
        async def use(self, app, scene):
            seen.append((scene.persona.name, scene.tick_number, scene.past.get("ticks")))
            await super().use(app, scene)
            scene.memory.kept["ticks"] = scene.tick_number
            if scene.tick_number == 2:
                scene.memory.gave_up = "it was too much"

    run = await mana.live(Moody(), days=3, only={"persona.anna@mana.test"})
    assert seen == [("Anna", 1, None), ("Anna", 2, 1), ("Anna", 3, 2)]
    assert (run.abandoned_ticks, run.failed_ticks) == (1, 0)
    ticks = {tick["number"]: tick for tick in await mana.rows("ticks")}
    assert (ticks[2]["status"], ticks[2]["error"]) == ("abandoned", "it was too much")
    rated = {row["tick_id"] for row in await mana.rows("persona_feedback")}
    assert ticks[2]["id"] in rated


@pytest.mark.parametrize(
    ("kept", "said"),
    [({"a": "x" * 70_000}, "may keep 65536 characters"), ({"a": object()}, "unserializable")],
    ids=["long", "no JSON"],
)
async def test_what_cannot_be_kept_is_a_failed_tick(mana, kept, said):
    class Hoarder(ScriptedBrain):
        async def use(self, _app, scene):
            scene.memory.kept.update(kept)

    await mana.live(Hoarder())
    errors = [tick["error"] for tick in await mana.rows("ticks")]
    assert all(said in error for error in errors)


class Talkative(ScriptedBrain):
    """Asks a model three times in a tick, and is cut off after the second the first time."""

    name, model = "talkative", "a model"
    asked = 0
    cut_off = True

    async def use(self, _app, scene):
        async def ask():
            self.asked += 1
            return {"said": self.asked}

        said = [await scene.tape.answer({"n": n}, ask) for n in range(2)]
        if self.cut_off:
            self.cut_off = False
            raise InfrastructureError("the line broke")
        said.append(await scene.tape.answer({"n": 2}, ask))
        scene.memory.kept["said"] = [each["said"] for each in said]


async def test_a_model_is_not_asked_again_what_it_said_before(mana):
    brain = Talkative()
    await mana.live(brain, only={"persona.anna@mana.test"})
    assert brain.asked == 3
    [tick] = await mana.rows("ticks")
    assert tick["kept"] == {"said": [1, 2, 3]}
    tape = await mana.rows("tapes", "step")
    assert [row["answer"] for row in tape] == [{"said": n} for n in (1, 2, 3)]
    await mana.live(brain, only={"persona.anna@mana.test"})
    assert brain.asked == 6
