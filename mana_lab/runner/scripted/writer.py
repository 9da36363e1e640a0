"""Writing arguments: what a persona would fill into a tool's form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from mana_lab.clock import iso_millis
from mana_lab.runner.brain import Scene
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.schemas import (
    Schema,
    choices,
    fields,
    kind_of,
    listed,
    needed,
    plain,
    properties,
    real_bounds,
    required,
    shape,
    size,
    whole_bounds,
)
from mana_lab.runner.scripted.voices import Topic, Voice

_TITLES = frozenset({"title", "name", "label", "subject"})
_SEARCHES = frozenset({"query", "search", "q"})
_ICONS = ("star", "book", "leaf", "heart", "bolt", "moon")
_COLORS = ("#0ea5e9", "#22c55e", "#f59e0b", "#6366f1", "#ef4444")
_AHEAD = ("due", "end", "until", "remind", "start")
_PAGING = frozenset({"cursor", "pageToken"})
"""Only an answer says what stands there."""
_PAGE_FORMS = frozenset({"uri", "url", "iri"})
_FORMS = {
    "email": "hello@example.org",
    "time": "17:00:00Z",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
}
_MOST_VALUES = 500
_MOST_ITEMS = 20
_DEEPEST = 8
_LONGEST = 10_000
_ENDLESS = re.compile(r"[+*}]\)[+*{]")
"""A pattern in which what may repeat repeats: matching it can take for ever."""
_NAMES = {
    "firstName": ("Amara", "Jonas", "Mei", "Nils", "Paula", "Yusuf"),
    "lastName": ("Bauer", "Costa", "Demir", "Lindqvist", "Novak", "Okoye"),
    "company": ("Studio Nord", "Hafen & Sons", "Lumen Labs", "City Archive"),
    "clientName": ("Studio Nord", "Hafen & Sons", "Familie Novak", "City Archive"),
    "author": ("A. Costa", "J. Lindqvist", "M. Okoye"),
    "creator": ("A. Costa", "J. Lindqvist", "M. Okoye"),
    "city": ("Leipzig", "Lisbon", "Vienna", "Bremen"),
}


class Errand(NamedTuple):
    """What arguments are filled in for.

    Attributes:
        tool: Whose arguments.
        topic: What they are about.
        ids: Of the things that an id may name.
    """

    tool: ToolInfo
    topic: Topic
    ids: Sequence[str]


class Writer:
    """Fills in arguments from a JSON Schema and a persona's texts.

    Args:
        voice: The persona's texts.
        scene: Gives the date and the randomness.
    """

    def __init__(self, voice: Voice, scene: Scene) -> None:
        self._voice = voice
        self._now = scene.now
        self._zone = scene.persona.timezone
        self._left = _MOST_VALUES
        self._random = scene.random

    def topic(self, module: str) -> Topic:
        """Pick something that the persona writes about in *module*."""
        return self._random.choice(self._voice.about(module))

    def write(
        self, tool: ToolInfo, topic: Topic, *, detail: float, ids: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Fill in the tool's arguments; a form that has no end is left unfinished.

        Args:
            tool: Whose arguments.
            topic: What they are about.
            detail: Chance of filling in an optional argument.
            ids: Of the things that an id may name.
        """
        self._left = _MOST_VALUES
        return self._fill(tool.input_schema, Errand(tool, topic, ids), detail)

    def _fill(self, form: Schema, errand: Errand, detail: float, depth: int = 0) -> dict[str, Any]:
        root = errand.tool.input_schema
        must = needed(form, root)
        filled: dict[str, Any] = {}
        for name, schema in fields(form, root).items():
            if name not in must and (name in _PAGING or self._random.random() >= detail):
                continue
            value = self._value(name, schema, errand, depth)
            if value not in ("", None) or name in must:
                filled[name] = value
        return filled

    def act(
        self, tool: ToolInfo, topic: Topic, *, detail: float, ids: Sequence[str]
    ) -> dict[str, Any]:
        """Fill in the arguments of a tool that writes, so that there is something to write.

        Args:
            tool: Whose arguments.
            topic: What they are about.
            detail: Chance of filling in an optional argument.
            ids: Of the things that it may change; none for a tool that adds one.
        """
        arguments = self.write(tool, topic, detail=detail, ids=ids)
        if ids and set(arguments) == set(required(tool)):
            arguments |= self._one_change(tool, topic)
        return arguments

    def _one_change(self, tool: ToolInfo, topic: Topic) -> dict[str, Any]:
        """Pick what to change, where a tool leaves that open."""
        must = required(tool)
        optional = {name: schema for name, schema in properties(tool).items() if name not in must}
        solid = sorted(name for name, schema in optional.items() if schema.get("type") != "boolean")
        if not solid:
            return {}
        name = self._random.choice(solid)
        value = self.value(tool, name, optional[name], topic)
        return {} if value is None else {name: value}

    def value(
        self, tool: ToolInfo, name: str, schema: Schema, topic: Topic, ids: Sequence[str] = ()
    ) -> Any:
        """Return a value for one argument that its schema allows; None when there is none."""
        self._left = _MOST_VALUES
        return self._value(name, schema, Errand(tool, topic, ids), 0)

    def _value(self, name: str, schema: Schema, errand: Errand, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return None
        match shape(name, schema):
            case "choice":
                return self._random.choice(choices(schema))
            case "id":
                return self._random.choice(errand.ids) if errand.ids else None
            case "datetime" | "date" as kind:
                return self._moment(name, whole_day=kind == "date")
            case "color":
                return self._random.choice(_COLORS)
            case "number":
                return self._number(name, schema)
            case "flag":
                return self._random.random() < 0.3
            case "list":
                return self._list(name, schema, errand, depth + 1)
            case "object":
                return self._fill(schema, errand, 0.0, depth + 1)
            case _:
                return self._text(name, schema, errand.topic)

    def _moment(self, name: str, *, whole_day: bool) -> str:
        moment = self._now
        if name.lower().startswith(_AHEAD):
            days = timedelta(days=self._random.randint(1, 7))
            moment = (moment + days).replace(hour=17, minute=0, second=0, microsecond=0)
        return f"{moment:%Y-%m-%d}" if whole_day else iso_millis(moment)

    def _number(self, name: str, schema: Schema) -> float:
        low, high = whole_bounds(schema)
        if name == "limit" and low <= high:
            return max(low, min(size(schema, "maximum", 20), 20))
        if low > high and kind_of(schema) == "number":
            start, end = real_bounds(schema)
            return start + (end - start) * self._random.uniform(0.25, 0.75)
        step = size(schema, "multipleOf", 1) or 1
        least, most = -(-low // step), high // step
        return step * self._random.randint(least, max(least, most))

    def _list(self, name: str, schema: Schema, errand: Errand, depth: int) -> list[Any]:
        root = errand.tool.input_schema
        fewest = min(size(schema, "minItems", 0), _MOST_ITEMS)
        most = size(schema, "maxItems", _MOST_ITEMS)
        count = min(self._random.randint(max(1, fewest), max(3, fewest)), most)
        items = [plain(each, root) for each in _places(schema, count)]
        each_name = name.removesuffix("s")
        if "tag" in name.lower() and all(shape(each_name, item) == "text" for item in items):
            return self._random.sample(self._voice.tags, min(count, len(self._voice.tags)))
        values = [self._value(each_name, item, errand, depth) for item in items]
        known = [value for value in values if value is not None]
        return _each_once(known) if schema.get("uniqueItems") is True else known

    def _text(self, name: str, schema: Schema, topic: Topic) -> str:
        if isinstance(schema.get("pattern"), str):
            return self._patterned(schema, topic)
        if name in _SEARCHES:
            text = self._random.choice(self._voice.search)
        elif name in _NAMES:
            text = self._random.choice(_NAMES[name])
        elif name == "icon":
            text = self._random.choice(_ICONS)
        elif name in _TITLES:
            text = topic.title or (topic.text if schema.get("minLength") else "")
        elif (known := self._known(name, schema)) is not None:
            text = known
        else:
            text = topic.text or topic.title
        return _of_length(text, schema)

    def _known(self, name: str, schema: Schema) -> str | None:
        """Return what everybody fills into a field of that form or name; None for any text."""
        word = name.lower().replace("_", "").replace("-", "")
        form = str(schema.get("format"))
        if form in _PAGE_FORMS:
            return _page(self._voice.search[0])
        if form in _FORMS:
            return _FORMS[form]
        if word.endswith("timezone"):
            return self._zone
        return f"{self._now:%H:%M}" if word == "time" else None

    def _patterned(self, schema: Schema, topic: Topic) -> str:
        """Return a text of that form; the form's own example stands in for what one cannot say."""
        said = topic.title or topic.text
        candidates = [_page(said), said, *map(str, listed(schema.get("examples")))]
        try:
            form = re.compile(schema["pattern"])
        except (re.error, RecursionError, OverflowError):
            return said
        if _ENDLESS.search(schema["pattern"]):
            return candidates[-1]
        return next((text for text in candidates if form.search(text)), said)


def _page(said: str) -> str:
    return "https://example.org/" + re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-")


def _places(schema: Schema, count: int) -> list[Any]:
    """Return the schemas of a list's items, place by place."""
    items = schema.get("items")
    first = listed(schema.get("prefixItems")) or listed(items)
    others = items if isinstance(items, Mapping) else {"type": "string"}
    return [*first, *[others] * (count - len(first))][: max(count, min(len(first), _MOST_ITEMS))]


def _each_once(values: list[Any]) -> list[Any]:
    return list({json.dumps(value, sort_keys=True): value for value in values}.values())


def _of_length(text: str, schema: Schema) -> str:
    fewest = min(size(schema, "minLength", 0), _LONGEST)
    while text and len(text) < fewest:
        text += f" {text}"
    return text[: size(schema, "maxLength", _LONGEST)]
