"""Arguments for any tool, made from its schema alone."""

from __future__ import annotations

CREATORS = {
    "articles": "articles.save",
    "calendar": "calendar.create",
    "contacts": "contacts.add",
    "dreams": "dreams.record",
    "goals": "goals.set",
    "habits": "habits.create",
    "invoices": "invoices.create",
    "journal": "journal.add",
    "library": "library.add",
    "mood": "mood.log",
    "newsResearch": "newsResearch.save",
    "notes": "notes.create",
    "todo": "todo.create",
}


def filled(schema, record_id=None, *, everything=False):
    """Return arguments that *schema* allows.

    Args:
        schema: Of the arguments.
        record_id: What stands where a record is named.
        everything: Whether optional arguments are filled in too.
    """
    needed = schema.get("required", ())
    return {
        name: _value(name, member, record_id, everything)
        for name, member in schema["properties"].items()
        if name in needed or (everything and name != "cursor")
    }


def _value(name, schema, record_id, everything):
    if "examples" in schema and schema.get("format") != "uuid":
        return schema["examples"][0]
    branch = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    if branch is not schema:
        return _value(name, branch, record_id, everything)
    if schema.get("format") == "uuid":
        return record_id
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema["type"]
    if kind == "array":
        return [_value(name, schema["items"], record_id, everything)]
    if kind == "object":
        return filled(schema, record_id, everything=everything)
    if kind in {"integer", "number"}:
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    return True if kind == "boolean" else "something"


async def thing_of(caller, registry, module):
    """Make one thing of *module* and return its id."""
    spec = registry.get(CREATORS[module])
    (made,) = (await caller.call(spec.name, **filled(spec.input_schema()))).values()
    return made["id"]
