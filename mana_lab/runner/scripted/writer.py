"""Writing arguments: what a persona would fill into a tool's form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from mana_lab.clock import iso_millis
from mana_lab.runner.brain import Scene
from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.schemas import Schema, choices, plain, properties, required, shape
from mana_lab.runner.scripted.voices import Topic, Voice

_TITLES = frozenset({"title", "name", "label", "subject"})
_SEARCHES = frozenset({"query", "search", "q"})
_ICONS = ("star", "book", "leaf", "heart", "bolt", "moon")
_COLORS = ("#0ea5e9", "#22c55e", "#f59e0b", "#6366f1", "#ef4444")
_AHEAD = ("due", "end", "until", "remind", "start")
_PAGING = frozenset({"cursor", "pageToken"})
"""Only an answer says what stands there."""
_NAMES = {
    "firstName": ("Amara", "Jonas", "Mei", "Nils", "Paula", "Yusuf"),
    "lastName": ("Bauer", "Costa", "Demir", "Lindqvist", "Novak", "Okoye"),
    "company": ("Studio Nord", "Hafen & Sons", "Lumen Labs", "City Archive"),
    "clientName": ("Studio Nord", "Hafen & Sons", "Familie Novak", "City Archive"),
    "author": ("A. Costa", "J. Lindqvist", "M. Okoye"),
    "creator": ("A. Costa", "J. Lindqvist", "M. Okoye"),
    "city": ("Leipzig", "Lisbon", "Vienna", "Bremen"),
}


class Writer:
    """Fills in arguments from a JSON Schema and a persona's texts.

    Args:
        voice: The persona's texts.
        scene: Gives the date and the randomness.
    """

    def __init__(self, voice: Voice, scene: Scene) -> None:
        self._voice = voice
        self._now = scene.now
        self._random = scene.random

    def topic(self, module: str) -> Topic:
        """Pick something that the persona writes about in *module*."""
        return self._random.choice(self._voice.about(module))

    def write(
        self, tool: ToolInfo, topic: Topic, *, detail: float, ids: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Fill in the tool's arguments.

        Args:
            tool: Whose arguments.
            topic: What they are about.
            detail: Chance of filling in an optional argument.
            ids: Of the things that an id may name.
        """
        needed = required(tool)
        arguments: dict[str, Any] = {}
        for name, schema in properties(tool).items():
            if name not in needed and (name in _PAGING or self._random.random() >= detail):
                continue
            value = self.value(tool, name, schema, topic, ids)
            if value not in ("", None) or name in needed:
                arguments[name] = value
        return arguments

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
        needed = required(tool)
        optional = {name: schema for name, schema in properties(tool).items() if name not in needed}
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
        match shape(name, schema):
            case "choice":
                return self._random.choice(choices(schema))
            case "id":
                return self._random.choice(ids) if ids else None
            case "datetime" | "date" as kind:
                return self._moment(name, whole_day=kind == "date")
            case "color":
                return self._random.choice(_COLORS)
            case "number":
                return self._number(name, schema)
            case "flag":
                return self._random.random() < 0.3
            case "list":
                return self._list(tool, name, schema, topic, ids)
            case "object":
                inner = ToolInfo(tool.name, "", {**tool.input_schema, **schema})
                return self.write(inner, topic, detail=0.0, ids=ids)
            case _:
                return self._text(name, schema, topic)

    def _moment(self, name: str, *, whole_day: bool) -> str:
        moment = self._now
        if name.lower().startswith(_AHEAD):
            days = timedelta(days=self._random.randint(1, 7))
            moment = (moment + days).replace(hour=17, minute=0, second=0, microsecond=0)
        return f"{moment:%Y-%m-%d}" if whole_day else iso_millis(moment)

    def _number(self, name: str, schema: Schema) -> int:
        low = int(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
        high = int(schema.get("maximum", schema.get("exclusiveMaximum", low + 10) - 1))
        if name == "limit":
            return max(low, min(high, 20))
        return self._random.randint(low, max(low, min(high, low + 9)))

    def _list(
        self, tool: ToolInfo, name: str, schema: Schema, topic: Topic, ids: Sequence[str]
    ) -> list[Any]:
        item = plain(schema.get("items") or {"type": "string"}, tool.input_schema)
        fewest = int(schema.get("minItems", 0))
        count = self._random.randint(max(1, fewest), max(3, fewest))
        if "tag" in name.lower():
            return self._random.sample(self._voice.tags, min(count, len(self._voice.tags)))
        values = [self.value(tool, name.removesuffix("s"), item, topic, ids) for _ in range(count)]
        return [value for value in values if value is not None]

    def _text(self, name: str, schema: Schema, topic: Topic) -> str:
        if "pattern" in schema:
            return self._patterned(schema, topic)
        if name in _SEARCHES:
            text = self._random.choice(self._voice.search)
        elif name in _NAMES:
            text = self._random.choice(_NAMES[name])
        elif name == "icon":
            text = self._random.choice(_ICONS)
        elif name in _TITLES:
            text = topic.title or (topic.text if schema.get("minLength") else "")
        else:
            text = topic.text or topic.title
        return text[: int(schema.get("maxLength", 10_000))]

    def _patterned(self, schema: Schema, topic: Topic) -> str:
        """Return a text of that form; the form's own example stands in for what one cannot say."""
        said = topic.title or topic.text
        page = "https://example.org/" + re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-")
        candidates = [page, said, *map(str, schema.get("examples") or ())]
        fitting = [text for text in candidates if re.search(schema["pattern"], text)]
        return fitting[0] if fitting else said
