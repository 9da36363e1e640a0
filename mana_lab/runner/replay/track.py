"""The app's track of a tick: what a persona did with the app, and what the app answered.

A tick that had to enter the app again, because something had failed, has several visits; the last
one counts. What the others called is in the audit all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from mana_lab.crypto import canonical_json
from mana_lab.errors import ErrorKind, ProtocolError, UnserializableValueError
from mana_lab.identity.wire import Space, to_json
from mana_lab.personas import Persona
from mana_lab.runner.calls import CallError
from mana_lab.runner.masking import masked_hash
from mana_lab.runner.recorder import storable
from mana_lab.runner.tape import Entry

Deed: TypeAlias = Literal["open", "tools", "call", "leave"]


class Asked(BaseModel):
    """What was asked of the app.

    Attributes:
        do: What is done: the app is opened, its tools are listed, one is called, it is left.
        persona: Who opens it.
        tool: The tool that is called.
        arguments: Its arguments; None where they are no JSON.
        space: The id of the shared space that it acts in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    do: Deed
    persona: str | None = None
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    space: str | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of it, without ids and times."""
        return masked_hash(self.model_dump())


class Failed(BaseModel):
    """Why the app did not do it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    code: str
    kind: ErrorKind
    message: str
    path: str | None = None

    @classmethod
    def of(cls, error: CallError | None) -> Failed | None:
        """Return the failure as it is kept; None where there is none."""
        return None if error is None else cls(**asdict(error))

    @property
    def error(self) -> CallError:
        """The failure as a call has it."""
        return CallError(self.code, self.kind, self.message, self.path)


class Answered(BaseModel):
    """What was asked of the app, and what it answered.

    Attributes:
        asked: What was asked.
        failed: Why it was not done; None if it was.
        mix: What the persona wanted of the app, when it was opened.
        spaces: The spaces that the persona shares, when it was opened.
        offer: The hash of the list of tools.
        data: What a tool returned.
        text: Instead, its JSON, where that is not one that every parser reads alike.
        latency_ms: How long a tool took.
        tool_hash: Which version of it answered.
        module: Its module.
        broken: Whether the answer was not waited for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    asked: Asked
    failed: Failed | None = None
    mix: dict[str, float] | None = None
    spaces: list[dict[str, Any]] | None = None
    offer: str | None = None
    data: Any = None
    text: str | None = None
    latency_ms: float = 0.0
    tool_hash: str | None = None
    module: str | None = None
    broken: bool = False

    @property
    def returned(self) -> Any:
        """What the tool returned."""
        return self.data if self.text is None else json.loads(self.text)


def opening(persona: Persona) -> Asked:
    """Return what it is to open the app."""
    return Asked(do="open", persona=persona.email)


def calling(name: str, arguments: Mapping[str, Any] | None, space_id: str | None) -> Asked:
    """Return what it is to call a tool."""
    given: dict[str, Any] | None = dict(arguments or {})
    try:
        canonical_json(given)
    except UnserializableValueError:
        given = None
    return Asked(do="call", tool=storable(name), arguments=given, space=space_id)


def returned(value: Any) -> dict[str, Any]:
    """Return a tool's result as it is kept."""
    try:
        canonical_json(value)
    except UnserializableValueError:
        return {"text": json.dumps(value)}
    return {"data": value}


def spaces_of(spaces: Sequence[Space]) -> list[dict[str, Any]]:
    """Return spaces as they are kept."""
    return [to_json(space) for space in spaces]


@dataclass
class Track:
    """The track of a tick while it is recorded.

    Attributes:
        entries: What there is of it.
    """

    entries: list[Entry] = field(default_factory=list)

    def put(self, answered: Answered) -> None:
        """Add what was asked and answered."""
        kept = answered.model_dump(exclude_defaults=True)
        self.entries.append(Entry(len(self.entries), answered.asked.hash, kept))


def read(entry: Entry) -> Answered:
    """Return what an entry of the app's track says.

    Raises:
        ProtocolError: It is none.
    """
    try:
        return Answered.model_validate(entry.answer)
    except ValidationError:
        raise ProtocolError(
            f"step {entry.step} of the tape is not an answer of an app; record it anew"
        ) from None


def visits(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Return the visits of a tick, in their order.

    Raises:
        ProtocolError: An entry is none of an app's track.
    """
    found: list[list[Entry]] = []
    for entry in entries:
        if read(entry).asked.do == "open":
            found.append([])
        if not found:
            raise ProtocolError("the tape does not begin where the app is opened; record it anew")
        found[-1].append(entry)
    return found
