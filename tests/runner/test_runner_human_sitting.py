"""The loop that every surface shares: nothing typed is lost, and nothing is rated that was not."""

import asyncio

import pytest
from desk_house import ANNA, LEAVE, Counter, Do, PatientDesk, PlayedDesk, at_counter, do, scene_of

from mana_lab.errors import InvalidInputError
from mana_lab.identity.wire import Space
from mana_lab.runner import CallError
from mana_lab.runner.brain import check_kept
from mana_lab.runner.human import Finish, GiveUp, HumanBrain, Miss, Verdict
from mana_lab.runner.human.sitting import shelves_of

NOBODY = "0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70"


async def played(*moves, ratings=(), persona=ANNA, past=None, **app):
    desk, app, scene = (
        PlayedDesk(list(moves), list(ratings)),
        Counter(**app),
        scene_of(persona, past),
    )
    given = await at_counter(desk, app, scene)
    return desk, app, scene, given


async def test_what_cannot_be_sent_is_asked_for_again_and_nothing_typed_is_lost():
    tries = [{"priority": "hgih", "description": "all"}, {"title": "Essay"}, {"priority": "HIGH"}]
    desk, app, _, _ = await played(Do("todo.create", tries), Finish())
    odd = "must be one of low, medium, high, urgent, got 'hgih'"
    assert desk.problems == [{}, {"title": "is needed", "priority": odd}, {"priority": odd}]
    assert desk.entries[2] == {"priority": "hgih", "description": "all", "title": "Essay"}
    given = {"title": "Essay", "description": "all", "priority": "high"}
    assert app.calls == [("todo.create", given, None)]


async def test_what_was_not_typed_is_left_out():
    _, app, _, _ = await played(do("todo.create", title="Essay", description="  "), Finish())
    assert app.calls == [("todo.create", {"title": "Essay"}, None)]


async def test_a_refused_call_leaves_the_form_as_it_was_so_that_it_can_be_sent_again():
    gone = CallError("not-found", "not-found", "no task has that id")
    desk, _, scene, _ = await played(
        Do("todo.complete", [{"id": NOBODY}, {}]), Finish(), answers={"todo.complete": [gone, {}]}
    )
    assert desk.shown[1:3] == [
        "The app did not find that: no task has that id",
        "todo.complete worked",
    ]
    assert desk.entries == [{}, {"id": NOBODY}]
    assert [each.ok for each in scene.memory.outcomes.values()] == [False, True]


@pytest.mark.parametrize(
    ("path", "problems"),
    [
        ("title", {"title": "was not taken by the app"}),
        ("title[0].deep", {"title": "was not taken by the app"}),
        ("title.deep", {"title": "was not taken by the app"}),
        ("elsewhere", {}),
        ("", {}),
        (None, {}),
    ],
)
async def test_an_error_that_names_an_argument_is_shown_there(path, problems):
    wrong = CallError("invalid-arguments", "invalid-input", "no\nsuch\x1b[2J title", path)
    desk, *_ = await played(
        Do("todo.create", [{"title": "Essay"}]), Finish(), answers={"todo.create": [wrong]}
    )
    assert desk.problems[1] == problems
    assert (
        desk.form.trouble == "The app did not take that: no such\N{REPLACEMENT CHARACTER}[2J title"
    )


async def test_a_form_that_was_left_is_found_again_until_the_app_has_taken_it():
    desk, app, _, _ = await played(
        Do("todo.create", [{"priority": "odd"}]),
        do("notes.list"),
        Do("todo.create", [{"title": "Essay", "priority": "low"}]),
        Do("todo.create", []),
        Finish(),
    )
    assert [name for name, *_ in app.calls] == ["notes.list", "todo.create"]
    assert desk.entries == [{}, {"priority": "odd"}, {}, {"priority": "odd"}, {}]


async def test_things_that_were_seen_can_be_named_by_a_field_for_an_id():
    tasks = [{"id": "a1", "title": "Essay"}, {"id": "b2", "title": "Milk"}]
    desk, *_ = await played(
        do("todo.list"),
        Do("todo.complete", []),
        Finish(),
        answers={"todo.list": [{"tasks": tasks}]},
    )
    assert [(thing.id, thing.label) for thing in desk.form.things] == [
        ("b2", "Milk"),
        ("a1", "Essay"),
    ]
    desk, *_ = await played(do("todo.list"), Do("notes.get", []), Finish())
    assert desk.form.things == []


async def test_calls_act_in_the_space_that_was_chosen():
    flat = Space(id="s1", name="Flat", slug="flat", type="family")
    _, app, _, _ = await played(
        do("todo.list", space="flat"), do("todo.list"), Finish(), shared_spaces=(flat,)
    )
    assert [space for *_, space in app.calls] == ["s1", None]


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (" too slow ", "too slow"),
        ("", "no reason was given"),
        ("x" * 900, "x" * 500),
        ("\ud800\0", "?\N{REPLACEMENT CHARACTER}"),
    ],
    ids=["said", "unsaid", "endless", "no text"],
)
async def test_a_reason_for_giving_up_is_kept(reason, kept):
    _, _, scene, _ = await played(GiveUp(reason))
    assert scene.memory.gave_up == kept


async def test_who_leaves_while_rating_has_rated_what_they_rated():
    _, _, scene, given = await played(
        do("todo.list"),
        do("notes.list"),
        Finish(),
        ratings=[{"todo": ("5", "good", []), "notes": LEAVE}],
    )
    assert [(rating.module, rating.rating) for rating in given] == [("todo", 5)]
    assert scene.memory.gave_up == "the person left before they had rated everything"


async def test_who_gave_up_and_left_then_gave_up_for_the_first_reason():
    _, _, scene, _ = await played(do("todo.list"), GiveUp("too slow"))
    assert scene.memory.gave_up == "too slow"


async def test_no_rating_is_preset_and_one_that_cannot_be_used_is_asked_for_again():
    desk, _, _, [given] = await played(
        do("todo.list"),
        Finish(),
        ratings=[
            {},
            {"todo": ("6", "why", [])},
            {"todo": ("3", "y" * 1001, [])},
            {"todo": ("3", " why ", [0])},
        ],
    )
    problems = [each[0] for each in desk.shown if isinstance(each, list)]
    assert problems == [
        None,
        "the rating of todo is a number from 1 to 5, and there is none yet",
        "the rating of todo is a number from 1 to 5, got '6'",
        "the notes on todo may have 1000 characters, got 1001",
    ]
    assert (given.rating, given.notes, given.evidence) == (3, "why", ("t-0-todo.list",))


@pytest.mark.parametrize("rating", ["0", "6", "3.5", "٣", "44", "four", "-1", "", " ", "4" * 9000])
def test_a_rating_is_a_digit_from_1_to_5_and_nothing_else(rating):
    verdict = Verdict("todo", (), rating)
    assert verdict.read() is None
    assert len(verdict.problem) < 120
    verdict.rating = " 4 "
    assert (verdict.read().rating, verdict.problem) == (4, None)


def test_notes_are_kept_as_they_were_said_but_for_what_no_database_takes():
    verdict = Verdict("todo", (), "3", " \N{WOMAN}\u200d\N{PERSONAL COMPUTER}\n\0\ud800 ")
    assert (
        verdict.read().notes == "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}\n\N{REPLACEMENT CHARACTER}?"
    )


async def test_the_rating_form_lists_what_was_called_and_what_became_of_it():
    wrong = CallError("conflict", "conflict", "it is\ntaken")
    desk, *_ = await played(
        do("todo.list"),
        do("notes.list"),
        do("todo.list"),
        Finish(),
        ratings=[{"todo": ("3", "", []), "notes": ("3", "", [])}],
        answers={"todo.list": [{}, wrong]},
    )
    assert [(each.module, [line.text for line in each.lines]) for each in desk.verdicts] == [
        ("todo", ["todo.list worked", "todo.list failed: it is taken"]),
        ("notes", ["notes.list worked"]),
    ]


async def test_without_a_call_there_is_nothing_to_rate():
    desk, _, scene, given = await played(Finish())
    assert desk.shown == [
        "You are Anna.",
        "The tick is over, without a call; there is nothing to rate.",
    ]
    assert (given, scene.memory.gave_up) == ([], None)


async def test_a_module_without_tools_that_the_persona_wants_is_listed_and_counted():
    wishful = ANNA.model_copy(update={"module_mix": {"cards": 0.5, "todo": 1.5, "dreams": 0.0}})
    desk, _, scene, _ = await played(Miss("cards"), Miss("cards"), Finish(), persona=wishful)
    first, second, third, *_ = desk.menu.shelves
    assert (first.module, first.wanted, len(first.tools)) == ("todo", 0.75, 7)
    assert (second.module, second.wanted, second.tools) == ("cards", 0.25, ())
    assert (third.module, third.wanted) == ("articles", 0.0)
    assert scene.skipped_modules == {"cards": 2}


def test_modules_stand_in_one_order_however_the_tools_come():
    assert shelves_of([], {"b": 1.0, "a": 1.0}) == shelves_of([], {"a": 1.0, "b": 1.0})
    assert shelves_of([], {}) == ()


async def test_what_happened_is_told_before_the_next_tick():
    _, _, scene, _ = await played(
        do("todo.list"), do("todo.list"), GiveUp("lost"), ratings=[{"todo": ("2", "slow", [])}]
    )
    check_kept(scene.memory.kept)
    desk, *_ = await played(Finish(), past=scene.memory.kept)
    assert desk.cards[0].last_time == (
        "On 2026-01-05 you used todo.list (2x).",
        "You gave up: lost",
        "You gave todo 2 of 5. slow",
    )


@pytest.mark.parametrize("past", [{}, {"last_time": 3}, {"last_time": [3, "ok"]}, {"other": []}])
async def test_a_past_of_another_kind_does_no_harm(past):
    desk, *_ = await played(Finish(), past=past)
    assert desk.cards[0].last_time in ((), ("ok",))


async def test_what_is_kept_never_grows_beyond_what_may_be_kept():
    modules = sorted({tool.module for tool in await Counter().tools()})
    moves = [do(f"{module}.list") for module in ("todo", "notes", "library", "goals")]
    ratings = {module: ("3", "\N{PILE OF POO}" * 1000, []) for module in modules}
    asked = {module: ratings[module] for module in ("todo", "notes", "library", "goals")}
    _, _, scene, _ = await played(*moves, Finish(), ratings=[asked])
    check_kept(scene.memory.kept)


async def test_a_tick_whose_time_is_up_says_so_and_lets_the_next_one_play():
    desk = PatientDesk([do("todo.list")])
    brain = HumanBrain(desk)

    async def hastily():
        async with asyncio.timeout(None) as limit:
            desk.on_wait = lambda: limit.reschedule(0)
            await brain.use(Counter(), scene_of(ANNA))

    with pytest.raises(TimeoutError):
        await hastily()
    assert desk.shown[-1] == "The tick has ended: it was stopped, or its time was up."
    desk.moves.append(Finish())
    await asyncio.create_task(brain.use(Counter(), scene_of(ANNA)))


async def test_a_brain_is_what_the_runner_takes_it_for():
    brain = HumanBrain(PlayedDesk([]))
    assert (brain.name, brain.model) == ("human", None)
    with pytest.raises(InvalidInputError):
        check_kept({"x": "y" * 70_000})
