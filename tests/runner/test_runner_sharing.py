"""Personas in the spaces that they share, each tick audited like any other."""

import json
import random
from collections import Counter

import pytest
from lives_house import Paper, Watched
from runner_house import cast, open_mana, story
from starlette.responses import JSONResponse

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.errors import NotFoundError
from mana_lab.identity.wire import Space
from mana_lab.personas import load_catalog
from mana_lab.registry import admits
from mana_lab.runner import Recorder, Scene, ScriptedBrain
from mana_lab.runner.scripted import ARCHETYPES

PAIR = cast("anna", "ben")
FLAT = load_catalog().spaces[:1]
SHARED_HEADER = b"x-mana-space"


@pytest.fixture
async def mana(tmp_path):
    async with open_mana(tmp_path, PAIR, spaces=FLAT) as mana:
        yield mana


async def in_flat(mana, persona, tool, **arguments):
    async with await mana.app(persona) as app:
        (space,) = app.shared_spaces
        outcome = await app.call(tool, arguments, space_id=space.id)
    assert outcome.ok, outcome.error
    return outcome.data


async def test_an_app_acts_in_its_own_space_unless_a_call_names_another(mana):
    anna, ben = PAIR
    async with await mana.app(anna) as app:
        assert [(each.slug, each.type) for each in app.shared_spaces] == [
            ("anna-and-ben", "family")
        ]
        (flat,) = app.shared_spaces
        await app.call("todo.create", {"title": "Mine"})
        await app.call("todo.create", {"title": "Ours"}, space_id=flat.id)
        mine = await app.call("todo.list")
        ours = await app.call("todo.list", space_id=flat.id)
        assert [task["title"] for task in mine.data["tasks"]] == ["Mine"]
        assert [task["title"] for task in ours.data["tasks"]] == ["Ours"]
        own, shared = app.recorder.actions[:2]
        assert {**vars(own), **vars(shared)}.keys() == vars(own).keys()
        assert (shared.seq, shared.module, shared.result) == (1, "todo", "ok")
    assert (await in_flat(mana, ben, "todo.list"))["tasks"][0]["title"] == "Ours"


async def test_an_app_can_be_opened_in_a_shared_space_by_its_slug(mana):
    anna, ben = PAIR
    async with await mana.app(anna, space_id="anna-and-ben") as app:
        assert app.space.name == "Anna and Ben's flat"
        assert (await app.call("notes.create", {"title": "Wifi", "content": "1234"})).ok
    (note,) = (await in_flat(mana, ben, "notes.search", query="wifi"))["notes"]
    assert note["content"] == "1234"
    with pytest.raises(NotFoundError):
        await mana.app(anna, space_id="marcus-and-lena")


async def test_a_call_in_a_space_one_is_not_in_is_refused_and_audited(mana):
    async with await mana.app(PAIR[0]) as app:
        for space in ("nowhere", "' OR 1=1 --"):
            outcome = await app.call("todo.list", space_id=space)
            assert (outcome.error.kind, outcome.error.code) == ("refused", "not-a-member")
        assert (await app.call("todo.list")).ok
        assert [action.result for action in app.recorder.actions] == ["error", "error", "ok"]


async def test_a_module_that_a_space_does_not_admit_is_refused_in_words(mana):
    async with await mana.app(PAIR[0]) as app:
        (flat,) = app.shared_spaces
        outcome = await app.call("journal.add", {"content": "Dear diary"}, space_id=flat.id)
    assert (outcome.error.kind, outcome.error.code) == ("refused", "module-not-admitted")
    assert "they admit calendar, contacts, goals, notes, spaces, todo" in outcome.error.message
    assert app.recorder.actions[0].error_code == "module-not-admitted"


async def test_the_connection_to_a_shared_space_is_opened_once_and_when_needed(mana):
    spaces = []

    def watch(scope):
        spaces.extend(value for name, value in scope["headers"] if name == SHARED_HEADER)

    mana.gateway_service.refuse = watch
    async with await mana.app(PAIR[0]) as app:
        flat = app.shared_spaces[0].id.encode()
        await app.call("todo.list")
        assert flat not in spaces
        before = len(spaces)
        for _ in range(3):
            await app.call("todo.list", space_id=app.shared_spaces[0].id)
        assert spaces.count(flat) == len(spaces) - before
        assert 3 <= spaces.count(flat) <= 5


async def test_a_gateway_that_is_down_for_a_shared_space_is_an_outcome(mana):
    async with await mana.app(PAIR[0]) as app:
        (flat,) = app.shared_spaces
        down = {"error": "service-unavailable", "message": "closed"}
        mana.gateway_service.refuse = lambda _scope: JSONResponse(down, 503)
        outcome = await app.call("todo.list", space_id=flat.id)
        assert outcome.error.code == "service-unavailable"
        mana.gateway_service.refuse = lambda _scope: None
        assert (await app.call("todo.list", space_id=flat.id)).ok


async def in_the_flat(mana):
    """Return what stands in the shared space, in any order."""
    tasks = (await in_flat(mana, PAIR[0], "todo.list", includeCompleted=True))["tasks"]
    notes = (await in_flat(mana, PAIR[0], "notes.search"))["notes"]
    return sorted((thing["id"], thing["title"]) for thing in (*tasks, *notes))


async def live_together(folder, *, concurrency, seed=7, days=6):
    folder.mkdir()
    async with open_mana(folder, PAIR, spaces=FLAT) as mana:
        run = await mana.live(days=days, seed=seed, concurrency=concurrency)
        assert run.failed_ticks == 0
        return await story(mana), await in_the_flat(mana)


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_calls_and_ratings_however_many_at_once(tmp_path):
    one = await live_together(tmp_path / "one", concurrency=1)
    eight = await live_together(tmp_path / "eight", concurrency=8)
    assert one == eight
    assert len(one[1]) > 2


@pytest.mark.slow
async def test_whoever_else_wrote_in_the_space_changes_nothing_that_a_persona_does(tmp_path):
    """A persona reads what others wrote, and yet does and rates as if nobody had."""
    stories = []
    for name, things in (("empty", 0), ("full", 30)):
        (tmp_path / name).mkdir()
        async with open_mana(tmp_path / name, PAIR, spaces=FLAT) as mana:
            for n in range(things):
                await in_flat(mana, PAIR[1], "todo.create", title=f"Ben's task {n}")
                await in_flat(mana, PAIR[1], "notes.create", title=f"Ben's note {n}")
            await mana.live(days=6, only={PAIR[0].email})
            stories.append(await story(mana))
    assert stories[0] == stories[1]
    assert stories[0][0]


async def test_each_of_two_flatmates_finds_what_the_other_added(tmp_path):
    _, things = await live_together(tmp_path / "one", concurrency=4, days=10)
    assert len(things) == len(set(things)) > 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "space"),
    [
        (("marcus", "lena"), 1),
        (("sofia", "tom"), 2),
        (("kai", "julia"), 3),
        (("paul", "maya"), 4),
    ],
    ids=["team", "family", "practice", "brand"],
)
async def test_every_pair_uses_its_space_with_what_it_admits(tmp_path, names, space):
    pair, shared = cast(*names), load_catalog().spaces[space : space + 1]
    async with open_mana(tmp_path, pair, spaces=shared) as mana:
        for persona in pair:
            recorder = Recorder("nobody", f"tick-{persona.slug}", None, clock=mana.clock)
            async with await mana.app(persona, recorder) as app:
                watched = Watched(app)
                for n in range(1, 26):
                    scene = Scene(persona, n, SIMULATION_EPOCH, random.Random(n))
                    await ScriptedBrain().use(watched, scene)
            there = [seen for seen in watched.seen if seen[0] is not None]
            assert len(there) >= 3
            assert len(there) < len(watched.seen) * 0.6
            assert {space for space, *_ in there} == {app.shared_spaces[0].id}
            assert all(admits(shared[0].type, tool.partition(".")[0]) for _, tool, *_ in there)
            errors = [outcome.error.kind for *_, outcome in there if outcome.error]
            assert set(errors) <= {"invalid-input"}
            assert len(errors) < len(there) * 0.3


FAMILY = Space(id="f", name="Flat", slug="flat", type="family", role="member")
CLUB = Space(id="c", name="Club", slug="club", type="club", role="owner")


async def on_paper(app, ticks=60, **mix):
    anna = PAIR[0].model_copy(update={"module_mix": mix or {"todo": 1.0, "journal": 1.0}})
    for n in range(1, ticks + 1):
        scene = Scene(anna, n, SIMULATION_EPOCH, random.Random(n))
        await ScriptedBrain().use(app, scene)
    return app.asked


async def test_who_shares_nothing_acts_as_if_nobody_could(monkeypatch):
    alone = await on_paper(Paper())
    never = ARCHETYPES["adhd-student"]
    monkeypatch.setitem(ARCHETYPES, "adhd-student", type(never)(**{**vars(never), "shares": 1.0}))
    assert await on_paper(Paper()) == alone
    assert {space for _, _, space in alone} == {None}


async def test_what_others_put_into_a_shared_space_is_never_touched():
    others = [f"other-{n}" for n in range(20)]
    empty = [ask for ask in await on_paper(Paper(FAMILY)) if ask[2]]
    full = [ask for ask in await on_paper(Paper(FAMILY, others=others)) if ask[2]]
    assert {name for name, _, _ in full} == {"todo.create", "todo.list", "todo.complete"}
    done = [json.loads(arguments)["id"] for name, arguments, _ in full if name == "todo.complete"]
    assert done
    assert all(name.startswith("own-") for name in done)
    assert empty


async def test_only_what_a_space_admits_is_used_there():
    asked = await on_paper(Paper(FAMILY, CLUB))
    spaces = Counter(space for _, _, space in asked)
    assert spaces["f"] > 5
    assert spaces["c"] > 5
    assert all(name.startswith("todo.") for name, _, space in asked if space)


async def test_who_wants_nothing_that_a_space_admits_takes_what_is_handy():
    asked = await on_paper(Paper(FAMILY), journal=1.0)
    assert {name.partition(".")[0] for name, _, space in asked if space} == {"todo"}
    assert {name.partition(".")[0] for name, _, space in asked if not space} >= {"journal"}


async def test_a_space_of_an_unknown_type_is_left_alone():
    commune = FAMILY.model_copy(update={"type": "commune"})
    assert {space for _, _, space in await on_paper(Paper(commune))} == {None}
