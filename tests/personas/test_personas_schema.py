"""The JSON Schema that ships next to the catalog."""

import json

import pytest
from jsonschema import Draft202012Validator
from personas_house import ZOE, flat, without, zoe

from mana_lab.errors import CatalogError
from mana_lab.personas import catalog_schema, load_catalog
from mana_lab.shipped import catalog_dir

CATALOG = catalog_dir() / "personas.json"
SCHEMA = catalog_dir() / "personas.schema.json"


def accepts(content):
    return Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).is_valid(content)


def loads(content, folder):
    place = folder / "personas.json"
    place.write_text(json.dumps(content), "utf-8")
    try:
        return bool(load_catalog(place))
    except CatalogError:
        return False


def test_the_shipped_schema_is_the_one_that_the_code_follows():
    assert json.loads(SCHEMA.read_text("utf-8")) == catalog_schema()


def test_the_shipped_schema_is_a_schema():
    Draft202012Validator.check_schema(catalog_schema())


def test_the_shipped_catalog_follows_the_shipped_schema_and_names_it():
    content = json.loads(CATALOG.read_text("utf-8"))
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(content)
    assert (CATALOG.parent / content["$schema"]).resolve() == SCHEMA.resolve()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"tickCadence": "hourly"},
        {"language": "de-AT"},
        {"timezone": "Asia/Tokyo"},
        {"moduleMix": {"todo": 3, "newsResearch": 0}},
        {"traits": None},
        {"traits": {}},
        {"traits": {"patience": 0, "skill": 1, "honesty": 0.5, "verbosity": 0.25}},
    ],
    ids=repr,
)
def test_the_schema_accepts_a_persona_that_the_code_accepts(change, tmp_path):
    content = {"description": "One who tries things out.", "personas": [zoe(**change)]}
    assert loads(content, tmp_path)
    assert accepts(content)


@pytest.mark.parametrize("field", ["tickCadence", "language", "timezone"])
def test_the_schema_lets_out_what_has_a_default(field, tmp_path):
    assert loads({"personas": [without(field)]}, tmp_path)
    assert accepts({"personas": [without(field)]})


@pytest.mark.parametrize("field", ["name", "email", "archetype", "systemPrompt", "moduleMix"])
def test_the_schema_wants_what_the_code_wants(field, tmp_path):
    assert not loads({"personas": [without(field)]}, tmp_path)
    assert not accepts({"personas": [without(field)]})


@pytest.mark.parametrize(
    "change",
    [
        {"shoeSize": 38},
        {"name": ""},
        {"name": "Z" * 81},
        {"name": ["Zoe"]},
        {"email": "zoe@example.com"},
        {"email": "Zoe@mana.test"},
        {"email": "zoe@mana.test.example.com"},
        {"email": "zoe" * 100 + "@mana.test"},
        {"archetype": "Busy person"},
        {"archetype": "a" * 61},
        {"systemPrompt": "You are Zoe."},
        {"systemPrompt": "x" * 20_001},
        {"moduleMix": {}},
        {"moduleMix": ["todo"]},
        {"moduleMix": {"todo": -0.1, "notes": 1}},
        {"moduleMix": {"todo": "0.3"}},
        {"moduleMix": {"todo": True}},
        {"moduleMix": {"todo": None}},
        {"tickCadence": "yearly"},
        {"tickCadence": None},
        {"language": "English, please"},
        {"timezone": ""},
        {"timezone": 1},
        {"traits": 0.5},
        {"traits": []},
        {"traits": {"courage": 0.5}},
        {"traits": {"patience": 1.01}},
        {"traits": {"patience": -0.01}},
        {"traits": {"patience": "0.5"}},
        {"traits": {"patience": True}},
        {"traits": {"patience": None}},
    ],
    ids=lambda change: repr(change)[:60],
)
def test_the_schema_refuses_a_persona_that_the_code_refuses(change, tmp_path):
    content = {"personas": [zoe(**change)]}
    assert not loads(content, tmp_path)
    assert not accepts(content)


AMY = zoe(name="Amy", email="amy@mana.test")


@pytest.mark.parametrize(
    "spaces",
    [[], [flat()], [flat(type="practice")], [flat(), flat(slug="other", members=["Amy", "Zoe"])]],
)
def test_the_schema_accepts_spaces_that_the_code_accepts(spaces, tmp_path):
    content = {"personas": [ZOE, AMY], "spaces": spaces}
    assert loads(content, tmp_path)
    assert accepts(content)


@pytest.mark.parametrize(
    "spaces",
    [
        None,
        {},
        ["flat"],
        [flat(type="personal")],
        [flat(type="Family")],
        [flat(type=None)],
        [flat(slug="Our flat")],
        [flat(slug="ab")],
        [flat(slug="a" * 61)],
        [flat(name="")],
        [flat(name="x" * 81)],
        [flat(members=[])],
        [flat(members=["Zoe"])],
        [flat(members="Zoe")],
        [flat(members=["Zoe", "Zoe"])],
        [flat(members=["Zoe", None])],
        [flat(members=["Zoe", ""])],
        [flat(members=[f"P{n}" for n in range(21)])],
        [flat(owner="Zoe")],
        [{name: value for name, value in flat().items() if name != "type"}],
        [{name: value for name, value in flat().items() if name != "slug"}],
        [{name: value for name, value in flat().items() if name != "members"}],
    ],
)
def test_the_schema_refuses_spaces_that_the_code_refuses(spaces, tmp_path):
    content = {"personas": [ZOE, AMY], "spaces": spaces}
    assert not loads(content, tmp_path)
    assert not accepts(content)


@pytest.mark.parametrize(
    "content",
    [
        [],
        None,
        {},
        {"personas": []},
        {"personas": {}},
        {"personas": None},
        {"personas": ["Zoe"]},
        {"personas": [None, ZOE]},
        {"people": [], "personas": [ZOE]},
        {"description": 3, "personas": [ZOE]},
    ],
    ids=lambda content: repr(content)[:40],
)
def test_the_schema_refuses_a_file_that_the_code_refuses(content, tmp_path):
    assert not loads(content, tmp_path)
    assert not accepts(content)
