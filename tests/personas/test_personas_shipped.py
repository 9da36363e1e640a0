"""The ten personas that ship with the package."""

import json

import pytest

from mana_lab.errors import UnknownPersonaError
from mana_lab.personas import Catalog, Traits, catalog_json, load_catalog

CAST = {
    "Anna": ("adhd-student", {"todo": 0.3, "journal": 0.3, "notes": 0.2, "mood": 0.2}, "daily"),
    "Ben": ("adhd-student", {"todo": 0.4, "calendar": 0.3, "journal": 0.2, "habits": 0.1}, "daily"),
    "Marcus": (
        "ceo-busy",
        {"contacts": 0.3, "calendar": 0.3, "todo": 0.2, "articles": 0.2},
        "weekdays",
    ),
    "Lena": (
        "ceo-busy",
        {"journal": 0.3, "contacts": 0.2, "calendar": 0.2, "notes": 0.3},
        "weekdays",
    ),
    "Sofia": (
        "creative-parent",
        {"journal": 0.3, "notes": 0.3, "dreams": 0.2, "mood": 0.2},
        "daily",
    ),
    "Tom": (
        "creative-parent",
        {"todo": 0.4, "calendar": 0.3, "notes": 0.2, "habits": 0.1},
        "daily",
    ),
    "Kai": ("solo-dev", {"articles": 0.3, "notes": 0.3, "library": 0.2, "goals": 0.2}, "daily"),
    "Julia": ("researcher", {"articles": 0.4, "notes": 0.4, "newsResearch": 0.2}, "weekdays"),
    "Paul": ("freelancer", {"invoices": 0.4, "contacts": 0.3, "calendar": 0.3}, "weekdays"),
    "Maya": ("overwhelmed-newbie", {"todo": 0.6, "journal": 0.4}, "daily"),
}

ENGLISH = {"a", "and", "in", "is", "it", "not", "of", "or", "that", "the", "to", "you", "your"}


def test_the_shipped_personas_are_these_ten_in_this_order(catalog):
    assert [persona.name for persona in catalog] == list(CAST)
    assert len(catalog) == 10


@pytest.mark.parametrize("name", CAST)
def test_a_shipped_persona_is_who_they_are_known_to_be(catalog, name):
    persona = catalog.get(name)
    assert (persona.archetype, persona.module_mix, persona.tick_cadence) == CAST[name]
    assert persona.email == f"persona.{name.lower()}@mana.test"
    assert persona.traits is None
    assert sum(persona.module_mix.values()) == pytest.approx(1)


@pytest.mark.parametrize("name", CAST)
def test_a_shipped_prompt_is_a_paragraph_of_english_about_its_persona(catalog, name):
    persona = catalog.get(name)
    words = persona.system_prompt.split()
    assert 60 <= len(words) <= 150
    assert persona.language == "en"
    assert persona.system_prompt.startswith(f"You are {name}, ")
    assert persona.system_prompt.isascii()
    assert sum(word.lower().strip(",.") in ENGLISH for word in words) > len(words) / 5


def test_no_two_shipped_personas_have_the_same_prompt(catalog):
    assert len({persona.system_prompt for persona in catalog}) == len(catalog)


@pytest.mark.parametrize(
    "name", ["anna", "Anna", "ANNA", "  anna\n", "persona.anna@mana.test", "Persona.Anna@Mana.Test"]
)
def test_a_persona_is_found_by_name_and_by_address_however_they_are_typed(catalog, name):
    assert catalog.get(name) is catalog[0]


@pytest.mark.parametrize("name", ["zoe", "", "ann", "anna@mana.test", "persona.anna"])
def test_who_is_not_in_the_catalog_is_refused_with_those_who_are(catalog, name):
    with pytest.raises(UnknownPersonaError) as caught:
        catalog.get(name)
    assert caught.value.message == (
        f"the catalog has no persona {name!r}; "
        "it has anna, ben, marcus, lena, sofia, tom, kai, julia, paul, maya"
    )


def test_a_name_of_several_words_is_typed_with_hyphens_or_as_it_is(catalog):
    zoe = catalog[0].model_copy(update={"name": "Zoe  Maria Okoye", "email": "zoe@mana.test"})
    assert zoe.slug == "zoe-maria-okoye"
    everybody = Catalog([*catalog, zoe])
    for name in ("zoe-maria-okoye", "Zoe Maria Okoye", " zoe maria  okoye "):
        assert everybody.get(name) is zoe


def test_many_personas_are_named_in_part(catalog):
    many = [
        catalog[0].model_copy(update={"name": f"Anna {n}", "email": f"anna{n}@mana.test"})
        for n in range(200)
    ]
    with pytest.raises(UnknownPersonaError) as caught:
        Catalog(many).get("zoe")
    assert caught.value.message.endswith("anna-10, anna-11, and 188 more")
    assert repr(Catalog(many)).endswith("Anna 10, Anna 11, and 188 more>")


def test_the_refusal_does_not_echo_a_long_name(catalog):
    with pytest.raises(UnknownPersonaError) as caught:
        catalog.get("x" * 1_000_000)
    assert len(caught.value.message) < 250


SHARED = {
    ("Anna", "Ben"): "family",
    ("Marcus", "Lena"): "team",
    ("Sofia", "Tom"): "family",
    ("Kai", "Julia"): "practice",
    ("Paul", "Maya"): "brand",
}


def test_the_shipped_personas_share_these_five_spaces(catalog):
    assert {space.members: space.type for space in catalog.spaces} == SHARED
    assert len({space.slug for space in catalog.spaces}) == 5
    shared = [persona for space in catalog.spaces for persona in catalog.members_of(space)]
    assert sorted(persona.name for persona in shared) == sorted(CAST)


def test_the_repr_of_a_space_says_what_it_is_and_whose(catalog):
    assert f"{catalog.spaces[1]!r}" == "<SharedSpace Management: team of Marcus, Lena>"


def test_a_catalog_is_a_sequence(catalog):
    assert catalog[-1].name == "Maya"
    assert [persona.name for persona in catalog[:2]] == ["Anna", "Ben"]
    assert next(reversed(catalog)).name == "Maya"
    assert catalog.get("ben") in catalog


def test_a_catalog_that_was_written_is_read_back(catalog, tmp_path):
    traits = Traits(patience=0.125, honesty=0.0)
    changed = Catalog(
        [catalog[0].model_copy(update={"traits": traits}), *catalog[1:]], catalog.spaces
    )
    place = tmp_path / "catalog.json"
    place.write_text(catalog_json(changed), "utf-8")
    again = load_catalog(place)
    assert (again.personas, again.spaces) == (changed.personas, changed.spaces)
    assert "traits" not in json.loads(place.read_text("utf-8"))["personas"][1]


def test_reading_the_catalog_again_gives_the_same_personas(catalog):
    assert list(load_catalog()) == list(catalog)


def test_a_persona_cannot_be_changed(catalog):
    with pytest.raises(ValueError, match="frozen"):
        catalog[0].name = "Zoe"


def test_the_reprs_say_who_and_hide_the_rest(catalog):
    mix = ", ".join(f"{name} {share:.0%}" for name, share in catalog[2].shares.items())
    assert f"{catalog[2]!r}" == f"<Persona Marcus: ceo-busy, weekdays; {mix}>"
    assert f"{Catalog(catalog[:3])!r}" == "<Catalog: Anna, Ben, Marcus>"


def test_shares_add_up_to_one_the_largest_first(catalog):
    weights = {"todo": 1.0, "notes": 3.0, "goals": 1.0, "mood": 0.0}
    persona = catalog[0].model_copy(update={"module_mix": weights})
    assert list(persona.shares.items()) == [("notes", 0.6), ("goals", 0.2), ("todo", 0.2)]
    for each in catalog:
        assert sum(each.shares.values()) == pytest.approx(1)


def test_a_persona_shows_who_they_are_and_nothing_that_a_browser_would_run(catalog):
    hostile = "<img src=x onerror=alert(1)>"
    changes = {"name": hostile, "traits": Traits(patience=0.25)}
    shown = catalog[0].model_copy(update=changes)._repr_html_()
    assert "<img" not in shown
    assert "<td>&lt;img src=x onerror=alert(1)&gt;</td>" in shown
    assert "<td>daily, in Europe/Berlin</td>" in shown
    assert "patience 0.25, skill 0.50, honesty 1.00, verbosity 0.50" in shown
    assert shown.count("<svg ") == len(catalog[0].shares)
    assert catalog[0].system_prompt not in shown
    assert "traits" not in catalog[0]._repr_html_()
