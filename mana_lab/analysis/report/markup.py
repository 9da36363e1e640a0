"""The parts of an HTML page; every text is escaped here and nowhere else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from mana_lab.analysis.charts import Chart
from mana_lab.display import escaped

MOST_ROWS: Final = 200
"""So many rows a table of the page has at most; below it stands how many there are more."""
_DPI: Final = 160
_NOTHING: Final = "\N{EN DASH}"


@dataclass(frozen=True)
class Markup:
    """Markup that is ready, as a value of a table.

    Attributes:
        html: The markup.
    """

    html: str


def cell(value: object) -> str:
    """Return how *value* reads in a table: two decimals, no zone, a dash for nothing."""
    if isinstance(value, float):
        return _NOTHING if pd.isna(value) else f"{value:.2f}".replace("-0.00", "0.00")
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    return _NOTHING if value is None or value is pd.NA or value is pd.NaT else str(value)


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    anchors: Sequence[str] = (),
) -> str:
    """Return a table whose rows are named by their first column; numbers stand on the right.

    Args:
        caption: What the table has.
        heads: The column's names.
        rows: One value a column; a text is escaped, :class:`Markup` is not.
        anchors: The id of each row, where rows can be linked to.
    """
    lines = list(rows)
    sides = [_side([line[place] for line in lines]) for place in range(len(heads))]
    first = "".join(
        f'<th scope="col"{side}>{escaped(head)}</th>'
        for side, head in zip(sides, heads, strict=True)
    )
    ids = [f' id="{escaped(anchor)}"' for anchor in anchors] or [""] * len(lines)
    body = "".join(
        f"<tr{anchor}>{_cells(sides, line)}</tr>" for anchor, line in zip(ids, lines, strict=True)
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(caption)}">'
        f"<table><caption>{escaped(caption)}</caption><thead><tr>{first}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def frame_table(caption: str, frame: pd.DataFrame) -> str:
    """Return the first rows of *frame* as a table, underscores in the heads as spaces."""
    heads = [str(name).replace("_", " ") for name in frame.columns]
    shown = frame.head(MOST_ROWS).astype("object").itertuples(index=False, name=None)
    more = len(frame) - MOST_ROWS
    rest = f"… and {more:,} more rows, which the lab has as a frame."
    return table(caption, heads, shown) + (paragraph(rest) if more > 0 else "")


def figure(chart: Chart, numbers: pd.DataFrame) -> str:
    """Return a chart as an image within the page, with its numbers to unfold.

    Args:
        chart: The chart; its finding is the text alternative.
        numbers: What it shows.
    """
    data = base64.b64encode(chart.png(_DPI)).decode("ascii")
    caption = f"The numbers of the chart: {chart.finding}"
    shown = "" if numbers.empty else frame_table(caption, numbers.reset_index())
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{escaped(chart.finding)}">'
        f"{folded('The numbers', shown) if shown else ''}</figure>"
    )


def section(title: str, *parts: str, anchor: str) -> str:
    """Return a headed part of the page.

    Args:
        title: The heading.
        parts: Markup that is ready.
        anchor: Its id.
    """
    return f'<section id="{escaped(anchor)}"><h2>{escaped(title)}</h2>{"".join(parts)}</section>'


def paragraph(text: str) -> str:
    """Return *text* as a paragraph."""
    return f"<p>{escaped(text)}</p>"


def heading(text: str) -> str:
    """Return *text* as the heading of a part of a section."""
    return f"<h3>{escaped(text)}</h3>"


def points(texts: Iterable[str | Markup]) -> str:
    """Return *texts* as a list of points."""
    return f"<ul>{''.join(f'<li>{_shown(text)}</li>' for text in texts)}</ul>"


def facts(pairs: Iterable[tuple[str, str | Markup]]) -> str:
    """Return names and what belongs to each."""
    rows = "".join(f"<dt>{escaped(name)}</dt><dd>{_shown(text)}</dd>" for name, text in pairs)
    return f"<dl>{rows}</dl>"


def link(text: str, anchor: str) -> Markup:
    """Return *text* as a link to a place of the page."""
    return Markup(f'<a href="#{escaped(anchor)}">{escaped(text)}</a>')


def code(source: str) -> str:
    """Return the source of a program."""
    return f'<pre tabindex="0"><code>{escaped(source)}</code></pre>'


def folded(title: str, content: str, *, anchor: str = "", kind: str = "") -> str:
    """Return markup that is shown when its title is chosen.

    Args:
        title: What it is.
        content: Markup that is ready.
        anchor: Its id.
        kind: Its class.
    """
    named = f' id="{escaped(anchor)}"' if anchor else ""
    classed = f' class="{escaped(kind)}"' if kind else ""
    return f"<details{named}{classed}><summary>{escaped(title)}</summary>{content}</details>"


def anchor_of(kind: str, name: str) -> str:
    """Return the id of the place for something whose own id may be any text.

    Args:
        kind: What it is, such as ``call``.
        name: Its id.
    """
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _shown(value: object) -> str:
    return value.html if isinstance(value, Markup) else escaped(cell(value))


def _cells(sides: Sequence[str], line: Sequence[object]) -> str:
    first, *rest = zip(sides, line, strict=True)
    named = f'<th scope="row"{first[0]}>{_shown(first[1])}</th>'
    return named + "".join(f"<td{side}>{_shown(value)}</td>" for side, value in rest)


def _side(values: Iterable[object]) -> str:
    """Return the class of a column of numbers; missing values do not decide."""
    known = [value for value in values if _shown(value) != _NOTHING]
    numbers = known and all(isinstance(value, int | float) for value in known)
    return ' class="number"' if numbers else ""
