"""Forms: what a person fills in, kept as it was typed until the app has taken it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from mana_lab.errors import InvalidInputError
from mana_lab.runner.calls import CallError, ToolInfo
from mana_lab.runner.human.fields import Field, fields_of
from mana_lab.runner.human.telling import Thing, said
from mana_lab.runner.human.typed import read

_MISSING = "is needed"


@dataclass
class Form:
    """The form of one tool, half filled in.

    Attributes:
        tool: Whose arguments.
        fields: What it asks for, the needed ones first.
        zone: What a time without a zone is meant in.
        entries: What was typed, by field; a surface writes it, and nothing else changes it.
        problems: What is wrong with an entry, by field; it goes on after the field's name.
        trouble: What the app said to the last try; None before one.
        things: What a field for an id may name, as far as it was seen.
    """

    tool: ToolInfo
    fields: tuple[Field, ...]
    zone: tzinfo
    entries: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None
    things: Sequence[Thing] = ()

    @classmethod
    def of(cls, tool: ToolInfo, zone: tzinfo) -> Form:
        """Return the empty form of *tool*."""
        return cls(tool, fields_of(tool), zone)

    def problem_of(self, wanted: Field, text: str) -> str | None:
        """Return what is wrong with *text* in a field; None if nothing is."""
        try:
            self._read(wanted, text)
        except InvalidInputError as error:
            return error.message
        return None

    def arguments(self) -> Mapping[str, Any] | None:
        """Return what to call the tool with; None if an entry cannot be used.

        What is wrong is then in ``problems``, and what was typed is still there.
        """
        self.problems, found = {}, {}
        for each in self.fields:
            try:
                text = self.entries.get(each.name, "")
                value = self._read(each, text)
                if text.strip():
                    found[each.name] = value
            except InvalidInputError as error:
                self.problems[each.name] = error.message
        return None if self.problems else found

    def blame(self, error: CallError) -> None:
        """Put what the app said to a failed call where it belongs."""
        self.trouble = said(error)
        parts = (error.path or "").replace("[", ".").split(".")
        if any(each.name == parts[0] for each in self.fields):
            self.problems = {parts[0]: "was not taken by the app"}

    def _read(self, wanted: Field, text: str) -> Any:
        if text.strip():
            return read(wanted, text, self.zone)
        if wanted.required:
            raise InvalidInputError(_MISSING)
        return None
