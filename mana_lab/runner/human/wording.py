"""What a field takes, in the words of a form."""

from __future__ import annotations

import math

from mana_lab.registry.arguments import printable
from mana_lab.registry.models import MAX_SAFE_INTEGER
from mana_lab.runner.human.fields import Field, as_text
from mana_lab.runner.scripted.schemas import Schema

_MOST_CHOICES = 30
_MOST_EXAMPLE = 120


def expected(field: Field) -> str:
    """Return what *field* takes, such as ``a whole number from 1 to 100``."""
    words = _words(field)
    return f"{words}, or null for none" if field.nullable else words


def choice_texts(field: Field) -> list[str]:
    """Return the values of a field that has only so many, as they are typed."""
    if field.kind == "flag":
        return ["yes", "no"]
    return [as_text(value) for value in field.choices]


def bound(schema: Schema, name: str) -> float | None:
    """Return the number that *schema* gives under *name*; None where it gives no sound one."""
    value = schema.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _words(field: Field) -> str:
    match field.kind:
        case "choice":
            return _one_of(choice_texts(field))
        case "flag":
            return "yes or no"
        case "whole":
            return f"a whole number{_range(field.schema)}"
        case "number":
            return f"a number{_range(field.schema)}"
        case "date":
            return "a date such as 2026-01-05"
        case "datetime":
            return "a date and time in your time, such as 2026-01-05 09:30"
        case "list":
            return _list(field)
        case "object":
            return f"JSON text{_such_as(field.example)}"
        case "any":
            return "text or JSON"
        case "text":
            return _text(field)


def _one_of(texts: list[str]) -> str:
    more = len(texts) - _MOST_CHOICES
    shown = ", ".join(printable(text) for text in texts[:_MOST_CHOICES])
    return f"one of {shown}{f' and {more} more' if more > 0 else ''}"


def _such_as(example: str) -> str:
    return f" such as {printable(example[:_MOST_EXAMPLE])}" if example else ""


def _text(field: Field) -> str:
    if field.schema.get("format") == "uuid":
        return "the id of something"
    if field.schema.get("pattern"):
        given = field.example or str(field.schema["pattern"])
        return f"text of the form {printable(given[:_MOST_EXAMPLE])}"
    least, most = bound(field.schema, "minLength"), bound(field.schema, "maxLength")
    if most is None:
        return "text"
    range_ = f"{_number(least)} to {_number(most)}" if least else f"at most {_number(most)}"
    return f"text of {range_} characters"


def _list(field: Field) -> str:
    count = _how_many(field.schema)
    if field.item is None or field.item.kind in ("object", "any"):
        return f"a JSON list{count}{_such_as(field.example)}"
    return f"a list{count}, with commas or line breaks between, each {expected(field.item)}"


def _how_many(schema: Schema) -> str:
    least, most = bound(schema, "minItems"), bound(schema, "maxItems")
    if most is not None:
        return f" of {_number(least or 0)} to {_number(most)}"
    return f" of at least {_number(least)}" if least else ""


def _range(schema: Schema) -> str:
    least, above = bound(schema, "minimum"), bound(schema, "exclusiveMinimum")
    most, below = bound(schema, "maximum"), bound(schema, "exclusiveMaximum")
    start = f" from {_number(least)}" if least is not None else ""
    if above is not None:
        start = f" above {_number(above)}"
    if below is not None:
        return f"{start}{' and' if start else ''} below {_number(below)}"
    if most is None or most == MAX_SAFE_INTEGER:
        return start
    return f"{start} to {_number(most)}" if start else f" of at most {_number(most)}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
