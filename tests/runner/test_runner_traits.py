"""What traits make of an archetype, and that they reach the brain."""

from collections import Counter
from itertools import pairwise

import pytest
from runner_house import cast, open_mana
from test_runner_opinion import MADE, MANY, NOTHING, lived

from mana_lab.personas import Traits
from mana_lab.runner import ScriptedBrain
from mana_lab.runner.scripted import ARCHETYPES, Temper, behavior_of
from mana_lab.runner.scripted.archetypes import DEFAULT
from mana_lab.runner.scripted.opinion import rate_module

AMOUNTS = [number / 20 for number in range(21)]
DISASTER = [("todo.create", "infrastructure")] * 4
SUCCESS = [("todo.create", MADE)] * 3


def like(archetype, **traits):
    [anna] = cast("anna")
    changes = {"archetype": archetype, "traits": Traits(**traits)}
    return behavior_of(anna.model_copy(update=changes))


@pytest.mark.parametrize("archetype", [*ARCHETYPES, "unheard-of"])
def test_usual_traits_and_none_leave_an_archetype_as_it_is(archetype):
    [anna] = cast("anna")
    usual = ARCHETYPES.get(archetype, DEFAULT)
    assert like(archetype) == usual
    assert behavior_of(anna.model_copy(update={"archetype": archetype})) is usual


@pytest.mark.parametrize("archetype", ARCHETYPES)
@pytest.mark.parametrize(
    ("trait", "rises", "falls"),
    [
        ("patience", ("patience", "tolerance", "endurance"), ()),
        ("skill", ("learns", "repairs"), ("blunder", "guesses")),
        ("verbosity", ("detail",), ()),
    ],
)
def test_a_trait_moves_what_it_is_about_and_nothing_else(archetype, trait, rises, falls):
    found = [like(archetype, **{trait: amount}) for amount in AMOUNTS]
    for less, more in pairwise(found):
        assert all(getattr(less, name) <= getattr(more, name) for name in rises)
        assert all(getattr(less, name) >= getattr(more, name) for name in falls)
    for name in rises + falls:
        assert getattr(found[0], name) != getattr(found[-1], name)
    apart = {*rises, *falls, "temper"}
    fields = set(ARCHETYPES[archetype].__dataclass_fields__) - apart
    assert all(
        getattr(each, name) == getattr(ARCHETYPES[archetype], name)
        for each in found
        for name in fields
    )


@pytest.mark.parametrize("archetype", ARCHETYPES)
@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_chances_stay_chances_at_both_ends(archetype, amount):
    behavior = like(archetype, patience=amount, skill=amount, verbosity=amount)
    for name in ("detail", "blunder", "guesses", "repairs"):
        assert 0 <= getattr(behavior, name) <= 1
    assert behavior.patience >= 0
    assert behavior.tolerance >= 1
    assert behavior.endurance >= 1


def rated(calls, **traits):
    actions, memory = lived(*calls)
    return rate_module("todo", actions, memory, like("freelancer", **traits).temper)


def test_the_less_honest_the_politer_whatever_happened():
    found = [rated(DISASTER, honesty=amount).rating for amount in AMOUNTS]
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == (4, 1)
    assert rated(SUCCESS, honesty=0.0).rating == 4
    assert rated(SUCCESS, honesty=1.0).rating == 5


def test_honesty_changes_no_note_and_no_evidence():
    polite, honest = (rated(DISASTER, honesty=amount) for amount in (0.0, 1.0))
    assert (polite.notes, polite.evidence) == (honest.notes, honest.evidence)


def test_who_says_little_tells_the_first_facts_only():
    calls = [
        ("todo.create", "invalid-input"),
        *SUCCESS,
        ("todo.list", MANY),
        ("todo.list", NOTHING),
    ]
    whole = rated(calls, verbosity=0.5).notes
    told = [rated(calls, verbosity=amount).notes for amount in (0.0, 0.2, 0.4)]
    assert [note.count(";") for note in told] == [0, 1, 3]
    assert all(whole.startswith(note.removesuffix(".")) for note in told)
    assert rated(calls, verbosity=1.0).notes == whole


def test_a_temper_that_nobody_changed_is_honest_and_tells_all():
    assert (Temper().candour, Temper().facts) == (1.0, None)


class Watching(ScriptedBrain):
    """Plays like the scripted brain, and remembers whom it was to play."""

    def __init__(self):
        self.seen = {}

    async def use(self, app, scene):
        self.seen[scene.persona.name] = scene.persona
        await super().use(app, scene)


async def test_traits_reach_the_brain_and_show_in_what_somebody_does(tmp_path):
    anna, ben, tom = cast("anna", "ben", "tom")
    alike = {"archetype": "adhd-student", "module_mix": {"todo": 1.0}}
    adept = ben.model_copy(update=alike | {"traits": Traits(skill=1.0)})
    clumsy = tom.model_copy(update=alike | {"traits": Traits(skill=0.0)})
    people = [anna, adept, clumsy]
    async with open_mana(tmp_path, people) as mana:
        brain = Watching()
        await mana.live(brain, days=3)
        who = {tick["persona_id"]: tick["persona_email"] for tick in await mana.rows("ticks")}
        blunders = Counter(
            who[row["persona_id"]]
            for row in await mana.rows("persona_actions")
            if row["error_kind"] == "invalid-input"
        )
    assert brain.seen == {each.name: each for each in people}
    assert blunders[adept.email] == 0 < blunders[clumsy.email]
