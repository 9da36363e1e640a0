"""What the tools promise; the original's eleven keep their names, bounds and defaults."""

import re

import pytest
from jsonschema import Draft202012Validator

from mana_lab.personas import load_catalog
from mana_lab.tools import default_registry

REGISTRY = default_registry()
SPECS = {spec.name: spec for spec in REGISTRY}

MOODS = [
    "dankbar",
    "glücklich",
    "zufrieden",
    "neutral",
    "nachdenklich",
    "traurig",
    "gestresst",
    "wütend",
]
UUID = {"type": "string", "format": "uuid"}
COLOR = {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}
COUNT = {"type": "integer", "exclusiveMinimum": 0, "maximum": 2**53 - 1}
NULL = {"type": "null"}
FLAG = {"type": "boolean"}


def text(least=None, most=None):
    bounds = {"minLength": least, "maxLength": most}
    return {"type": "string"} | {key: value for key, value in bounds.items() if value is not None}


def or_null(schema):
    return {"anyOf": [schema, NULL]}


INPUTS = {
    "habits.create": {
        "title!": text(1, 120),
        "icon": text(1, 40) | {"default": "star"},
        "color": COLOR | {"default": "#6366f1"},
        "targetPerDay": or_null(COUNT) | {"default": None},
        "defaultDuration": or_null(COUNT) | {"default": None},
    },
    "habits.list": {"includeArchived": FLAG | {"default": False}},
    "habits.update": {
        "id!": UUID,
        "title": text(1, 120),
        "icon": text(1, 40),
        "color": COLOR,
        "targetPerDay": or_null(COUNT),
        "defaultDuration": or_null(COUNT),
    },
    "habits.archive": {"id!": UUID, "archived": FLAG | {"default": True}},
    "spaces.list": {},
    "todo.create": {
        "title!": text(1, 500),
        "description": text(most=10_000),
        "priority": {
            "type": "string",
            "enum": ["low", "medium", "high", "urgent"],
            "default": "medium",
        },
        "dueDate": or_null({"type": "string", "format": "date-time"}) | {"default": None},
    },
    "todo.list": {
        "includeCompleted": FLAG | {"default": False},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    },
    "todo.complete": {"id!": UUID},
    "notes.create": {
        "title!": text(1, 500),
        "content": text(most=200_000) | {"default": ""},
        "color": or_null(COLOR) | {"default": None},
        "isPinned": FLAG | {"default": False},
    },
    "notes.search": {
        "query": text(most=500) | {"default": ""},
        "includeArchived": FLAG | {"default": False},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    },
    "journal.add": {
        "title": or_null(text(most=500)) | {"default": None},
        "content!": text(1, 200_000),
        "entryDate": {"type": "string", "format": "date"},
        "mood": or_null({"type": "string", "enum": MOODS}) | {"default": None},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
    },
}

RECORDS = {
    "habit": "id title icon color targetPerDay defaultDuration order isArchived createdAt "
    "updatedAt",
    "task": "id title description priority isCompleted completedAt dueDate order subtasks "
    "createdAt updatedAt",
    "note": "id title content color isPinned isArchived createdAt updatedAt",
    "entry": "id title content entryDate mood tags wordCount isPinned isFavorite isArchived "
    "createdAt updatedAt",
    "space": "id name slug type role",
}

OUTPUTS = {
    "habits.create": "habit",
    "habits.list": "habits",
    "habits.update": "ok",
    "habits.archive": "ok",
    "spaces.list": "spaces activeSpaceId",
    "todo.create": "task",
    "todo.list": "tasks",
    "todo.complete": "ok",
    "notes.create": "note",
    "notes.search": "notes",
    "journal.add": "entry",
}

READING = {"habits.list", "notes.search", "spaces.list", "todo.list"}


def bare(schema):
    """Leave out the words, and the patterns that only spell a format."""
    if isinstance(schema, list):
        return [bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    words = {"description", "examples"} | ({"pattern"} if "format" in schema else set())
    return {key: bare(value) for key, value in schema.items() if key not in words}


def test_the_modules_of_the_catalog_have_tools():
    wanted = {module for persona in load_catalog() for module in persona.module_mix}
    assert set(REGISTRY.modules()) == wanted | {"spaces"}


@pytest.mark.parametrize("name", INPUTS)
def test_a_tool_takes_what_the_original_takes(name):
    schema = SPECS[name].input_schema()
    required = set(schema.get("required", ()))
    taken = {
        f"{field}!" if field in required else field: bare(value)
        for field, value in schema["properties"].items()
    }
    assert taken == INPUTS[name]


@pytest.mark.parametrize("name", INPUTS)
def test_a_tool_returns_what_the_original_returns(name):
    schema = SPECS[name].output_schema()
    assert schema["required"] == OUTPUTS[name].split()
    for member, value in schema["properties"].items():
        record = value.get("items", value)
        if record.get("type") == "object":
            assert record["required"] == RECORDS[member.removesuffix("s")].split()


@pytest.mark.parametrize("name", INPUTS)
def test_reading_tools_are_the_ones_that_say_so(name):
    assert SPECS[name].policy_hint == ("read" if name in READING else "write")
    assert SPECS[name].scope == "user-space"


def test_every_module_can_get_and_delete_what_it_makes():
    for module in set(REGISTRY.modules()) - {"spaces"}:
        assert SPECS[f"{module}.get"].policy_hint == "read"
        assert SPECS[f"{module}.delete"].policy_hint == "destructive"


ASIDE = {"calendar": "cancel", "invoices": "cancel", "todo": "complete"}


@pytest.mark.parametrize("module", sorted(set(REGISTRY.modules()) - {"spaces"}))
def test_every_module_can_put_aside_what_it_makes_without_losing_it(module):
    aside = SPECS[f"{module}.{ASIDE.get(module, 'archive')}"]
    assert (aside.policy_hint, aside.idempotent) == ("write", True)


@pytest.mark.parametrize("name", SPECS)
def test_the_schemas_are_self_contained_and_closed(name):
    for schema in (SPECS[name].input_schema(), SPECS[name].output_schema()):
        Draft202012Validator.check_schema(schema)
        assert "$ref" not in str(schema)
        assert "$defs" not in str(schema)
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize("name", SPECS)
def test_a_description_is_short_and_has_an_example(name):
    description = SPECS[name].description
    tokens = re.findall(r"\w+|[^\w\s]", description)
    assert len(tokens) < 150
    assert "Example: {" in description


def test_every_registry_is_a_new_one():
    assert default_registry() is not default_registry()
