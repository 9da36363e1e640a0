"""Who the personas are, and what a catalog must not say."""

import copy
import json

import pytest
from jsonschema import Draft202012Validator

from mana_lab.errors import CatalogError, UnknownPersonaError
from mana_lab.personas import Catalog, catalog_schema, load_catalog, persona_password
from mana_lab.shipped import catalog_dir

SHIPPED = json.loads((catalog_dir() / "personas.json").read_text(encoding="utf-8"))
SCHEMA = json.loads((catalog_dir() / "personas.schema.json").read_text(encoding="utf-8"))
MIXES = {
    "Anna": ("adhd-student", "daily", {"todo": 0.3, "journal": 0.3, "notes": 0.2, "mood": 0.2}),
    "Ben": ("adhd-student", "daily", {"todo": 0.4, "calendar": 0.3, "journal": 0.2, "habits": 0.1}),
    "Marcus": (
        "ceo-busy",
        "weekdays",
        {"contacts": 0.3, "calendar": 0.3, "todo": 0.2, "articles": 0.2},
    ),
    "Lena": (
        "ceo-busy",
        "weekdays",
        {"journal": 0.3, "contacts": 0.2, "calendar": 0.2, "notes": 0.3},
    ),
    "Sofia": (
        "creative-parent",
        "daily",
        {"journal": 0.3, "notes": 0.3, "dreams": 0.2, "mood": 0.2},
    ),
    "Tom": (
        "creative-parent",
        "daily",
        {"todo": 0.4, "calendar": 0.3, "notes": 0.2, "habits": 0.1},
    ),
    "Kai": ("solo-dev", "daily", {"articles": 0.3, "notes": 0.3, "library": 0.2, "goals": 0.2}),
    "Julia": ("researcher", "weekdays", {"articles": 0.4, "notes": 0.4, "newsResearch": 0.2}),
    "Paul": ("freelancer", "weekdays", {"invoices": 0.4, "contacts": 0.3, "calendar": 0.3}),
    "Maya": ("overwhelmed-newbie", "daily", {"todo": 0.6, "journal": 0.4}),
}


def written(folder, document):
    path = folder / "personas.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_the_ten_are_who_they_are():
    catalog = load_catalog()
    assert {
        each.name: (each.archetype, each.tick_cadence, each.module_mix) for each in catalog
    } == (MIXES)
    assert [each.email for each in catalog] == [
        f"persona.{each.slug}@mana.test" for each in catalog
    ]
    assert repr(catalog).startswith("<Catalog: Anna, Ben, Marcus")
    assert repr(catalog[0]) == "<Persona Anna: adhd-student, daily>"


@pytest.mark.parametrize("name", MIXES)
def test_a_system_prompt_has_sixty_to_a_hundred_and_fifty_words(name):
    assert 60 <= len(load_catalog().get(name).system_prompt.split()) <= 150


def test_the_schema_that_ships_is_that_of_the_models_and_takes_the_catalog():
    assert catalog_schema() == SCHEMA
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(SHIPPED)


BAD = {
    "e-mail domain": ("email", "persona.anna@mana.how", True),
    "e-mail in capitals": ("email", "persona.Anna@mana.test", True),
    "negative weight": ("moduleMix", {"todo": -0.1}, True),
    "infinite weight": ("moduleMix", {"todo": float("inf")}, False),
    "no weight at all": ("moduleMix", {"todo": 0}, False),
    "no module": ("moduleMix", {}, True),
    "module name": ("moduleMix", {"To do": 1}, False),
    "cadence": ("tickCadence", "monthly", True),
    "unknown key": ("favouriteColour", "blue", True),
    "short prompt": ("systemPrompt", "You are Anna.", True),
    "time zone": ("timezone", "Europe/Atlantis", False),
    "time zone of a path": ("timezone", "../../etc/passwd", False),
    "language": ("language", "English, please", True),
    "archetype": ("archetype", "ADHD student", True),
    "name": ("name", "", True),
    "wrong type": ("systemPrompt", ["You"], True),
    "long value": ("tickCadence", "x" * 100_000, True),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_value_is_refused_with_the_persona_and_the_field(tmp_path, case):
    field, value, in_schema = BAD[case]
    document = copy.deepcopy(SHIPPED)
    document["personas"][1][field] = value
    with pytest.raises(CatalogError) as caught:
        load_catalog(written(tmp_path, document))
    assert field in caught.value.message
    assert ("Ben" in caught.value.message) or field == "name"
    assert len(caught.value.message) < 400
    if in_schema:
        assert not Draft202012Validator(SCHEMA).is_valid(document)


@pytest.mark.parametrize("field", ["name", "email", "archetype", "systemPrompt", "moduleMix"])
def test_a_missing_field_is_named(tmp_path, field):
    document = copy.deepcopy(SHIPPED)
    del document["personas"][1][field]
    with pytest.raises(CatalogError, match=field):
        load_catalog(written(tmp_path, document))


@pytest.mark.parametrize("field", ["name", "email"])
def test_two_personas_are_not_called_alike(tmp_path, field):
    document = copy.deepcopy(SHIPPED)
    document["personas"][1][field] = document["personas"][0][field]
    with pytest.raises(CatalogError, match=field):
        load_catalog(written(tmp_path, document))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"personas": []}', '{"personas": {}}', "[" * 100_000, '{"a":1,"a":2}'],
    ids=lambda text: text[:16],
)
def test_a_file_that_is_no_catalog_is_refused(tmp_path, text):
    with pytest.raises(CatalogError, match=r"personas\.json") as caught:
        load_catalog(written(tmp_path, text))
    assert len(caught.value.message) < 400


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(CatalogError, match="cannot be read"):
        load_catalog(tmp_path / "none.json")
    with pytest.raises(CatalogError, match="cannot be read"):
        load_catalog(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"personas": "\xe9"}')
    with pytest.raises(CatalogError, match="UTF-8"):
        load_catalog(tmp_path / "latin.json")
    (tmp_path / "large.json").write_text(" " * (4 * 1024 * 1024 + 1))
    with pytest.raises(CatalogError, match="larger than"):
        load_catalog(tmp_path / "large.json")


@pytest.mark.parametrize("name", ["anna", "ANNA", " Anna ", "persona.anna@mana.test"])
def test_somebody_is_found_by_name_or_address(name):
    assert load_catalog().get(name).name == "Anna"


@pytest.mark.parametrize("name", ["zoe", "", "persona.zoe@mana.test", "x" * 100_000])
def test_nobody_is_an_error_that_lists_everybody(name):
    with pytest.raises(UnknownPersonaError, match="anna, ben") as caught:
        load_catalog().get(name)
    assert len(caught.value.message) < 400


def test_a_catalog_is_a_sequence():
    catalog = load_catalog()
    assert len(Catalog(catalog[:2])) == 2
    assert catalog[0] in catalog


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("persona.anna@mana.test", "1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA"),
        ("persona.ben@mana.test", "UQ4j64WupivIkoy7XxwPFgA9cQVKXKsW"),
        ("persona.maya@mana.test", "cGqE8D7hwpIKvyjBql7vJAXAvbBlepEZ"),
    ],
)
def test_passwords_are_those_of_the_original(email, password):
    assert persona_password(email, "dev-persona-seed-secret-rotate-in-prod") == password
    assert persona_password(email, "another secret") != password
