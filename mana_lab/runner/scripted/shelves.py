"""The app as a persona sorts it in its head: what each module lets one do, and what was there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mana_lab.runner.calls import ToolInfo
from mana_lab.runner.scripted.schemas import takes_id
from mana_lab.runner.verbs import deed_of

_DONE = ("isCompleted", "isArchived", "isDeleted")


@dataclass
class Shelf:
    """The tools of one module, by what they are good for.

    Attributes:
        reads: Show what is there.
        opens: Show one thing of it.
        creates: Add something.
        changes: Act on something that is there.
    """

    reads: list[ToolInfo] = field(default_factory=list)
    opens: list[ToolInfo] = field(default_factory=list)
    creates: list[ToolInfo] = field(default_factory=list)
    changes: list[ToolInfo] = field(default_factory=list)


def arrange(tools: Iterable[ToolInfo]) -> dict[str, Shelf]:
    """Sort *tools* onto shelves by module; what may destroy something is left out.

    A tool that does not say what it does is taken for what its name says.
    """
    shelves: dict[str, Shelf] = {}
    for tool in sorted(tools, key=lambda tool: tool.name):
        silent = not {"readOnlyHint", "destructiveHint"} & tool.annotations.keys()
        deed = deed_of(tool.name) if silent else None
        if tool.destroys or deed == "destroys":
            continue
        shelf = shelves.setdefault(tool.module, Shelf())
        if tool.reads or deed == "reads":
            (shelf.opens if takes_id(tool) else shelf.reads).append(tool)
        elif takes_id(tool):
            shelf.changes.append(tool)
        else:
            shelf.creates.append(tool)
    return shelves


class Things:
    """What the persona has seen in the app during one tick."""

    def __init__(self) -> None:
        self._open: dict[str, list[str]] = {}

    def learn(self, module: str, data: Any) -> None:
        """Remember the things in a tool's answer that are still open."""
        known = self._open.setdefault(module, [])
        for thing in _things(data):
            name = thing.get("id")
            if isinstance(name, str) and name not in known and not any(map(thing.get, _DONE)):
                known.append(name)

    def open(self, module: str) -> list[str]:
        """Return the ids of what is still open in *module*, in the order seen."""
        return self._open.get(module, [])

    def settle(self, module: str, arguments: Iterable[Any]) -> None:
        """Forget the things that *arguments* name: they have been dealt with."""
        dealt_with = {value for value in arguments if isinstance(value, str)}
        self._open[module] = [name for name in self.open(module) if name not in dealt_with]


def how_many(data: Any) -> int | None:
    """Return how many things an answer lists; None when it is not made of lists."""
    lists = [value for value in _values(data) if isinstance(value, list)]
    return sum(map(len, lists)) if lists else None


def _things(data: Any) -> Iterator[dict[str, Any]]:
    for value in _values(data):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield item


def _values(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return list(data.values())
    return [data] if isinstance(data, list) else []
