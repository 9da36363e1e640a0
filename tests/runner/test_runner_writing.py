import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from mana_lab.personas import Persona, load_catalog
from mana_lab.runner.brain import Scene
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.blunders import blunder
from mana_lab.runner.scripted.schemas import required, takes_id
from mana_lab.runner.scripted.voices import voice_of, voices
from mana_lab.runner.scripted.writer import Writer
from mana_lab.tools import default_registry

IDS = ["0b51a6ae-7c6b-4b73-9d29-9d0cc0a80e5f"]
TOOLS = [ToolInfo(spec.name, spec.description, spec.input_schema()) for spec in default_registry()]
PERSONAS = load_catalog().personas

ODD = {
    "type": "object",
    "required": ["owner", "amount", "when", "lines", "kind", "parts"],
    "properties": {
        "owner": {"$ref": "#/$defs/Owner"},
        "amount": {"type": "number", "exclusiveMinimum": 2, "maximum": 4},
        "when": {"type": "string", "format": "date-time"},
        "lines": {"type": "array", "minItems": 2, "items": {"type": "string", "maxLength": 12}},
        "kind": {"enum": ["a", "b"]},
        "parts": {"type": "array", "items": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}},
    },
    "additionalProperties": False,
    "$defs": {
        "Owner": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        }
    },
}


def scene(persona: Persona, seed: object) -> Scene:
    now = datetime(2026, 1, 5, 7, tzinfo=UTC).astimezone(ZoneInfo(persona.timezone))
    return Scene(persona, 1, now, random.Random(seed))


def checker(tool: ToolInfo):
    return jsonschema.Draft202012Validator(
        tool.input_schema, format_checker=jsonschema.FormatChecker()
    )


@pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.slug)
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_what_a_persona_writes_fits_the_tools_schema(tool, persona):
    for seed in range(20):
        writer = Writer(voice_of(persona.slug), scene(persona, seed))
        topic = writer.topic(tool.module)
        for detail in (0.0, 0.5, 1.0):
            checker(tool).validate(writer.write(tool, topic, detail=detail, ids=IDS))


def test_a_tool_that_nobody_knows_can_be_filled_in():
    tool = ToolInfo("ledger.book", "", ODD)
    for seed in range(20):
        writer = Writer(voice_of("paul"), scene(PERSONAS[0], seed))
        arguments = writer.write(tool, writer.topic("ledger"), detail=1.0)
        checker(tool).validate(arguments)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_blunder_breaks_the_schema_or_names_what_is_not_there(tool):
    for seed in range(40):
        dice = random.Random(seed)
        writer = Writer(voice_of("maya"), scene(PERSONAS[0], seed))
        right = writer.write(tool, writer.topic(tool.module), detail=0.5, ids=IDS)
        wrong = blunder(tool, right, dice)
        if wrong == right:
            assert not tool.input_schema.get("properties")
        elif takes_id(tool) and checker(tool).is_valid(wrong):
            names = [name for name in required(tool) if name == "id" or name.endswith("Id")]
            assert all(wrong[name] not in IDS for name in names)


def test_every_persona_of_the_catalog_has_a_voice_of_its_own():
    assert set(voices()) == {persona.slug for persona in PERSONAS} | {"default"}
    assert voice_of("somebody else") is voices()["default"]


@pytest.mark.parametrize("slug", voices())
def test_a_voice_has_something_to_say_everywhere(slug):
    voice = voices()[slug]
    assert voice.search
    assert voice.tags
    for module in ("todo", "journal", "notes", "habits", "a module from elsewhere"):
        for topic in voice.about(module):
            assert topic.title or topic.text
            assert len(topic.title) <= 120
