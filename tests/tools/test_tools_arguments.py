"""Every input schema tells the truth: what it allows is accepted, what it forbids is refused."""

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from mana_lab.errors import ToolInputError
from mana_lab.tools import default_registry

SPECS = {spec.name: spec for spec in default_registry()}

TEXT = st.characters(exclude_categories=("Cs",))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(TEXT, max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(TEXT, max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)


def matching(schema):
    """Return a strategy for what *schema* allows."""
    if "anyOf" in schema:
        return st.one_of([matching(branch) for branch in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return {
        "null": lambda _: st.none(),
        "boolean": lambda _: st.booleans(),
        "integer": whole,
        "number": number,
        "string": words,
        "array": several,
        "object": members,
    }[schema["type"]](schema)


def whole(schema):
    least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    return st.integers(least, schema["maximum"])


def number(schema):
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    above = "exclusiveMinimum" in schema
    return st.floats(least, schema["maximum"], exclude_min=above) | st.integers(
        int(least) + above, int(schema["maximum"])
    )


def several(schema):
    most = min(schema.get("maxItems", 4), 4)
    return st.lists(matching(schema["items"]), min_size=schema.get("minItems", 0), max_size=most)


def words(schema):
    kind = schema.get("format")
    if kind == "uuid":
        return st.uuids().map(str)
    if kind == "date":
        return st.dates().map(lambda day: day.isoformat())
    if kind == "date-time":
        fraction = st.text(string.digits, max_size=9).map(lambda digits: digits and f".{digits}")
        moment = st.datetimes().map(lambda when: when.isoformat(timespec="seconds"))
        return st.builds(lambda when, part: f"{when}{part}Z", moment, fraction)
    if "pattern" in schema:
        return st.from_regex(schema["pattern"].replace("$", r"\Z"))
    return st.text(
        TEXT, min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 50), 600)
    )


def members(schema):
    required = set(schema.get("required", ()))
    strategies = {name: matching(member) for name, member in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: strategies[name] for name in strategies if name in required},
        optional={name: strategies[name] for name in strategies if name not in required},
    )


@st.composite
def mutated(draw, schema):
    """Return arguments that were valid until one thing about them was changed."""
    arguments = draw(members(schema))
    kinds = ["unknown", "no object"]
    kinds += ["value"] if schema["properties"] else []
    kinds += ["missing"] if schema.get("required") else []
    kind = draw(st.sampled_from(kinds))
    if kind == "no object":
        return draw(JSON.filter(lambda value: value is not None and not isinstance(value, dict)))
    if kind == "unknown":
        name = draw(st.text(TEXT, max_size=30).filter(lambda n: n not in schema["properties"]))
        return arguments | {name: draw(JSON)}
    if kind == "missing":
        del arguments[draw(st.sampled_from(schema["required"]))]
        return arguments
    name = draw(st.sampled_from(list(schema["properties"])))
    check = Draft202012Validator(schema["properties"][name], format_checker=FormatChecker())
    wrong = st.one_of(JSON, too_long(schema["properties"][name]))
    return arguments | {name: draw(wrong.filter(lambda value: not check.is_valid(value)))}


def too_long(schema):
    limits = [branch.get("maxLength", 10) for branch in schema.get("anyOf", [schema])]
    return st.just("x" * (max(limits) + 1))


@pytest.mark.parametrize("name", SPECS)
def test_what_the_schema_allows_is_accepted(name):
    spec = SPECS[name]

    @settings(max_examples=60, deadline=None)
    @given(members(spec.input_schema()))
    def accepted(arguments):
        parsed = spec.parse(arguments)
        assert parsed.model_dump(by_alias=True, exclude_unset=True) == arguments

    accepted()


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_what_the_schema_forbids_is_refused_in_one_short_sentence(name):
    spec = SPECS[name]

    @settings(max_examples=120, deadline=None)
    @given(mutated(spec.input_schema()))
    def refused(arguments):
        with pytest.raises(ToolInputError) as error:
            spec.parse(arguments)
        assert error.value.message.startswith(f"{name}: ")
        assert len(error.value.message) <= 400
        json.dumps(error.value.message).encode("ascii")

    refused()
