"""Typed text: what a person typed into a field, as a JSON value, or what is wrong with it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, NoReturn, TypeAlias

from mana_lab.clock import iso_millis
from mana_lab.crypto import strict_json
from mana_lab.errors import InvalidInputError, InvalidJsonError
from mana_lab.registry.arguments import printable
from mana_lab.registry.models import MAX_SAFE_INTEGER
from mana_lab.runner.human.fields import Field, Kind
from mana_lab.runner.human.wording import bound, choice_texts, expected

LONGEST_ENTRY = 1_000_000
"""Characters that fit into a field."""

_YES = frozenset({"yes", "y", "true", "on", "1"})
_NO = frozenset({"no", "n", "false", "off", "0"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
_MOST_GOT = 40

_Reader: TypeAlias = Callable[[Field, str, tzinfo], Any]


def read(field: Field, text: str, zone: tzinfo) -> Any:
    """Return the value that *text* stands for.

    Args:
        field: What it was typed into.
        text: What was typed; not only space.
        zone: What a time without a zone is meant in.

    Raises:
        InvalidInputError: The field takes no such value; the message goes on after its name.
    """
    if len(text) > LONGEST_ENTRY:
        raise InvalidInputError(
            f"is too long: {len(text)} characters, and {LONGEST_ENTRY} fit; shorten it"
        )
    if field.nullable and text.strip() == "null":
        return None
    return _READERS[field.kind](field, text, zone)


def _refuse(field: Field, text: str) -> NoReturn:
    got = " ".join(text.split())
    shown = f"{got[:_MOST_GOT]}…" if len(got) > _MOST_GOT else got
    raise InvalidInputError(f"must be {expected(field)}, got {printable(shown)!r}")


def _text(field: Field, text: str, _: tzinfo) -> str:
    formed = bool(field.schema.get("pattern") or field.schema.get("format"))
    value = text.strip() if formed or field.names_thing else text
    if value.strip() == '""':
        value = ""
    least, most = bound(field.schema, "minLength"), bound(field.schema, "maxLength")
    if most is not None and len(value) > most:
        raise InvalidInputError(f"has {len(value)} characters, and {int(most)} fit; shorten it")
    if (least is not None and len(value) < least) or not _has_form(field, value):
        _refuse(field, text)
    return value


def _has_form(field: Field, value: str) -> bool:
    pattern = field.schema.get("pattern")
    try:
        return not isinstance(pattern, str) or re.search(pattern, value) is not None
    except re.error:  # one of another dialect; the app will say
        return True


def _choice(field: Field, text: str, _: tzinfo) -> Any:
    texts, wanted = choice_texts(field), text.strip()
    if wanted in texts:
        return field.choices[texts.index(wanted)]
    alike = [place for place, each in enumerate(texts) if each.casefold() == wanted.casefold()]
    if len(alike) != 1:
        _refuse(field, text)
    return field.choices[alike[0]]


def _flag(field: Field, text: str, _: tzinfo) -> bool:
    word = text.strip().casefold()
    if word not in _YES | _NO:
        _refuse(field, text)
    return word in _YES


def _number(field: Field, text: str, _: tzinfo) -> int | float:
    digits = text.strip()
    if _WHOLE.fullmatch(digits):
        value: int | float = int(digits)
    elif field.kind == "number" and _NUMBER.fullmatch(digits):
        value = float(digits)
    else:
        _refuse(field, text)
    if not _is_within(field, value):
        _refuse(field, text)
    return value


def _is_within(field: Field, value: float) -> bool:
    least, above = bound(field.schema, "minimum"), bound(field.schema, "exclusiveMinimum")
    most, below = bound(field.schema, "maximum"), bound(field.schema, "exclusiveMaximum")
    return (
        math.isfinite(value)
        and (isinstance(value, float) or abs(value) <= MAX_SAFE_INTEGER)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )


def _date(field: Field, text: str, _: tzinfo) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        _refuse(field, text)


def _datetime(field: Field, text: str, zone: tzinfo) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
        return iso_millis(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        _refuse(field, text)


def _list(field: Field, text: str, zone: tzinfo) -> list[Any]:
    item = field.item
    if item is None or item.kind in ("object", "any") or text.lstrip().startswith("["):
        values: list[Any] = _json(field, text, list)
    else:
        parts = text.splitlines() if "\n" in text.strip() else text.split(",")
        values = _items(item, [part.strip() for part in parts if part.strip()], zone)
    least, most = bound(field.schema, "minItems"), bound(field.schema, "maxItems")
    if (least is not None and len(values) < least) or (most is not None and len(values) > most):
        _refuse(field, text)
    return values


def _items(item: Field, texts: Sequence[str], zone: tzinfo) -> list[Any]:
    values = []
    for number, text in enumerate(texts, 1):
        try:
            values.append(read(item, text, zone))
        except InvalidInputError as error:
            raise InvalidInputError(f"has an entry {number} that {error.message}") from None
    return values


def _object(field: Field, text: str, _: tzinfo) -> Any:
    return _json(field, text, list if field.schema.get("type") == "array" else dict)


def _json(field: Field, text: str, kind: type) -> Any:
    try:
        value = strict_json(text.encode("utf-8", "surrogatepass"))
    except InvalidJsonError:
        raise InvalidInputError(f"must be {expected(field)}; {_why_no_json(text)}") from None
    if not isinstance(value, kind):
        _refuse(field, text)
    return value


def _why_no_json(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"it cannot be read at line {error.lineno}, column {error.colno}: {error.msg}"
    except (ValueError, RecursionError):
        pass
    return "it can be read in more than one way, or nests too deep"


def _any(_field: Field, text: str, _zone: tzinfo) -> Any:
    try:
        return strict_json(text.encode("utf-8", "surrogatepass"))
    except InvalidJsonError:
        return text


_READERS: Mapping[Kind, _Reader] = {
    "text": _text,
    "choice": _choice,
    "flag": _flag,
    "whole": _number,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
    "list": _list,
    "object": _object,
    "any": _any,
}
