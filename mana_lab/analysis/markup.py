"""The parts of an HTML page; every text is escaped here and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd

from mana_lab.analysis.charts import Chart

_DPI = 160
_NOTHING = "\N{EN DASH}"


def cell(value: object) -> str:
    """Return how *value* reads in a table: two decimals, no zone, a dash for nothing."""
    if isinstance(value, float):
        return _NOTHING if pd.isna(value) else f"{value:.2f}".replace("-0.00", "0.00")
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    return _NOTHING if value is None or value is pd.NA or value is pd.NaT else str(value)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; columns of numbers stand on the right.

    Args:
        heads: The column's names.
        rows: One value a column.
    """
    lines = list(rows)
    sides = [_side([line[place] for line in lines]) for place in range(len(heads))]
    first = "".join(
        f'<th scope="col"{side}>{escape(head)}</th>'
        for side, head in zip(sides, heads, strict=True)
    )
    body = "".join(f"<tr>{_cells(sides, line)}</tr>" for line in lines)
    return (
        f'<div class="scroll"><table><thead><tr>{first}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def frame_table(frame: pd.DataFrame) -> str:
    """Return *frame* as a table, underscores in the heads as spaces."""
    heads = [str(name).replace("_", " ") for name in frame.columns]
    return table(heads, frame.astype("object").itertuples(index=False, name=None))


def figure(chart: Chart, numbers: pd.DataFrame) -> str:
    """Return a chart as an image within the page, with its numbers to unfold.

    Args:
        chart: The chart; its finding is the text alternative.
        numbers: What it shows.
    """
    data = base64.b64encode(chart.png(_DPI)).decode("ascii")
    shown = "" if numbers.empty else _folded("The numbers", frame_table(numbers.reset_index()))
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{escape(chart.finding)}">'
        f"{shown}</figure>"
    )


def section(title: str, *parts: str) -> str:
    """Return a headed part of the page.

    Args:
        title: The heading.
        parts: Markup that is ready.
    """
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(text: str) -> str:
    """Return *text* as a paragraph."""
    return f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """Return *text* as the heading of a part of a section."""
    return f"<h3>{escape(text)}</h3>"


def points(texts: Iterable[str]) -> str:
    """Return *texts* as a list of points."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _cells(sides: Sequence[str], line: Sequence[object]) -> str:
    pairs = zip(sides, line, strict=True)
    return "".join(f"<td{side}>{escape(cell(value))}</td>" for side, value in pairs)


def _side(values: Iterable[object]) -> str:
    """Return the class of a column of numbers; missing values do not decide."""
    known = [value for value in values if cell(value) != _NOTHING]
    numbers = known and all(isinstance(value, int | float) for value in known)
    return ' class="number"' if numbers else ""
