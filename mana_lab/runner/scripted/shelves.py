"""The app as a persona sorts it in its head: what each module lets one do, and what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mana_lab.runner.calls import CallOutcome, ToolInfo, values_of
from mana_lab.runner.scripted.schemas import finishes, takes_id
from mana_lab.runner.verbs import deed_of

GONE = ("not-found", "conflict")
"""Failures that say that nothing can be done about a thing any more."""
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

    @property
    def tools(self) -> list[ToolInfo]:
        """All of them."""
        return [*self.reads, *self.opens, *self.creates, *self.changes]


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
    """What the persona knows in the app, by module: what it has seen, and what it added itself.

    Args:
        unfinished: What it added in earlier ticks and has not finished.

    Attributes:
        unfinished: What it has added and not finished up to now, the newest last.
        returned: How many things of earlier ticks it has dealt with.
    """

    def __init__(self, unfinished: Mapping[str, Sequence[str]]) -> None:
        self.unfinished = {module: list(names) for module, names in unfinished.items()}
        self.returned: Counter[str] = Counter()
        self._open = {module: list(names) for module, names in unfinished.items()}
        self._earlier = {module: set(names) for module, names in unfinished.items()}

    def open(self, module: str) -> list[str]:
        """Return the ids of what is still open in *module*, in the order seen."""
        return self._open.get(module, [])

    def take_in(
        self, shelf: Shelf, tool: ToolInfo, arguments: Mapping[str, Any], outcome: CallOutcome
    ) -> None:
        """Learn from what became of a call.

        Args:
            shelf: Where the tool stands.
            tool: What was called.
            arguments: What it was called with.
            outcome: What became of it.
        """
        named = {value for value in arguments.values() if isinstance(value, str)}
        if outcome.error is not None:
            if outcome.error.kind in GONE:
                self._leave(tool.module, named, finished=True)
        elif tool in shelf.changes:
            earlier = self._earlier.get(tool.module, set())
            self.returned[tool.module] += len(earlier & named)
            earlier -= named
            self._leave(tool.module, named, finished=finishes(tool))
        else:
            self._learn(tool.module, outcome.data, added=tool in shelf.creates)

    def _learn(self, module: str, data: Any, *, added: bool) -> None:
        for thing in _things(data):
            name = thing.get("id")
            if not isinstance(name, str):
                continue
            if any(map(thing.get, _DONE)):
                self._leave(module, {name}, finished=True)
                continue
            _append(self._open, module, name)
            if added:
                _append(self.unfinished, module, name)

    def _leave(self, module: str, named: set[str], *, finished: bool) -> None:
        """Leave things alone for this tick, and also for later ones if they are finished."""
        for known in (self._open, self.unfinished)[: 1 + finished]:
            known[module] = [name for name in known.get(module, []) if name not in named]


def _things(data: Any) -> Iterator[dict[str, Any]]:
    for value in values_of(data):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield item


def _append(known: dict[str, list[str]], module: str, name: str) -> None:
    names = known.setdefault(module, [])
    if name not in names:
        names.append(name)
