"""The scripted brain fills in forms that it has never seen, and never stumbles over one."""

import random
from datetime import UTC, datetime

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mana_lab.personas import load_catalog
from mana_lab.runner.brain import Scene
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.blunders import blunder
from mana_lab.runner.scripted.schemas import properties, required, takes_id
from mana_lab.runner.scripted.shelves import arrange
from mana_lab.runner.scripted.voices import voice_of
from mana_lab.runner.scripted.writer import Writer


def writer(seed=7):
    persona = load_catalog().get("anna")
    now = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)
    return Writer(voice_of("anna"), Scene(persona, 1, now, random.Random(seed)))


def filled(schema, seed=7, detail=1.0):
    tool = ToolInfo("things_make", "", schema)
    made = writer(seed)
    return made.write(tool, made.topic("things"), detail=detail)


def form(**fields):
    return {"type": "object", "properties": fields, "required": list(fields)}


LIST = {"type": "array", "items": {"type": "integer"}}
TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "inner": {"$ref": "#/$defs/Tree"}},
    "required": ["name"],
}

KNOWN = {
    "nothing": {"type": "object"},
    "anything": {},
    "no properties": {"type": "object", "properties": {}, "additionalProperties": False},
    "needed, not described": {"type": "object", "required": ["name"]},
    "always": form(a=True, b={}),
    "enum of many kinds": form(a={"enum": [1, "x", None, {"y": [1]}, [2]]}),
    "const": form(a={"const": {"kind": "only"}}),
    "bounds": form(a={"type": "integer", "minimum": 5, "maximum": 5}),
    "open bounds": form(a={"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7}),
    "below nothing": form(a={"type": "integer", "maximum": -3}),
    "a share": form(a={"type": "number", "minimum": 0, "maximum": 0.5}),
    "a share within": form(a={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
    "between two wholes": form(a={"type": "number", "minimum": 1.2, "maximum": 1.4}),
    "far away": form(a={"type": "integer", "minimum": -(2**70), "maximum": 2**70}),
    "steps": form(a={"type": "integer", "minimum": 3, "multipleOf": 5, "maximum": 12}),
    "halves": form(a={"type": "number", "multipleOf": 0.5}),
    "limit": form(limit={"type": "integer", "minimum": 1, "maximum": 7}),
    "limit from above": form(limit={"type": "integer", "minimum": 50, "maximum": 90}),
    "a list": form(a=LIST),
    "a list of few": form(a={**LIST, "maxItems": 1}),
    "an empty list": form(a={**LIST, "maxItems": 0}),
    "a list of many": form(a={**LIST, "minItems": 7}),
    "each once": form(a={"type": "array", "items": {"enum": ["x", "y"]}, "uniqueItems": True}),
    "tags of a kind": form(tags={"type": "array", "items": {"enum": ["x", "y"]}}),
    "tags": form(tags={"type": "array", "items": {"type": "string"}, "maxItems": 2}),
    "places": form(a={"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}),
    "lists of lists": form(a={"type": "array", "items": {**LIST, "minItems": 2}, "minItems": 2}),
    "objects in a list": form(
        a={"type": "array", "items": form(name={"type": "string"}, n={"type": "integer"})}
    ),
    "within": form(a=form(b=form(c=form(d={"type": "boolean"})))),
    "a free map": form(a={"type": "object", "additionalProperties": {"type": "string"}}),
    "nullable": form(a={"type": ["null", "integer"]}),
    "nullable branch": form(a={"anyOf": [{"type": "null"}, form(b={"type": "integer"})]}),
    "one of": form(a={"oneOf": [{"type": "integer"}, {"type": "string"}], "title": "A"}),
    "all of": form(a={"allOf": [form(b={"type": "integer"}), form(c={"type": "string"})]}),
    "either": {**form(a={"type": "string"}), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    "no type": form(a={"properties": {"b": {"minimum": 3}}, "required": ["b"]}, c={"items": {}}),
    "referred": {**form(a={"$ref": "#/$defs/a~1b%20c"}), "$defs": {"a/b c": LIST}},
    "a tree": {"$ref": "#/$defs/Tree", "$defs": {"Tree": TREE}},
    "long text": form(a={"type": "string", "minLength": 400}),
    "short text": form(a={"type": "string", "maxLength": 3}),
    "no text": form(a={"type": "string", "maxLength": 0}),
    "a page": form(a={"type": "string", "format": "uri"}),
    "an address": form(a={"type": "string", "format": "email"}),
    "a machine": form(a={"type": "string", "format": "hostname"}, b={"format": "ipv4"}),
    "a moment": form(a={"type": "string", "format": "date-time"}, b={"format": "date"}),
    "a zone": form(source_timezone={"type": "string"}, timeZone={"type": "string"}),
    "an example": form(a={"type": "string", "pattern": "^[A-Z]{3}-[0-9]$", "examples": ["ABC-1"]}),
}


@pytest.mark.parametrize("schema", KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("detail", [0.0, 1.0])
def test_what_is_filled_in_is_what_the_form_asks_for(schema, detail):
    checker = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for seed in range(20):
        made = filled(schema, seed, detail)
        assert list(checker.iter_errors(made)) == [], made


def test_a_zone_is_where_the_persona_lives():
    made = filled(form(source_timezone={"type": "string"}, time={"type": "string"}))
    assert made == {"source_timezone": "Europe/Berlin", "time": "12:30"}


ODD = {
    "no end": {**form(a={"$ref": "#/$defs/A"}), "$defs": {"A": {"$ref": "#/$defs/A"}}},
    "a form without end": {
        **form(a={"$ref": "#/$defs/A"}),
        "$defs": {"A": form(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/A"})},
    },
    "a list without end": {
        **form(a={"$ref": "#/$defs/A"}),
        "$defs": {"A": {"type": "array", "minItems": 3, "items": {"$ref": "#/$defs/A"}}},
    },
    "the whole in itself": form(a={"$ref": "#"}),
    "leads nowhere": form(a={"$ref": "#/$defs/gone"}, b={"$ref": "http://127.0.0.1/x"}),
    "nothing fits": form(
        a={"type": "integer", "minimum": 9, "maximum": 1}, b=False, c={"enum": []}
    ),
    "masses": form(
        a={"type": "array", "minItems": 10**12}, b={"type": "string", "minLength": 10**12}
    ),
    "older words": form(a={"type": "integer", "minimum": 0, "exclusiveMinimum": True}),
    "no expression": form(a={"type": "string", "pattern": "("}),
    "an expression without end": form(a={"type": "string", "pattern": "^([a-zA-Z ]+)+$!"}),
    "no words": form(a={"type": 7, "minimum": "x", "maxLength": "y", "pattern": 3, "format": []}),
    "no lists": {"properties": [], "required": "a", "anyOf": {}, "allOf": 3},
    "no names": {"properties": {"a": 3, "b": None, "c": []}, "required": [1, None, "a"]},
    "not a number": form(a={"type": "number", "minimum": float("nan"), "maximum": float("inf")}),
}


@pytest.mark.parametrize("schema", ODD.values(), ids=ODD)
def test_a_form_that_makes_no_sense_is_filled_in_somehow(schema):
    tool = ToolInfo("things_make", "", schema)
    made = filled(schema)
    assert set(required(tool)) <= set(made)
    assert blunder(tool, made, random.Random(7)) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=3,
)
WORDS = st.sampled_from(
    """
    type properties required items enum const anyOf allOf oneOf $ref minimum maximum pattern format
    exclusiveMinimum multipleOf minLength maxLength minItems maxItems uniqueItems examples
    """.split()  # noqa: SIM905
)
SCHEMAS = st.recursive(
    JSON,
    lambda inner: st.dictionaries(WORDS, inner | st.lists(inner, max_size=3), max_size=4),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(WORDS, SCHEMAS, max_size=3),
    st.dictionaries(st.text(max_size=5), SCHEMAS, max_size=3),
)
def test_no_schema_whatever_makes_it_stumble(schema, fields):
    tool = ToolInfo("things_make", "", {**schema, "properties": fields})
    made = filled(tool.input_schema)
    assert set(required(tool)) <= set(made) <= {*properties(tool)}
    blunder(tool, made, random.Random(7))
    takes_id(tool)


def test_a_tool_that_says_nothing_is_taken_for_what_its_name_says():
    tools = [
        ToolInfo(name, "", form())
        for name in ("nodes_search", "nodes_add", "nodes_delete", "nodes_dance")
    ]
    tools.append(ToolInfo("nodes_drop", "", {}, {"destructiveHint": False}))
    tools.append(ToolInfo("nodes_get", "", {}, {"readOnlyHint": False}))
    [shelf] = arrange(tools).values()
    assert [tool.name for tool in shelf.reads] == ["nodes_search"]
    assert [tool.name for tool in shelf.creates] == [
        "nodes_add",
        "nodes_dance",
        "nodes_drop",
        "nodes_get",
    ]
