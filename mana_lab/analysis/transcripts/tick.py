"""Transcripts: a tick as one reads it, call by call, with the ratings that came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mana_lab.display import escaped, visible

_HASH: Final = 12


@dataclass(frozen=True)
class Call:
    """One audited call of a tick.

    Attributes:
        seq: Its place in the tick, from 0.
        tool_name: The tool.
        result: ``ok`` or ``error``.
        became: What became of it: ``worked``, or whether it was tried again and worked later.
        error_code: Which error, its kind before it; empty where it worked.
        error_message: What the app said.
        latency_ms: How long the answer took, in milliseconds of real time; None where unknown.
        id: Of the call.
    """

    seq: int | None
    tool_name: str
    result: str
    became: str
    error_code: str
    error_message: str
    latency_ms: float | None
    id: str

    @property
    def place(self) -> str:
        """The place as it is shown."""
        return "?" if self.seq is None else str(self.seq)


@dataclass(frozen=True)
class Opinion:
    """One rating of a tick.

    Attributes:
        module: What was rated.
        rating: From 1, poor, to 5, good.
        notes: Why.
        brain: Who rated.
        evidence: The ids of the calls that it cites.
        id: Of the rating.
    """

    module: str
    rating: int | None
    notes: str
    brain: str
    evidence: tuple[str, ...]
    id: str


@dataclass(frozen=True, repr=False)
class Tick:
    """A tick with its calls and ratings; it shows itself as a transcript.

    Attributes:
        id: Of the tick; of a session by hand, its id.
        persona: The persona's name.
        email: Their address.
        number: The how-manieth tick of the persona, from 1; None by hand.
        run: The number of its run; None by hand.
        began_at: When it took place, in the lab's time; None where nothing tells.
        status: How it ended; empty by hand.
        brain: Who played it.
        model: The model behind that; empty where there was none.
        variant: Which variant of the app it had; empty for the app as it is.
        prompt_hash: SHA-256 of what the model was told; empty where there was none.
        error: What a failure said, or why the persona gave up.
        calls: The calls in order.
        ratings: The ratings by module.
    """

    id: str
    persona: str
    email: str
    number: int | None
    run: int | None
    began_at: datetime | None
    status: str
    brain: str
    model: str
    variant: str
    prompt_hash: str
    error: str
    calls: tuple[Call, ...]
    ratings: tuple[Opinion, ...]

    @property
    def title(self) -> str:
        """Whose tick it is, the how-manieth, and when it was."""
        which = "by hand" if self.number is None else f"tick {self.number}"
        began = "" if self.began_at is None else f", {self.began_at:%a %Y-%m-%d %H:%M} UTC"
        return f"{self.persona}, {which}{began}"

    def head(self) -> Iterator[tuple[str, str]]:
        """Yield what is known of the tick besides its title, a name and a text each."""
        failed = sum(call.result == "error" for call in self.calls)
        played = f"{self.brain} ({self.model})" if self.model else self.brain
        facts = {
            "run": "" if self.run is None else str(self.run),
            "played by": played,
            "variant": self.variant,
            "status": self.status,
            "why": self.error,
            "prompt": self.prompt_hash[:_HASH],
            "calls": f"{len(self.calls)}, {failed} failed",
        }
        yield from ((name, text) for name, text in facts.items() if text)

    def cited(self, opinion: Opinion) -> tuple[Call, ...]:
        """Return the calls of this tick that a rating cites."""
        return tuple(call for call in self.calls if call.id in opinion.evidence)

    def __str__(self) -> str:
        lines = [self.title, "  " + "; ".join(f"{name} {text}" for name, text in self.head())]
        wide = max((len(call.tool_name) for call in self.calls), default=0)
        for call in self.calls:
            lines.append(f"  {call.place:>3}  {call.tool_name:<{wide}}  {outcome(call)}")
            if call.error_message:
                lines.append(f"       {' ' * wide}  {_line(call.error_message)}")
        for opinion in self.ratings:
            lines.append(f"  {opinion.module}: {stars(opinion)} {_line(opinion.notes)}".rstrip())
            if cited := self.cited(opinion):
                lines.append(f"       rests on calls {', '.join(call.place for call in cited)}")
        return visible("\n".join(lines))

    def __repr__(self) -> str:
        return (
            f"<Tick: {visible(self.title)}, {len(self.calls)} calls, {len(self.ratings)} ratings>"
        )

    def _repr_html_(self) -> str:
        head = "; ".join(f"{name} {text}" for name, text in self.head())
        calls = "".join(
            f"<tr><td>{call.place}</td><td>{escaped(call.tool_name)}</td>"
            f"<td>{escaped(outcome(call))}</td><td>{escaped(call.error_message)}</td></tr>"
            for call in self.calls
        )
        ratings = "".join(
            f"<tr><td>{escaped(opinion.module)}</td><td>{stars(opinion)}</td>"
            f"<td>{escaped(opinion.notes)}</td>"
            f"<td>{', '.join(call.place for call in self.cited(opinion))}</td></tr>"
            for opinion in self.ratings
        )
        return (
            f"<p><strong>{escaped(self.title)}</strong><br>{escaped(head)}</p>"
            f"{_table(('call', 'tool', 'what became of it', 'message'), calls)}"
            f"{_table(('module', 'rating', 'notes', 'rests on calls'), ratings)}"
        )


def outcome(call: Call) -> str:
    """Return what became of a call, by which error, and how long it took."""
    took = "" if call.latency_ms is None else f", {call.latency_ms:.0f} ms"
    code = f" ({call.error_code})" if call.error_code else ""
    return f"{call.became}{code}{took}"


def stars(opinion: Opinion) -> str:
    """Return a rating as it is shown."""
    return "no rating" if opinion.rating is None else f"{opinion.rating} of 5"


def _line(text: str) -> str:
    return " ".join(text.split())


def _table(heads: Sequence[str], rows: str) -> str:
    if not rows:
        return ""
    first = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{rows}</tbody></table>"
