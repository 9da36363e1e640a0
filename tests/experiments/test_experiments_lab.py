"""Experiments in a real lab: coins in the ledger, faults in their ticks alone, and going on."""

import asyncio
import shutil
from dataclasses import replace

import pytest

from mana_lab import Lab
from mana_lab.analysis.contrast import AGAIN, CONTROL, TREATMENT
from mana_lab.errors import (
    InvalidInputError,
    LabBusyError,
    MixedBrainsError,
    NotFoundError,
    NothingToResumeError,
    UnknownToolError,
)
from mana_lab.experiments import Trial, Watch
from mana_lab.experiments.design import PLANTED, WHOLE
from mana_lab.gateway.variants import Variant
from mana_lab.runner import ScriptedBrain

DAYS = 3
LONGER = 6


def breaking(lab):
    return lab.faults.errors("todo.create", code="conflict", message="somebody was faster")


async def tried(lab, **other):
    given = {"treatment": breaking(lab), "module": "todo", "days": DAYS, "stop_early": False}
    return await lab.experiment(**{**given, **other})


@pytest.fixture(scope="module")
async def lived(seeded, tmp_path_factory):
    """Return a lab in which one experiment was made, and that experiment; tests only read."""
    folder = shutil.copytree(seeded, tmp_path_factory.mktemp("lived") / "lab")
    async with await Lab.open(folder) as lab:
        yield lab, await tried(lab, days=LONGER)


async def test_the_coin_of_every_tick_is_in_the_ledger_and_decides_what_is_met(lived):
    lab, found = lived
    ticks = lab.ticks_df(found.run)
    trial = Trial("the app as it is", breaking(lab).name, "todo", stop_early=False)
    drawn = [trial.draw(7, *who) for who in ticks[["email", "tick"]].itertuples(index=False)]
    assert list(ticks["variant"]) == drawn
    assert set(drawn) == {CONTROL, AGAIN, TREATMENT}
    calls = lab.actions_df(found.run).merge(
        ticks[["id", "variant"]], left_on="tick_id", right_on="id", suffixes=("", "_tick")
    )
    created = calls[calls["tool_name"] == "todo.create"]
    spoiled = created["error_message"] == "somebody was faster"
    assert (created["variant"] == TREATMENT).equals(spoiled)
    assert spoiled.any()
    assert not (calls["error_message"] == "somebody was faster")[
        ~calls.index.isin(created.index)
    ].any()


async def test_an_experiment_can_be_had_again_from_the_ledger(lived):
    lab, found = lived
    again = lab.experiment_of(found.run)
    assert again.facts() == found.facts()
    assert again.trial == found.trial
    assert repr(found).startswith("<Experiment, run 1: control: the app as it is; treatment: ")
    assert "<table>" in found._repr_html_()
    assert found.effect.difference.effect < 0
    assert found.noise_floor.n_personas >= 2
    design = lab.runs_df()["design"].iloc[0]
    assert design == {**found.trial.to_json(), "seed": 7}


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_experiment_at_any_concurrency(lived, lab):
    before, found = lived
    again = await tried(lab, concurrency=8, days=LONGER)
    key = ["persona", "tick", "seq"]
    what = [*key, "tool_name", "input_hash", "result", "shown", "error_code"]
    first, second = (
        each.actions_df(1)[what].sort_values(key, ignore_index=True) for each in (before, lab)
    )
    assert first.equals(second)
    assert again.facts() == found.facts()


@pytest.mark.slow
async def test_what_was_cancelled_goes_on_as_the_same_experiment_alone(lab):
    begun = asyncio.Event()
    lab._progress = lambda _label, done, _total: begun.set() if done >= 1 else None
    running = asyncio.create_task(tried(lab))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(NothingToResumeError, match="varied the app"):
        await lab.resume()
    with pytest.raises(NothingToResumeError, match="varied the app"):
        await tried(lab, resume=True, module="notes")
    with pytest.raises(NothingToResumeError, match="varied the app"):
        await tried(lab, resume=True, seed=8)
    found = await tried(lab, resume=True)
    ticks = lab.ticks_df(found.run)
    assert set(ticks["status"]) <= {"done", "abandoned"}
    assert len(lab.runs_df()) == 1
    assert list(ticks["variant"]) == [
        found.trial.draw(7, *who) for who in ticks[["email", "tick"]].itertuples(index=False)
    ]


@pytest.mark.slow
async def test_a_plain_run_is_not_taken_up_as_an_experiment(lab):
    begun = asyncio.Event()
    lab._progress = lambda _label, done, _total: begun.set() if done >= 1 else None
    running = asyncio.create_task(lab.run(days=DAYS))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(NothingToResumeError, match="did not vary the app"):
        await tried(lab, resume=True)


@pytest.mark.slow
async def test_it_ends_when_the_evidence_is_enough_and_says_so(lab):
    found = await tried(
        lab, treatment=lab.faults.errors("todo", "notes"), module=None, days=40, stop_early=True
    )
    run = lab.runs_df().iloc[0]
    assert run["status"] == "done"
    assert run["reached_at"] < run["ends_at"]
    assert run["reason"].startswith("the evidence is enough: e = ")
    assert found.stopped_because == run["reason"]
    assert found.evidence.should_stop
    assert found.evidence.largest >= 1 / found.trial.alpha


async def test_the_evidence_does_not_depend_on_when_one_looks(lived):
    lab, found = lived
    watch = Watch(lab._stores.identity.engine, lab._stores.ledger.engine, found.trial)
    run = lab.runs_df()["id"].iloc[0]
    await watch.enough(run)
    await watch.enough(run)
    assert watch._trail.evidence == found.evidence


@pytest.mark.slow
async def test_a_brain_can_be_what_is_tried(lab):
    class Terse(ScriptedBrain):
        model = "terse"

        async def rate(self, scene, actions):
            return list(await super().rate(scene, actions))[:1]

    found = await tried(lab, treatment=Terse(), days=1)
    ticks = lab.ticks_df(found.run)
    assert set(ticks[ticks["variant"] == TREATMENT]["model"]) == {"terse"}
    assert ticks[ticks["variant"] != TREATMENT]["model"].isna().all()
    assert found.trial.treatment == "scripted (terse)"


@pytest.mark.slow
async def test_ratings_of_other_brains_are_not_compared(lab):
    class Other(ScriptedBrain):
        name = "other"

    found = await tried(lab, treatment=Other(), days=2, stop_early=True)
    assert found.evidence is None
    with pytest.raises(MixedBrainsError):
        assert found.effect
    assert "not comparable" in repr(found)
    assert "asked beforehand: cannot be told" in repr(found)
    assert "rating" not in set(found.contrast.table["measure"])


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"treatment": None}, InvalidInputError, "both 'the app as it is'"),
        ({"module": "cards"}, InvalidInputError, "no module 'cards'"),
        ({"module": "<script>" * 1000}, InvalidInputError, "no module"),
        ({"alpha": 0}, InvalidInputError, "alpha of 0"),
        ({"alpha": float("nan")}, InvalidInputError, "alpha of nan"),
        ({"washout": -1}, InvalidInputError, "washout of -1"),
        ({"days": 0}, InvalidInputError, "0"),
        ({"resume": True}, NothingToResumeError, "no run"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_begins_nothing(lab, wrong, error, said):
    with pytest.raises(error, match=said):
        await tried(lab, **wrong)
    assert lab.runs_df().empty
    assert lab._arms is None


async def test_shards_know_nothing_of_what_is_varied(lab):
    with lab.plant(breaking(lab)), pytest.raises(InvalidInputError, match="this process alone"):
        await lab.run(days=1, engine="dask")


@pytest.mark.slow
async def test_a_fault_is_planted_in_chosen_ticks(lab):
    with lab.plant(breaking(lab), ticks=[2, 2]):
        run = await lab.run(days=DAYS)
    ticks = lab.ticks_df(run)
    assert dict(zip(ticks["tick"], ticks["variant"], strict=True)) == {
        1: WHOLE,
        2: PLANTED,
        3: WHOLE,
    }
    spoiled = lab.actions_df(run).query("error_message == 'somebody was faster'")
    assert set(spoiled["tick"]) == {2}
    with pytest.raises(InvalidInputError, match="was no experiment but 'planted'"):
        lab.experiment_of(run)


async def test_a_fault_for_all_is_met_by_hand_and_in_runs_until_it_is_taken_away(lab):
    async with await lab.persona("anna") as anna:
        with lab.plant(breaking(lab)):
            outcome = await anna.call("todo.create", title="Milk")
            assert outcome.error.message == "somebody was faster"
            run = await lab.run(days=1)
            with pytest.raises(LabBusyError, match="varied already"):
                await tried(lab)
        assert (await anna.call("todo.create", title="Milk")).ok
    assert set(lab.ticks_df(run)["variant"]) == {PLANTED}


@pytest.mark.parametrize("ticks", [[], [0], [1.5], [True]])
async def test_ticks_are_numbers_from_1(lab, ticks):
    with (
        pytest.raises(InvalidInputError, match="numbers from 1"),
        lab.plant(breaking(lab), ticks=ticks),
    ):
        pass


@pytest.mark.slow
async def test_calibration_tells_who_notices(lab):
    found = await lab.calibrate_raters(days=12)
    assert list(found.raters["persona"]) == ["Anna", "Ben", "Maya", "Tom"]
    assert set(found.raters["module"]) == {"todo"}
    assert (found.raters["d_prime"] > 0).all()
    assert found.dose_response.effect < 0
    assert "median d'" in repr(found)
    assert "<table" in found._repr_html_()


@pytest.mark.slow
async def test_a_rater_who_always_says_the_same_is_flagged_and_shown(lab):
    class Flattering(ScriptedBrain):
        async def rate(self, scene, actions):
            return [replace(each, rating=5) for each in await super().rate(scene, actions)]

    found = await lab.calibrate_raters(days=12, brain=Flattering())
    assert len(found.raters) == 4
    assert found.raters["constant"].dropna().all()
    assert len(found.flagged) == int(found.raters["constant"].fillna(False).sum())
    assert (found.raters["d_prime"].abs() < 0.5).all()


@pytest.mark.slow
async def test_a_run_that_varied_nothing_has_no_contrast(lab):
    run = await lab.run(days=1)
    with pytest.raises(InvalidInputError, match="did not vary the app"):
        lab.contrast(run)
    with pytest.raises(NotFoundError):
        lab.contrast(7)


@pytest.mark.parametrize("condition", [42, ["todo.create"], object(), b"scripted"])
async def test_what_is_no_condition_is_refused(lab, condition):
    for arms in ({"treatment": condition}, {"control": condition}):
        with pytest.raises(InvalidInputError, match=r"allowed: a variant of lab\.vary or"):
            await tried(lab, **arms)
    assert lab.runs_df().empty


async def test_changes_name_their_tools_and_refuse_what_is_not_there(lab):
    vary, faults = lab.vary, lab.faults
    assert vary.unavailable("notes").tools == tuple(
        spec.name for spec in lab.registry if spec.module == "notes"
    )
    for wrong in (
        lambda: vary.unavailable("cards.play"),
        lambda: vary.description("cards.play", "Play."),
        lambda: faults.errors("cards"),
        lambda: faults.stale("x" * 5000),
    ):
        with pytest.raises(UnknownToolError):
            wrong()
    for wrong in (
        lambda: vary.unavailable(),
        lambda: vary.description("todo.create", "  "),
        lambda: vary.description("todo.create", "x" * 10_001),
        lambda: vary.description("todo.create", "Do it.", arguments={"price": {}}),
        lambda: vary.latency("todo.create", seconds=0),
        lambda: vary.latency("todo.create", seconds=float("nan")),
        lambda: vary.latency("todo.create", seconds=1, rate=2),
        lambda: faults.errors("todo.create", code="no-such-code"),
        lambda: faults.errors("todo.create", rate=0),
        lambda: faults.missing(tool="todo.create"),
        lambda: faults.missing("price", tool="todo.create"),
        lambda: faults.stale("todo.create"),
        lambda: vary.wording("todo.create", "It is gone."),
        lambda: vary.wording(None),
    ):
        with pytest.raises(InvalidInputError):
            wrong()


async def test_latency_is_declared_where_time_is_simulated(lab):
    async with await lab.persona("anna") as anna:
        with lab.plant(lab.faults.latency("todo.list", seconds=45)):
            outcome = await anna.call("todo.list")
    assert outcome.ok
    assert outcome.latency_ms >= 45_000


async def test_a_missing_field_breaks_the_promise_of_the_tool(lab):
    async with await lab.persona("anna") as anna:
        with lab.plant(lab.faults.missing("id", tool="todo.create")):
            outcome = await anna.call("todo.create", title="Milk")
    assert outcome.error.code == "invalid-output"


async def test_a_stale_read_tells_what_was(lab):
    async with await lab.persona("anna") as anna:
        with lab.plant(lab.faults.stale("todo")):
            before = await anna.call("todo.list")
            assert (await anna.call("todo.create", title="Milk")).ok
            assert (await anna.call("todo.list")).data == before.data
        assert (await anna.call("todo.list")).data != before.data


async def test_errors_can_be_worded_otherwise(lab):
    async with await lab.persona("anna") as anna:
        with lab.plant(lab.vary.wording({"not-found": "It is gone. List the tasks."}, "todo")):
            gone = await anna.call("todo.get", id="00000000-0000-4000-8000-000000000000")
            odd = await anna.call("todo.get", id=7)
        assert gone.error.message == "It is gone. List the tasks."
        assert odd.error.code == "invalid-arguments"
        with lab.plant(lab.vary.wording(lambda code, text: f"{code}: {text.upper()}")):
            loud = await anna.call("todo.get", id=7)
        assert loud.error.message.startswith("invalid-arguments: ")


async def test_a_share_of_the_calls_fails_and_no_other(lab):
    fates = []
    for name in ("anna", "ben", "maya", "tom"):
        async with await lab.persona(name) as persona:
            with lab.plant(lab.faults.errors("todo.search", rate=0.5)):
                found = [await persona.call("todo.search", query=str(n)) for n in range(28)]
            fates += ["ok" if each.ok else each.error.code for each in found]
    assert set(fates) == {"ok", "service-unavailable"}
    assert 0.2 <= fates.count("ok") / len(fates) <= 0.8


@pytest.mark.slow
async def test_washout_leaves_out_what_comes_after_a_change(lab):
    found = await tried(lab, washout=1, days=8)
    kept = found.contrast.varied.ticks.set_index(["email", "tick"])["variant"]
    told = lab.ticks_df(found.run).set_index(["email", "tick"])["variant"].replace({AGAIN: CONTROL})
    for who, variant in kept.items():
        before = told.get((who[0], who[1] - 1))
        assert before is None or before == variant
    assert 0 < len(kept) < len(told)


@pytest.mark.slow
async def test_a_custom_variant_may_be_any_callable(lab):
    seen = []

    async def watching(call, proceed):
        seen.append(call.name)
        return await proceed()

    found = await tried(lab, treatment=lab.vary.around(watching, "notes"), days=2)
    assert set(seen) <= {spec.name for spec in lab.registry if spec.module == "notes"}
    assert isinstance(lab.vary.around(watching), Variant)
    assert found.trial.treatment.endswith("watching around notes")


def same_names(lab):
    """Yield pairs of changes that differ in one thing."""
    vary, faults = lab.vary, lab.faults
    words = {"not-found": "It is gone."}

    async def around(_call, proceed):
        return await proceed()

    yield faults.errors("todo", message="A"), faults.errors("todo", message="B")
    yield faults.errors("todo"), faults.errors("todo", message="A")
    yield faults.errors("todo", rate=0.101), faults.errors("todo", rate=0.102)
    yield vary.latency("todo", seconds=1000.001), vary.latency("todo", seconds=1000.002)
    yield vary.wording(words), vary.wording(words, "todo")
    yield vary.around(around, "notes"), vary.around(around, "todo")


async def test_another_change_has_another_name(lab):
    for one, other in same_names(lab):
        assert one.name != other.name


async def test_what_is_usual_is_left_out_of_a_name(lab):
    vary, faults = lab.vary, lab.faults
    fails = "todo fails with service-unavailable"
    usual = "something went wrong; try again later"
    assert faults.errors("todo").name == faults.errors("todo", message=usual).name == fails
    assert faults.errors("todo", rate=0.07).name == f"{fails} in 7% of calls"
    assert vary.latency("todo", seconds=45.0).name == "todo 45 s slower"
    assert vary.wording(len).name == "errors worded otherwise (len)"
    assert vary.around(len).name == "len"


async def test_two_messages_are_two_conditions(lab):
    one, other = (lab.faults.errors("todo.create", message=said) for said in "AB")
    found = await tried(lab, control=one, treatment=other, days=2)
    assert (found.trial.control, found.trial.treatment) == (one.name, other.name)
    assert found.trial.control != found.trial.treatment


async def test_a_change_says_what_it_got_and_what_is_allowed(lab):
    vary, faults, plant = lab.vary, lab.faults, lab.plant
    for wrong in (
        lambda: faults.errors(["todo.create"]),
        lambda: faults.errors("todo", rate="0.5"),
        lambda: faults.errors("todo", rate=None),
        lambda: faults.errors("todo", code=None),
        lambda: faults.errors("todo", message=5),
        lambda: faults.missing(5, tool="todo.create"),
        lambda: faults.missing("id", tool=None),
        lambda: vary.latency("todo", seconds="5"),
        lambda: vary.description("todo.create", None),
        lambda: vary.description("todo.create", "Do it.", arguments={"title": 5}),
        lambda: vary.wording({"not-found": 5}),
        lambda: vary.around(None),
        lambda: vary.around("x"),
        lambda: vary.around(len, name=5),
        lambda: plant("x").__enter__(),
        lambda: plant(faults.errors("todo"), ticks=5).__enter__(),
    ):
        with pytest.raises(InvalidInputError, match=r"allowed|take one|above 0|give numbers"):
            wrong()


async def test_nonsense_is_refused_before_anything_is_lived(lab):
    for wrong in (
        {"personas": []},
        {"personas": "anna"},
        {"personas": 5},
        {"personas": [5]},
        {"days": "x"},
        {"days": None, "until": "x"},
        {"concurrency": 1.5},
        {"concurrency": "2"},
        {"alpha": "x"},
        {"washout": 1.5},
        {"washout": None},
        {"stop_early": "no"},
        {"module": 5},
    ):
        with pytest.raises(InvalidInputError, match=r"got|of 'x'|of None|of 1\.5|no module 5"):
            await tried(lab, **wrong)
    for wrong in ({"rates": 0.5}, {"rates": ["0.5"]}, {"personas": []}):
        with pytest.raises(InvalidInputError, match=r"allowed|above 0"):
            await lab.calibrate_raters(days=1, **wrong)
    assert lab.runs_df().empty
