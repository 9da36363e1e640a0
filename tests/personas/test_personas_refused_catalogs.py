"""A catalog that breaks a rule is refused in one sentence that says who, where and why."""

import json

import pytest
from personas_house import ZOE, flat, without, zoe

from mana_lab.errors import CatalogError
from mana_lab.personas import Catalog, Persona, load_catalog

LIMIT = 32 * 1024 * 1024
AMY = zoe(name="Amy", email="amy@mana.test")


def refused(folder, content):
    """Return why a catalog is refused: personas, or the text or bytes of the whole file."""
    if isinstance(content, list):
        content = json.dumps({"personas": content})
    place = folder / "personas.json"
    place.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return refused_at(place)


def refused_at(place):
    with pytest.raises(CatalogError) as caught:
        load_catalog(place)
    error, message = caught.value, caught.value.message
    assert error.__context__ is None or error.__suppress_context__
    assert message.isprintable()
    assert len(message) <= 250
    return message


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"email": "zoe@example.com"}, "email", "ends with @mana.test, got 'zoe@example.com'"),
        ({"email": "zoe@mana.test.example.com"}, "email", "ends with @mana.test"),
        ({"email": "zoe@xmana.test"}, "email", "ends with @mana.test"),
        ({"email": "zoe@sub.mana.test"}, "email", "ends with @mana.test"),
        ({"email": "Zoe@mana.test"}, "email", "lower-case"),
        ({"email": "zoe@mana.test\n"}, "email", r"got 'zoe@mana.test\n'"),
        ({"email": "@mana.test"}, "email", "ends with @mana.test"),
        ({"email": ["zoe@mana.test"]}, "email", "valid string"),
        ({"moduleMix": {"todo": -1, "notes": 2}}, "moduleMix.todo", "equal to 0, got -1"),
        ({"moduleMix": {"todo": float("nan")}}, "moduleMix.todo", "finite number, got nan"),
        ({"moduleMix": {"todo": float("inf")}}, "moduleMix.todo", "finite number, got inf"),
        ({"moduleMix": {"todo": 10**400}}, "moduleMix.todo", "valid number, got 1000"),
        ({"moduleMix": {"todo": "0.3"}}, "moduleMix.todo", "valid number, got '0.3'"),
        ({"moduleMix": {"todo": True}}, "moduleMix.todo", "valid number, got True"),
        ({"moduleMix": {"todo": None}}, "moduleMix.todo", "valid number, got None"),
        ({"moduleMix": {"todo": 0, "notes": 0.0}}, "moduleMix", "a weight above 0"),
        ({"moduleMix": {"todo": 1e308, "notes": 1e308}}, "moduleMix", "a finite sum"),
        ({"moduleMix": {}}, "moduleMix", "at least 1 item"),
        ({"moduleMix": ["todo"]}, "moduleMix", "valid dictionary, got ['todo']"),
        ({"moduleMix": {"To do": 1}}, "moduleMix.To do", "should match pattern"),
        ({"tickCadence": "yearly"}, "tickCadence", "'weekdays', got 'yearly'"),
        ({"tickCadence": None}, "tickCadence", "got None"),
        ({"shoeSize": 38}, "shoeSize", "is not a known key, got 38"),
        ({"systemprompt": "You are Zoe."}, "systemprompt", "is not a known key"),
        ({"systemPrompt": "You are Zoe."}, "systemPrompt", "at least 20 characters"),
        ({"systemPrompt": "x" * 20_001}, "systemPrompt", "at most 20000 characters"),
        ({"systemPrompt": 7}, "systemPrompt", "valid string, got 7"),
        ({"systemPrompt": "You are \ud800 and that is no text."}, "systemPrompt", "unicode"),
        ({"archetype": "Busy person"}, "archetype", "should match pattern"),
        ({"language": "English, please"}, "language", "should match pattern"),
        ({"timezone": "Mars/Olympus"}, "timezone", "time zone such as Europe/Berlin"),
        ({"timezone": "../../etc/passwd"}, "timezone", "time zone such as Europe/Berlin"),
        ({"timezone": "Europe"}, "timezone", "time zone such as Europe/Berlin"),
        ({"timezone": "Europe/Berlin\0"}, "timezone", r"got 'Europe/Berlin\x00'"),
        ({"timezone": ""}, "timezone", "time zone such as Europe/Berlin"),
        ({"timezone": None}, "timezone", "valid string, got None"),
        ({"traits": {"patience": 1.5}}, "traits.patience", "less than or equal to 1, got 1.5"),
        ({"traits": {"skill": float("nan")}}, "traits.skill", "got nan"),
        ({"traits": {"honesty": "no"}}, "traits.honesty", "valid number, got 'no'"),
        ({"traits": {"courage": 0.5}}, "traits.courage", "is not a known key, got 0.5"),
    ],
    ids=lambda part: repr(part)[:60],
)
def test_a_bad_value_is_refused_by_persona_and_field(tmp_path, change, field, reason):
    message = refused(tmp_path, [AMY, zoe(**change)])
    assert message.startswith(f"personas.json: persona Zoe: {field} ")
    assert reason in message


@pytest.mark.parametrize("field", ["email", "archetype", "systemPrompt", "moduleMix"])
def test_a_field_that_is_missing_is_named(tmp_path, field):
    message = refused(tmp_path, [AMY, without(field)])
    assert message == f"personas.json: persona Zoe: {field} is missing"


@pytest.mark.parametrize("name", ["", "   ", " Zoe", "Zoe ", "Zoe\nAmy", "\x1b[31mZoe", "Z" * 81])
def test_a_name_that_no_account_could_have_is_refused(tmp_path, name):
    assert ": name " in refused(tmp_path, [AMY, zoe(name=name)])


@pytest.mark.parametrize(
    "entry", [without("name"), zoe(name=None), zoe(name=""), zoe(name=" ")], ids=range(4)
)
def test_a_persona_without_a_name_is_told_by_their_number(tmp_path, entry):
    assert refused(tmp_path, [AMY, entry]).startswith("personas.json: persona number 2: name ")


def test_a_refusal_never_carries_what_would_move_the_cursor(tmp_path):
    message = refused(tmp_path, [zoe(name="Zoe\x1b[2J\n", email="nobody")])
    assert message.startswith(r"personas.json: persona 'Zoe\x1b[2J\n': name ")
    message = refused(tmp_path, [{"a\x1b[2Jb": 1, **ZOE}])
    assert message.startswith(r"personas.json: persona Zoe: 'a\x1b[2Jb' is not a known key")


@pytest.mark.parametrize("entry", ["Zoe", None, 3, []])
def test_an_entry_that_is_no_persona_is_told_by_its_number(tmp_path, entry):
    message = refused(tmp_path, [AMY, entry])
    assert message.startswith("personas.json: persona number 2: the entry should be ")
    assert message.endswith(f", got {entry!r}")


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (zoe(name="Amy"), "persona Amy: email 'zoe@mana.test' is used twice"),
        (zoe(email="amy@mana.test"), "persona Zoe: name 'zoe' is used twice"),
        (zoe(name="ZOE", email="amy@mana.test"), "persona ZOE: name 'zoe' is used twice"),
    ],
)
def test_two_personas_cannot_share_a_name_or_an_address(tmp_path, second, reason):
    assert reason in refused(tmp_path, [ZOE, second])
    with pytest.raises(CatalogError, match=reason):
        Catalog([Persona.model_validate(entry) for entry in (ZOE, second)])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1, column 1: Expecting value"),
        ("personas:\n  - name: Zoe\n", "line 1, column 1: Expecting value"),
        ('{"personas": [\n}', "line 2, column 1: Expecting value"),
        ("[]", "the file should be "),
        ("null", "the file should be "),
        ("{}", "personas is missing"),
        ('{"personas": []}', "personas should have at least 1 item"),
        ('{"personas": {}}', "personas should be "),
        ('{"personas": "Zoe"}', "personas should be "),
        (json.dumps({"personas": [ZOE], "people": []}), "people is not a known key"),
        (json.dumps({"personas": [ZOE], "description": 3}), "description should be a valid string"),
        ('{"personas": [], "personas": []}', "the key 'personas' stands twice in one object"),
        ('{"personas": [{"name": "Zoe", "name": "Amy"}]}', "the key 'name' stands twice"),
        ('{"personas": [' + "9" * 5000 + "]}", "has a number of too many digits"),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8 text"),
        ('{"description": "für alle"}'.encode("latin-1"), "is not UTF-8 text"),
    ],
    ids=lambda part: repr(part)[:60],
)
def test_a_file_that_is_no_catalog_is_refused_with_the_place(tmp_path, text, reason):
    assert refused(tmp_path, text).startswith(f"personas.json: {reason}")


def test_a_weight_beyond_what_a_number_can_hold_is_refused(tmp_path):
    text = json.dumps({"personas": [zoe(moduleMix={"todo": 1})]})
    message = refused(tmp_path, text.replace('"todo": 1', '"todo": 1e400'))
    assert (
        message == "personas.json: persona Zoe: moduleMix.todo should be a finite number, got inf"
    )


@pytest.mark.parametrize("depth", [500, 900, 100_000])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("where", ["%s", '{"personas": %s}', '{"personas": [{"moduleMix": %s}]}'])
def test_deep_nesting_is_refused(tmp_path, where, opens, closes, depth):
    innermost = "1" if closes == "}" else ""
    message = refused(tmp_path, where % (opens * depth + innermost + closes * depth))
    assert ("nested too deeply" in message) == (depth == 100_000)


def test_brackets_that_never_close_are_refused(tmp_path):
    assert refused(tmp_path, "[" * 100_000) == "personas.json: is nested too deeply"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Z" * 1_000_000},
        {"email": "z" * 1_000_000},
        {"systemPrompt": ["x"] * 100_000},
        {"moduleMix": {"a" * 1_000_000: -1}},
        {"moduleMix": {"a" * 1_000_000 + "!": 1}},
        {"moduleMix": {"a": "1" * 1_000_000}},
        {"timezone": "z" * 1_000_000},
        {"tickCadence": "z" * 1_000_000},
        {"k" * 1_000_000: 1},
    ],
    ids=range(9),
)
def test_a_huge_value_is_refused_without_being_echoed(tmp_path, change):
    assert refused(tmp_path, [zoe(**change)]).startswith("personas.json: persona Z")


def test_a_huge_key_that_stands_twice_is_not_echoed(tmp_path):
    key = "k" * 1_000_000
    message = refused(tmp_path, f'{{"{key}": 1, "{key}": 2}}')
    assert "stands twice" in message


def test_a_file_above_the_limit_is_refused_unread(tmp_path):
    text = json.dumps({"personas": [ZOE]})
    place = tmp_path / "personas.json"
    place.write_text(text.ljust(LIMIT), "utf-8")
    assert load_catalog(place)[0].name == "Zoe"
    message = refused(tmp_path, text.ljust(LIMIT + 1))
    assert message == f"personas.json: larger than {LIMIT} bytes"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    message = refused_at(tmp_path / "nobody.json")
    assert message == "nobody.json: cannot be read (No such file or directory)"


def test_a_folder_is_no_catalog(tmp_path):
    folder = tmp_path / "personas.json"
    folder.mkdir()
    assert refused_at(folder).startswith("personas.json: cannot be read (")


def refused_spaces(folder, *spaces):
    content = {"personas": [ZOE, AMY], "spaces": list(spaces)}
    return refused(folder, json.dumps(content))


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"type": "personal"}, "type", "'practice', got 'personal'"),
        ({"type": 7}, "type", "got 7"),
        ({"slug": "Our Flat"}, "slug", "should match pattern"),
        ({"slug": "our-flat\n"}, "slug", "should match pattern"),
        ({"slug": "../../etc"}, "slug", "should match pattern"),
        ({"name": " Our flat"}, "name", "no space around it"),
        ({"name": "Our\x00flat"}, "name", "printable"),
        ({"name": ["Our flat"]}, "name", "valid string"),
        ({"members": ["Zoe"]}, "members", "at least 2 items"),
        ({"members": {"Zoe": 1}}, "members", "valid tuple"),
        ({"members": ["Zoe", "Zoe"]}, "members", "everybody once"),
        ({"members": ["Zoe", 7]}, "members.1", "valid string, got 7"),
        ({"admins": ["Zoe"]}, "admins", "is not a known key"),
    ],
    ids=lambda part: repr(part)[:60],
)
def test_a_bad_space_is_refused_by_its_name_and_field(tmp_path, change, field, reason):
    message = refused_spaces(tmp_path, flat(slug="fine"), flat(**change))
    who = "number 2" if not isinstance(change.get("name", ""), str) else None
    shown = {" Our flat": " Our flat", "Our\x00flat": "'Our\\x00flat'"}
    name = who or shown.get(change.get("name"), "Our flat")
    assert message.startswith(f"personas.json: space {name}: {field} ")
    assert reason in message


def test_a_space_of_somebody_unknown_is_refused_with_those_who_are_known(tmp_path):
    message = refused_spaces(tmp_path, flat(members=["Zoe", "Ann"]))
    assert message == ("space Our flat: members: the catalog has no persona 'Ann'; it has zoe, amy")
    long = refused_spaces(tmp_path, flat(members=["Zoe", "x" * 80]))
    assert len(long) < 250


def test_somebody_who_stands_in_a_space_twice_is_refused(tmp_path):
    for twin in ("zoe", "ZOE", "zoe@mana.test"):
        assert "somebody twice" in refused_spaces(tmp_path, flat(members=["Zoe", twin]))


def test_two_spaces_with_one_slug_are_refused(tmp_path):
    message = refused_spaces(tmp_path, flat(), flat(name="Another"))
    assert message == ("space Another: slug 'our-flat' is used twice; each space needs its own")
