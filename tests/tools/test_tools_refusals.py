"""Whatever is wrong with the arguments of whatever tool, the answer can be acted on."""

import json

import pytest
from tools_house import filled

from mana_lab.errors import ToolInputError
from mana_lab.tools import default_registry

SPECS = {spec.name: spec for spec in default_registry()}
ID = "0b4cf1d2-7f0c-4c39-9d2e-5a8f3b6c1e70"
UNTYPED = {"string": 7, "integer": "seven", "number": "seven", "boolean": "yes", "array": "a, b"}


def good(spec):
    return filled(spec.input_schema(), ID, everything=True)


def branch(schema):
    return next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)


def missing(spec):
    for name in spec.input_schema().get("required", ()):
        yield name, {key: value for key, value in good(spec).items() if key != name}


def unknown(spec):
    yield "colour", good(spec) | {"colour": "red"}


def wrong_type(spec):
    for name, schema in spec.input_schema()["properties"].items():
        yield name, good(spec) | {name: UNTYPED.get(branch(schema)["type"], 7)}


def out_of_bounds(spec):
    for name, schema in spec.input_schema()["properties"].items():
        inner = branch(schema)
        if "maximum" in inner:
            yield name, good(spec) | {name: inner["maximum"] + 1}
        if "maxLength" in inner:
            yield name, good(spec) | {name: "x" * (inner["maxLength"] + 1)}
        if "maxItems" in inner:
            yield name, good(spec) | {name: (good(spec)[name] or [None]) * (inner["maxItems"] + 1)}


def malformed(spec):
    for name, schema in spec.input_schema()["properties"].items():
        inner = branch(schema)
        if "pattern" in inner or "enum" in inner or "format" in inner:
            yield name, good(spec) | {name: "tomorrow, I think"}


def no_object(_spec):
    for arguments in ([], "title", 7, True):
        yield "", arguments


KINDS = {
    kind.__name__: kind
    for kind in (missing, unknown, wrong_type, out_of_bounds, malformed, no_object)
}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_says_where_what_was_got_and_what_is_allowed(name, kind):
    spec = SPECS[name]
    for path, arguments in KINDS[kind](spec):
        with pytest.raises(ToolInputError) as caught:
            spec.parse(arguments)
        error = caught.value
        assert error.code == "invalid-arguments"
        assert error.path.partition("[")[0].partition(".")[0] == path
        assert error.got
        assert error.expected
        assert error.message.startswith(f"{name}: ")
        assert len(error.message) <= 400
        if kind != "unknown":
            assert f"must be {error.expected}, but got {error.got}" in error.message


@pytest.mark.parametrize("name", SPECS)
def test_a_refusal_gives_a_value_that_works_or_all_that_there_are(name):
    spec = SPECS[name]
    for path, arguments in [*missing(spec), *wrong_type(spec)]:
        with pytest.raises(ToolInputError) as caught:
            spec.parse(arguments)
        expected = caught.value.expected
        words, _, example = expected.partition(", such as ")
        if example and not example.endswith("…"):
            spec.parse(good(spec) | {path: json.loads(example)})
        else:
            assert "one of " in words or words in {"true or false", "true or false or null"}
