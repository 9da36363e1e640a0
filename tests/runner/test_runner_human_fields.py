"""Forms from JSON Schemas: what is asked for, what can be typed, and what comes of it."""

from zoneinfo import ZoneInfo

import jsonschema
import pytest
from desk_house import TOOLS
from hypothesis import given
from hypothesis import strategies as st

from mana_lab.errors import InvalidInputError
from mana_lab.runner import ToolInfo
from mana_lab.runner.human.fields import as_text, fields_of
from mana_lab.runner.human.forms import Form
from mana_lab.runner.human.typed import LONGEST_ENTRY, read
from mana_lab.runner.human.wording import choice_texts, expected

BERLIN = ZoneInfo("Europe/Berlin")


def field_of(schema, *, required=False, **root):
    whole = {"properties": {"x": schema}, "required": ["x"] if required else [], **root}
    [field] = fields_of(ToolInfo("a.b", "", whole))
    return field


def typed(schema, text):
    return read(field_of(schema), text, BERLIN)


def refusal(schema, text):
    with pytest.raises(InvalidInputError) as got:
        typed(schema, text)
    return got.value.message


NULLABLE = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
FIVE = "text of at most 5 characters"
WORDS = {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3}
LINE = {
    "type": "object",
    "properties": {"what": {"type": "string", "examples": ["Tea"]}, "n": {"enum": [1, 2]}},
    "required": ["what", "n"],
}
LINES = {"type": "array", "items": LINE, "minItems": 1}
A_LINE = 'JSON text such as {"what": "Tea", "n": 1}'
SOME_LINES = 'a JSON list of at least 1 such as [{"what": "Tea", "n": 1}]'
AMBIGUOUS = "it can be read in more than one way, or nests too deep"


@pytest.mark.parametrize(
    ("schema", "kind", "words"),
    [
        ({"type": "string"}, "text", "text"),
        ({"type": "string", "maxLength": 9}, "text", "text of at most 9 characters"),
        ({"type": "string", "minLength": 1, "maxLength": 9}, "text", "text of 1 to 9 characters"),
        ({"type": "string", "pattern": "^#"}, "text", "text of the form ^#"),
        ({"type": "string", "pattern": "^#", "examples": ["#a"]}, "text", "text of the form #a"),
        ({"type": "string", "format": "uuid"}, "text", "the id of something"),
        ({"type": "string", "format": "date"}, "date", "a date such as 2026-01-05"),
        (
            {"type": "string", "format": "date-time"},
            "datetime",
            "a date and time in your time, such as 2026-01-05 09:30",
        ),
        ({"enum": ["low", "high"]}, "choice", "one of low, high"),
        ({"const": "only"}, "choice", "one of only"),
        (
            {"enum": list(range(40))},
            "choice",
            f"one of {', '.join(map(str, range(30)))} and 10 more",
        ),
        ({"type": "boolean"}, "flag", "yes or no"),
        ({"type": "integer"}, "whole", "a whole number"),
        ({"type": "integer", "minimum": 1}, "whole", "a whole number from 1"),
        ({"type": "integer", "maximum": 5}, "whole", "a whole number of at most 5"),
        ({"type": "number", "minimum": 0, "maximum": 1.5}, "number", "a number from 0 to 1.5"),
        ({"type": "number", "exclusiveMinimum": 0}, "number", "a number above 0"),
        ({"type": "number", "exclusiveMaximum": 1}, "number", "a number below 1"),
        (
            {"type": "number", "exclusiveMinimum": 0, "maximum": 9},
            "number",
            "a number above 0 to 9",
        ),
        (NULLABLE, "whole", "a whole number from 1, or null for none"),
        ({**NULLABLE, "default": None}, "whole", "a whole number from 1"),
        ({"type": ["string", "null"]}, "text", "text, or null for none"),
        (
            WORDS,
            "list",
            f"a list of 0 to 3, with commas or line breaks between, each {FIVE}",
        ),
        (LINE, "object", A_LINE),
        (LINES, "list", SOME_LINES),
        ({}, "any", "text or JSON"),
        ({"type": ["string", "integer"]}, "any", "text or JSON"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "any", "text or JSON"),
        ({"allOf": [{"$ref": "#/$defs/n"}]}, "whole", "a whole number"),
        ({"$ref": "#/$defs/n"}, "whole", "a whole number"),
    ],
)
def test_a_field_says_what_it_takes(schema, kind, words):
    field = field_of(schema, **{"$defs": {"n": {"type": "integer"}}})
    assert (field.kind, expected(field)) == (kind, words)


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "  as it is\n", "  as it is\n"),
        ({"type": "string"}, '""', ""),
        ({"type": "string", "format": "uuid"}, " 0b4c ", "0b4c"),
        ({"type": "string", "pattern": "^#[0-9]$"}, " #1 ", "#1"),
        ({"type": "string", "pattern": "(?P<js"}, "anything", "anything"),
        ({"enum": ["low", "high"]}, " HIGH", "high"),
        ({"enum": ["a", "A"]}, "A", "A"),
        ({"enum": [1, True, "1x"]}, "1", 1),
        ({"enum": [1, True, "1x"]}, "true", True),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "off", False),
        ({"type": "integer"}, " +12 ", 12),
        ({"type": "number"}, "12", 12),
        ({"type": "number"}, "2.5e1", 25.0),
        ({"type": "number"}, ".5", 0.5),
        (NULLABLE, "null", None),
        ({"type": "string"}, "null", "null"),
        ({"type": "string", "format": "date"}, " 2026-01-05 ", "2026-01-05"),
        ({"type": "string", "format": "date-time"}, "2026-01-05 09:30", "2026-01-05T08:30:00.000Z"),
        (
            {"type": "string", "format": "date-time"},
            "2026-01-05T09:30Z",
            "2026-01-05T09:30:00.000Z",
        ),
        ({"type": "string", "format": "date-time"}, "2026-07-05", "2026-07-04T22:00:00.000Z"),
        (WORDS, "a, b,", ["a", "b"]),
        (WORDS, "a, b\nc", ["a, b", "c"]),
        (WORDS, "a,b\nc d\n", ["a,b", "c d"]),
        (WORDS, '["a, b"]', ["a, b"]),
        ({"type": "array", "items": {"type": "integer"}}, "1, 2", [1, 2]),
        ({"type": "array", "items": {"enum": [1, 2]}}, "1, 2", [1, 2]),
        ({"type": "array"}, "[1, [2]]", [1, [2]]),
        ({"type": "array", "items": WORDS}, '[["a"]]', [["a"]]),
        (LINE, '{"what": "Tea", "n": 1}', {"what": "Tea", "n": 1}),
        ({}, '{"a": 1}', {"a": 1}),
        ({}, "{plain", "{plain"),
        ({}, "12", 12),
    ],
)
def test_typed_text_becomes_a_value(schema, text, value):
    found = typed(schema, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("schema", "text", "said"),
    [
        ({"type": "string", "maxLength": 3}, "four", "has 4 characters, and 3 fit; shorten it"),
        ({"type": "string", "minLength": 1}, '""', "must be text, got '\"\"'"),
        ({"type": "string", "pattern": "^#"}, "red", "must be text of the form ^#, got 'red'"),
        ({"enum": ["a", "A"]}, "b", "must be one of a, A, got 'b'"),
        ({"enum": ["ab", "AB"]}, "Ab", "must be one of ab, AB, got 'Ab'"),
        ({"type": "boolean"}, "maybe", "must be yes or no, got 'maybe'"),
        ({"type": "integer"}, "5.0", "must be a whole number, got '5.0'"),
        ({"type": "integer"}, "9" * 40, f"must be a whole number, got '{'9' * 40}'"),
        ({"type": "integer"}, str(2**53), f"must be a whole number, got '{2**53}'"),
        ({"type": "integer"}, "٣", "must be a whole number, got '٣'"),
        ({"type": "number"}, "1e999", "must be a number, got '1e999'"),
        ({"type": "number"}, "nan", "must be a number, got 'nan'"),
        ({"type": "number"}, "2,5", "must be a number, got '2,5'"),
        ({"type": "number", "minimum": 1}, "0.5", "must be a number from 1, got '0.5'"),
        ({"type": "number", "exclusiveMaximum": 1}, "1", "must be a number below 1, got '1'"),
        (
            {"type": "string", "format": "date"},
            "2026-02-30",
            "must be a date such as 2026-01-05, got '2026-02-30'",
        ),
        (
            {"type": "string", "format": "date-time"},
            "0001-01-01",
            "must be a date and time in your time, such as 2026-01-05 09:30, got '0001-01-01'",
        ),
        (WORDS, "a, toolong", "has an entry 2 that has 7 characters, and 5 fit; shorten it"),
        (WORDS, "a,b,c,d", f"must be {expected(field_of(WORDS))}, got 'a,b,c,d'"),
        (LINES, "[]", f"must be {SOME_LINES}, got '[]'"),
        (LINE, "[1]", f"must be {A_LINE}, got '[1]'"),
        (
            LINE,
            '{"what": ',
            f"must be {A_LINE}; it cannot be read at line 1, column 10: Expecting value",
        ),
        (
            LINE,
            '{"a": 1, "a": 2}',
            f"must be {A_LINE}; {AMBIGUOUS}",
        ),
        (
            LINES,
            "[" * 100_000,
            f"must be {SOME_LINES}; {AMBIGUOUS}",
        ),
        ({"type": "string"}, "x" * (LONGEST_ENTRY + 1), None),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(schema, text, said):
    found = refusal(schema, text)
    assert found == (
        said or f"is too long: {LONGEST_ENTRY + 1} characters, and {LONGEST_ENTRY} fit; shorten it"
    )


def test_hostile_text_is_not_repeated_raw():
    said = refusal({"enum": ["\x1b[2J"]}, "\x1b]0;title\x07" + "y" * 100)
    assert said.isprintable()
    assert len(said) < 120


@pytest.mark.parametrize(
    "root",
    [
        {},
        {"properties": None},
        {"properties": []},
        {"properties": {"x": None}},
        {"properties": {"x": True}},
        {"properties": {"x": {"type": 5, "enum": 5, "anyOf": 5, "examples": 5, "default": 5}}},
        {"properties": {"x": {"anyOf": [1, None]}, "y": {"type": []}}, "required": "x"},
        {"properties": {"x": {"$ref": "#/properties/x"}}},
        {"properties": {"x": {"$ref": "#/nowhere"}, "y": {"$ref": "http://a.test/"}}},
        {"properties": {"x": {"type": "array", "items": {"$ref": "#/properties/x"}}}},
        {"properties": {"x": {"allOf": ["odd"]}, "y": {"allOf": [{}, {}]}}},
        {"properties": {"x": {"type": "object", "properties": {"a": 1}, "required": [[], 1, "a"]}}},
        {"properties": {"x": {"type": "integer", "minimum": "1", "maximum": float("nan")}}},
        {"properties": {"x": {"type": "string", "pattern": 5, "maxLength": True}}},
        {"properties": {"x": {"description": {"a": 1}, "enum": "abc"}}},
        {"required": [[], {}], "properties": {"x": {"type": ["null"]}}},
    ],
)
def test_a_schema_that_makes_no_sense_gives_a_form_that_can_be_filled_in(root):
    form = Form.of(ToolInfo("a.b", "", root), BERLIN)
    for field in form.fields:
        assert expected(field).isprintable()
        form.entries[field.name] = "5"
    assert form.arguments() is not None or form.problems


def test_the_needed_fields_come_first_and_otherwise_in_the_order_of_the_schema():
    root = {"properties": {"b": {}, "a": {}, "d": {}, "c": {}}, "required": ["d", "a"]}
    assert [field.name for field in fields_of(ToolInfo("a.b", "", root))] == ["a", "d", "b", "c"]


def test_what_is_needed_is_asked_for_even_where_nothing_is_said_of_it():
    root = {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"b": {}}, "required": ["c"]}}}
    found = fields_of(ToolInfo("a.b", "", root))
    assert [(field.name, field.kind, field.required) for field in found] == [
        ("c", "any", True),
        ("b", "any", False),
    ]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_of_the_app_has_a_form_whose_examples_can_be_sent(tool):
    form = Form.of(tool, BERLIN)
    for field in form.fields:
        assert field.kind != "any"
        assert field.description
        if field.kind in ("choice", "flag"):
            form.entries[field.name] = choice_texts(field)[0]
        elif field.item is not None and field.item.choices:
            form.entries[field.name] = choice_texts(field.item)[0]
        elif field.example:
            form.entries[field.name] = field.example
        elif field.kind in ("whole", "number"):
            form.entries[field.name] = "1"
        else:
            form.entries[field.name] = "some text"
    arguments = form.arguments()
    assert form.problems == {}
    jsonschema.validate(arguments, tool.input_schema)


VALUES = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(),
    st.text(min_size=1).filter(str.strip),
)


@given(VALUES)
def test_a_value_that_is_typed_as_it_is_written_is_read_as_it_was(value):
    kind = {bool: "boolean", int: "integer", float: "number", str: "string"}[type(value)]
    text = as_text(value)
    if text.strip() != '""':
        assert typed({"type": kind}, text) == value


@given(st.lists(VALUES, min_size=1), st.dictionaries(st.text(), VALUES, min_size=1))
def test_json_is_read_as_it_was_written(values, members):
    assert typed({"type": "array"}, as_text(values)) == values
    assert typed({"type": "object"}, as_text(members)) == members
