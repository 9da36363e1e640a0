"""Personas that are sampled: who they are, how evenly they are spread, and that they stay so."""

import hashlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from mana_lab.errors import InvalidInputError
from mana_lab.personas import Catalog, Traits, catalog_json, load_catalog, sample
from mana_lab.personas.people import names, people
from mana_lab.personas.sampling import MOST

TRAITS = tuple(Traits.model_fields)


@pytest.fixture(scope="module")
def many() -> Catalog:
    return sample(256, seed=7, shared=0.5)


def values(catalog, trait):
    return [getattr(persona.traits, trait) for persona in catalog]


def test_the_same_seed_gives_the_same_bytes_on_every_machine():
    """Whoever changes the tables or the method changes everybody's personas; let them say so."""
    digest = hashlib.sha256(catalog_json(sample(64, seed=7, shared=0.5)).encode()).hexdigest()
    assert digest == "7b7d8c18b19443620dadc12511556c6974077e4e6d0494f1eae44e2e153dd6bf"


def test_another_seed_gives_other_people_who_are_as_many():
    texts = {catalog_json(sample(5, seed=seed)) for seed in (0, 1, -1, 2**63 - 1, -(2**63))}
    assert len(texts) == 5


@pytest.mark.parametrize("n", [1, 2, 3, 100, 129, 255])
def test_a_smaller_sample_is_the_beginning_of_a_larger_one(many, n):
    few = sample(n, seed=7, shared=0.5)
    assert few.personas == many.personas[:n]
    assert few.spaces == many.spaces[: len(few.spaces)]


def test_a_sample_is_a_catalog_like_any_other(many, tmp_path):
    place = tmp_path / "catalog.json"
    place.write_text(catalog_json(many), "utf-8")
    again = load_catalog(place)
    assert (again.personas, again.spaces) == (many.personas, many.spaces)
    assert many.get(many[3].slug) is many.get(many[3].name) is many.get(many[3].email) is many[3]


def test_no_two_share_a_name_or_an_address_and_nobody_is_of_the_ten(many):
    known = {each.email for each in load_catalog()}
    assert len({each.email for each in many} | known) == len(many) + len(known)
    assert len({each.slug for each in many}) == len(many)
    for each in many:
        first, last = each.name.split(" ")
        assert each.slug == f"{first}-{last}".lower()
        assert each.email == f"persona.{first}.{last}@mana.test".lower()


def test_traits_archetypes_and_cadences_are_spread_evenly(many):
    for trait in TRAITS:
        quarters = Counter(int(value * 4) for value in values(many, trait))
        assert sorted(quarters) == [0, 1, 2, 3]
        assert all(abs(count - 64) <= 1 for count in quarters.values())
    archetypes = Counter(each.archetype for each in many)
    assert set(archetypes) == {each.archetype for each in load_catalog()}
    assert max(archetypes.values()) - min(archetypes.values()) <= 2
    cadences = Counter(each.tick_cadence for each in many)
    assert cadences == pytest.approx({"daily": 153.6, "weekdays": 92.16, "hourly": 10.24}, abs=2)
    assert len({each.timezone for each in many}) == len(people().timezones)


def test_no_two_traits_go_together(many):
    together = np.corrcoef([values(many, trait) for trait in TRAITS])
    assert np.abs(together - np.eye(len(TRAITS))).max() < 0.05


def mean_mixes(catalog):
    found = {}
    for persona in catalog:
        found.setdefault(persona.archetype, []).append(persona.module_mix)
    return {
        archetype: {
            module: sum(mix.get(module, 0) / sum(mix.values()) for mix in mixes) / len(mixes)
            for module in {name for mix in mixes for name in mix}
        }
        for archetype, mixes in found.items()
    }


def test_module_mixes_lie_around_those_of_the_archetypes():
    wanted = mean_mixes(load_catalog())
    found = mean_mixes(sample(1024, seed=3))
    assert found.keys() == wanted.keys()
    for archetype, mix in wanted.items():
        assert found[archetype] == pytest.approx(mix, abs=0.01)


def test_concentration_says_how_far_apart_the_mixes_are():
    spreads = []
    for concentration in (1, 12, 1000):
        peaks = [
            max(each.module_mix.values())
            for each in sample(128, seed=7, concentration=concentration)
            if each.archetype == "adhd-student"
        ]
        spreads.append(max(peaks) - min(peaks))
    assert all(less < more for more, less in pairwise(spreads))
    assert spreads[-1] < 0.1


def test_every_mix_sums_to_one_but_for_rounding(many):
    for each in many:
        assert sum(each.module_mix.values()) == pytest.approx(1, abs=0.005)
        assert all(0 < share <= 1 for share in each.module_mix.values())


def test_a_prompt_is_a_paragraph_of_english_about_its_persona(many):
    tables = people()
    for each in many:
        age, life = int(each.system_prompt.split(", ")[1]), tables.lives[each.archetype]
        assert each.system_prompt.startswith(f"You are {each.name}, {age}, ")
        assert life.ages[0] <= age <= life.ages[1]
        assert 60 <= len(each.system_prompt.split()) <= 150
        assert each.system_prompt.isascii()
        assert each.language == "en"
    assert len({each.system_prompt for each in many}) == len(many)


def test_a_prompt_says_what_its_persona_is_like(many):
    tables = people()
    for each in many:
        assert any(words in each.system_prompt for words in tables.cadences[each.tick_cadence])
        for trait in TRAITS:
            little, _some, much = tables.traits[trait]
            value = getattr(each.traits, trait)
            assert any(words in each.system_prompt for words in little) == (value < 1 / 3)
            assert any(words in each.system_prompt for words in much) == (value >= 2 / 3)
        favourite = max(sorted(each.module_mix), key=each.module_mix.get)
        assert f"you turn to {tables.modules[favourite]} most" in each.system_prompt


def test_the_tables_have_all_that_the_catalog_speaks_of():
    tables, shipped = people(), load_catalog()
    assert tables.lives.keys() == {each.archetype for each in shipped}
    assert tables.modules.keys() >= {module for each in shipped for module in each.module_mix}
    assert tables.traits.keys() == set(TRAITS)
    for known in (tables.first_names, tables.last_names):
        assert len(set(known)) == len(known)
        assert all(name.isascii() and name.isalpha() and name.istitle() for name in known)
    assert len(set(names(7))) == len(names(7)) >= MOST


def test_a_trait_stays_in_its_range():
    chosen = sample(64, seed=7, traits={"honesty": (0.7, 0.9), "skill": (0.25, 0.25)})
    assert min(values(chosen, "honesty")) >= 0.7
    assert max(values(chosen, "honesty")) <= 0.9
    assert set(values(chosen, "skill")) == {0.25}
    assert min(values(chosen, "patience")) < 0.1
    assert max(values(chosen, "patience")) > 0.9


def test_a_narrower_trait_leaves_everything_else_as_it_was():
    whole, narrow = sample(32, seed=7), sample(32, seed=7, traits={"honesty": [0.7, 0.9]})
    apart = {"traits", "system_prompt"}
    for one, other in zip(whole, narrow, strict=True):
        assert one.model_dump(exclude=apart) == other.model_dump(exclude=apart)
        assert one.traits.patience == other.traits.patience


def test_archetypes_and_cadences_come_as_often_as_their_weights_say():
    chosen = sample(
        128,
        seed=7,
        archetypes={"solo-dev": 3, "ceo-busy": 1, "researcher": 0},
        cadences={"hourly": 1, "daily": 0.0},
    )
    counts = Counter(each.archetype for each in chosen)
    assert counts == pytest.approx({"solo-dev": 96, "ceo-busy": 32}, abs=1)
    assert {each.tick_cadence for each in chosen} == {"hourly"}


@pytest.mark.parametrize(
    ("n", "shared", "expected"), [(10, 0.0, 0), (10, 0.4, 2), (10, 1.0, 5), (11, 1, 5), (1, 1, 0)]
)
def test_a_share_of_the_personas_shares_spaces_in_pairs(n, shared, expected):
    chosen = sample(n, seed=7, shared=shared)
    assert len(chosen.spaces) == expected
    members = [member for space in chosen.spaces for member in space.members]
    assert len(set(members)) == 2 * expected


def test_shared_spaces_are_of_every_type(many):
    assert len(many.spaces) == 64
    assert len({space.type for space in many.spaces}) == 5


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"n": 0}, "n must be a whole number from 1 to 20000, got 0"),
        ({"n": -3}, "n must be a whole number from 1 to 20000, got -3"),
        ({"n": MOST + 1}, "n must be a whole number from 1 to 20000, got 20001"),
        ({"n": 2.0}, "n must be a whole number"),
        ({"n": True}, "n must be a whole number"),
        ({"n": "10"}, "n must be a whole number"),
        ({"n": None}, "n must be a whole number"),
        ({"n": 10**5000}, "got a number too long to show"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"seed": None}, "seed must be a whole number"),
        ({"seed": False}, "seed must be a whole number"),
        ({"seed": 2**63}, "seed must be a whole number"),
        ({"seed": "seven" * 1000}, "seed must be a whole number"),
        ({"traits": {"courage": (0, 1)}}, "traits knows no 'courage'; it knows honesty, patience"),
        ({"traits": {"cadence": "daily"}}, "traits knows no 'cadence'"),
        ({"traits": {"skill": (0.8, 0.2)}}, "the range of skill must rise within 0 and 1"),
        ({"traits": {"skill": (-0.1, 0.2)}}, "the range of skill must rise within 0 and 1"),
        ({"traits": {"skill": (0.1, 1.2)}}, "the range of skill must rise within 0 and 1"),
        ({"traits": {"skill": 0.5}}, "skill takes a lowest and a highest value"),
        ({"traits": {"skill": (0.5,)}}, "skill takes a lowest and a highest value"),
        ({"traits": {"skill": "01"}}, "skill takes a lowest and a highest value"),
        ({"traits": {"skill": (0.1, float("nan"))}}, "skill takes a lowest and a highest value"),
        ({"traits": {"skill": (False, True)}}, "skill takes a lowest and a highest value"),
        ({"traits": ["skill"]}, "traits takes ranges by name, got ['skill']"),
        ({"archetypes": {"pirate": 1}}, "archetypes knows no 'pirate'; it knows adhd-student"),
        ({"archetypes": {}}, "archetypes: the weights must have a finite sum above 0"),
        ({"archetypes": {"solo-dev": 0}}, "archetypes: the weights must have a finite sum above 0"),
        ({"archetypes": {"solo-dev": -1}}, "the weight of solo-dev must be a number from 0 up"),
        ({"archetypes": {"solo-dev": 10**400}}, "the weight of solo-dev must be a number"),
        ({"archetypes": {"solo-dev": float("inf")}}, "the weight of solo-dev must be a number"),
        ({"archetypes": {"solo-dev": 1e308, "ceo-busy": 1e308}}, "a finite sum above 0"),
        ({"archetypes": ["solo-dev"]}, "archetypes takes weights by name, got ['solo-dev']"),
        ({"archetypes": {None: 1}}, "archetypes knows no None"),
        ({"cadences": {"yearly": 1}}, "cadences knows no 'yearly'; it knows daily, hourly"),
        ({"cadences": {"daily": "often"}}, "the weight of daily must be a number from 0 up"),
        ({"concentration": 0.5}, "concentration must be a number from 1 to 1000, got 0.5"),
        ({"concentration": float("nan")}, "concentration must be a number from 1 to 1000"),
        ({"shared": 1.1}, "shared must be a number from 0 to 1, got 1.1"),
        ({"shared": -0.1}, "shared must be a number from 0 to 1"),
        ({"shared": "half"}, "shared must be a number from 0 to 1"),
    ],
)
def test_what_cannot_be_sampled_is_refused(arguments, reason):
    with pytest.raises(InvalidInputError) as caught:
        sample(**{"n": 3, "seed": 7} | arguments)
    assert reason in caught.value.message
    assert len(caught.value.message) < 250


def test_whole_numbers_of_numpy_are_whole_numbers():
    assert sample(np.int64(3), np.int32(7)).personas == sample(3, 7).personas


@pytest.mark.slow
def test_the_largest_sample_has_a_name_and_a_prompt_for_everybody_and_fits_a_file(tmp_path):
    everybody = sample(MOST, seed=1, shared=1.0)
    assert len({each.system_prompt for each in everybody}) == MOST
    assert len(everybody.spaces) == MOST // 2
    place = tmp_path / "catalog.json"
    place.write_text(catalog_json(everybody), "utf-8")
    assert load_catalog(place).personas == everybody.personas
