"""The transcripts on the page: as many as it may have, those that findings cite first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mana_lab.analysis.columns import Columns
from mana_lab.analysis.report import markup
from mana_lab.analysis.report.markup import Markup
from mana_lab.analysis.transcripts import Call, Opinion, Tick, ticks_of
from mana_lab.analysis.transcripts.tick import outcome, stars
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.analysis.wording import counted

MOST_TICKS: Final = 300
"""So many transcripts a page has at most."""
MOST_CALLS: Final = 4_000
"""So many calls they have together at most, and a twentieth of that each."""
_MOST_TEXT: Final = 400


@dataclass(frozen=True)
class Chosen:
    """The ticks that the page has.

    Attributes:
        ticks: The ticks by persona and time.
        cited: The ids of those that findings cite.
        total: How many ticks there are.
    """

    ticks: tuple[Tick, ...]
    cited: frozenset[str]
    total: int

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the ticks."""
        return frozenset(tick.id for tick in self.ticks)


def chosen(
    warehouse: Warehouse, run: int | None, cited: Iterable[str], *, most: int = MOST_TICKS
) -> Chosen:
    """Return the ticks that a page has: those that are cited, then those with the most errors.

    Args:
        warehouse: Where the rows come from.
        run: The run's number; None for all, and for sessions by hand.
        cited: The ids of the ticks that findings cite.
        most: How many ticks at most.
    """
    where = "true" if run is None else f"run = {run}"
    first = sorted(set(cited))
    query = (
        "SELECT tick_id, count(*) AS calls, count(*) FILTER (result = 'error') AS errors,"  # noqa: S608
        " list_contains($first::VARCHAR[], tick_id) AS cited"
        f" FROM persona_actions WHERE {where} GROUP BY tick_id"
        " ORDER BY cited DESC, errors DESC, min(occurred_at), tick_id"
    )
    kinds: Columns = {"tick_id": "text", "calls": "integer", "total": "integer"}
    bound = f"SELECT *, count(*) OVER () AS total FROM ({query}) LIMIT {most}"  # noqa: S608
    found = warehouse.typed(bound, kinds, first=first)
    enough = found["calls"].clip(upper=MOST_CALLS // 20).cumsum() <= MOST_CALLS
    ticks = ticks_of(warehouse, list(found["tick_id"][enough]))
    ordered = sorted(ticks, key=lambda tick: (tick.persona, tick.email, tick.number or 0, tick.id))
    total = int(found["total"].iloc[0]) if len(found) else 0
    return Chosen(tuple(ordered), frozenset(first), total)


def transcripts(ticks: Chosen) -> Iterator[str]:
    """Yield the transcripts, each to unfold, under the name of its persona."""
    yield markup.paragraph(_bound(ticks))
    printed = sum(tick.id in ticks.cited for tick in ticks.ticks)
    yield f'<p class="printed">Printed are the {printed} that findings cite.</p>'
    before = None
    for tick in ticks.ticks:
        if tick.email != before:
            yield markup.heading(tick.persona or tick.email or "somebody")
        before = tick.email
        yield _transcript(tick, "cited" if tick.id in ticks.cited else "uncited")


def _bound(ticks: Chosen) -> str:
    shown = len(ticks.ticks)
    if not ticks.total:
        return "Nobody made a call."
    if shown == ticks.total:
        return f"All {counted(shown, 'tick')} with a call; choose one to read it call by call."
    return (
        f"{shown:,} of {ticks.total:,} ticks with a call: those that findings cite, then those "
        'with the most failed calls. Any other one shows lab.tick("anna", 3) in a notebook, by '
        "persona and number."
    )


def _transcript(tick: Tick, kind: str) -> str:
    calls = tick.calls[: MOST_CALLS // 20]
    failed = sum(call.result == "error" for call in tick.calls)
    title = f"{tick.title}: {counted(len(tick.calls), 'call')}, {failed} failed"
    parts = [markup.facts(tick.head())]
    if calls:
        heads = ("call", "tool", "what became of it", "message")
        anchors = [markup.anchor_of("call", call.id) for call in calls]
        parts.append(markup.table(f"Calls of {tick.title}", heads, map(_row, calls), anchors))
    if len(calls) < len(tick.calls):
        more = len(tick.calls) - len(calls)
        parts.append(markup.paragraph(f"… and {more:,} more: lab.tick({tick.id!r})"))
    if tick.ratings:
        parts.append(_ratings(tick, {call.id for call in calls}))
    anchor = markup.anchor_of("tick", tick.id)
    return markup.folded(title, "".join(parts), anchor=anchor, kind=kind)


def _row(call: Call) -> Sequence[object]:
    return (call.place, call.tool_name, outcome(call), _clipped(call.error_message))


def _ratings(tick: Tick, shown: set[str]) -> str:
    rows = [
        (opinion.module, stars(opinion), _clipped(opinion.notes), _calls(tick, opinion, shown))
        for opinion in tick.ratings
    ]
    anchors = [markup.anchor_of("rating", opinion.id) for opinion in tick.ratings]
    heads = ("module", "rating", "notes", "rests on")
    return markup.table(f"Ratings of {tick.title}", heads, rows, anchors)


def _calls(tick: Tick, opinion: Opinion, shown: set[str]) -> Markup:
    links = (
        markup.link(f"call {call.place}", markup.anchor_of("call", call.id)).html
        for call in tick.cited(opinion)
        if call.id in shown
    )
    return Markup(", ".join(links))


def _clipped(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
