"""What all charts share: a figure that needs no pyplot, the style, and texts that fit."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from PIL import Image

if TYPE_CHECKING:
    from mana_lab.analysis.trust import Trust

BLUE, ORANGE, VERMILLION, SKY = "#0072B2", "#E69F00", "#D55E00", "#56B4E9"
GREY, INK = "#BBBBBB", "#222222"
WIDTH, HEIGHT = 8.0, 4.5
"""Inches; more rows than fit make a chart higher, never wider."""
MOST_ROWS = 40
"""How many personas a chart has rows for; the numbers beside it have all of them."""

_STYLE = Path(__file__).with_name("style.mplstyle")
_FONT = "DejaVu Sans"
_TITLE_WIDTH = 86
_NOTE_WIDTH = 140
_FOOT_WIDTH = 150
_MOST_LINES = 2
_LINE = 0.15
"""How high a line of the note is, in inches."""
_LAYOUT_ROUNDS = 3


class Chart(Figure):
    """A matplotlib figure that a notebook shows without pyplot and its global state.

    Attributes:
        finding: What the data say, in one sentence: the title, and the text alternative.
        note: What a reader must know to read it rightly; it stands below.
        trust: What it rests on; None where the chart was made of frames alone.
    """

    finding: str = ""
    note: str = ""
    trust: Trust | None = None

    def png(self, dpi: float | None = None) -> bytes:
        """Return the chart as PNG; the same data give the same bytes.

        Args:
            dpi: Dots per inch; 100 if not given.
        """
        buffer = BytesIO()
        with house_style():
            self.savefig(buffer, format="png", dpi=dpi or "figure", metadata={"Software": None})
        return _small(buffer)

    def settled(self, rounds: int = _LAYOUT_ROUNDS) -> Self:
        """Return this chart with its layout computed once and for all.

        The constrained layout moves a little with every drawing, so bytes would differ.

        Args:
            rounds: How often it is drawn for that; once is enough where it was settled before.
        """
        for _ in range(rounds):
            self.draw_without_rendering()
        self.set_layout_engine("none")
        return self

    def trusted(self, trust: Trust) -> Self:
        """Return this chart with a line at its foot that says what it rests on.

        Args:
            trust: What that is.
        """
        self.trust = trust
        lines = _foot(trust)
        with house_style():
            self.set_size_inches(WIDTH, self.get_figheight() + _LINE * (lines.count("\n") + 1))
            _write_note(self, "\n".join(filter(None, [_noted(self.note), lines])))
            self.set_layout_engine("constrained")
            return self.settled(1)

    def _repr_png_(self) -> bytes:
        return self.png()


def _small(picture: BytesIO) -> bytes:
    """Return a PNG without transparency, which charts do not have, in as few bytes as it takes."""
    small = BytesIO()
    Image.open(picture).convert("RGB").save(small, format="png", optimize=True)
    return small.getvalue()


@contextmanager
def house_style() -> Iterator[None]:
    """Use the house's style, whatever the caller has set matplotlib to."""
    with style.context(["default", str(_STYLE)]):
        yield


def new_chart(finding: str, *, height: float = HEIGHT, note: str = "") -> Chart:
    """Return an empty chart with its title.

    Args:
        finding: The title.
        height: Inches.
        note: What a reader must know to read it rightly; it stands below.
    """
    chart = Chart(figsize=(WIDTH, max(HEIGHT, height)))
    chart.finding = finding
    chart.suptitle(
        balanced(printable(finding)),
        x=0.01,
        ha="left",
        fontsize=11,
        fontweight="bold",
    )
    if note:
        chart.note = note
        _write_note(chart, _noted(note))
    return chart


def _foot(trust: Trust) -> str:
    """Return what a chart rests on, in two lines at most."""
    lines = textwrap.wrap(printable(str(trust)), _FOOT_WIDTH)
    if len(lines) > _MOST_LINES:
        lines = textwrap.wrap(printable(trust.brief), _FOOT_WIDTH)
    return "\n".join(lines[:_MOST_LINES])


def _noted(text: str) -> str:
    return textwrap.fill(printable(text), _NOTE_WIDTH)


def _write_note(chart: Chart, lines: str) -> None:
    chart.supxlabel(lines, x=0.01, ha="left", fontsize=7.5, color="#555555")


def balanced(text: str) -> str:
    """Return *text* in as few lines as a title's width needs, of about the same length."""
    count = len(textwrap.wrap(text, _TITLE_WIDTH))
    for width in range(max(1, len(text) // max(count, 1)), _TITLE_WIDTH):
        lines = textwrap.wrap(text, width)
        if len(lines) <= count:
            return "\n".join(lines)
    return textwrap.fill(text, _TITLE_WIDTH)


def empty_chart(finding: str, advice: str) -> Chart:
    """Return a chart that says that there is nothing to show.

    Args:
        finding: What is missing.
        advice: What to do about it.
    """
    with house_style():
        chart = new_chart(finding)
        axes = chart.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, advice, ha="center", va="center", fontsize=10, color="#555555")
        return chart.settled()


def bare(axes: Axes, *, keep: tuple[str, ...] = ()) -> None:
    """Take away the frame and the tick marks of *axes*, but for the spines to *keep*."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)
    axes.tick_params(length=0)


def row_names(axes: Axes, names: list[str]) -> None:
    """Write *names* down the left side, the first on top."""
    axes.set_yticks(range(len(names)), labels=[short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def column_of_texts(axes: Axes, x: float, head: str, texts: list[str]) -> None:
    """Write a column of *texts* right of the rows, under *head*.

    Args:
        axes: Where the rows stand at 0, 1, 2, …
        x: The column's right edge, as a share of the width of the axes.
        head: What the column is.
        texts: One text a row.
    """
    across = axes.get_yaxis_transform()
    looks: dict[str, Any] = {"transform": across, "ha": "right", "fontsize": 8}
    axes.text(x, -0.62, head, va="bottom", color="#555555", **looks)
    for row, text in enumerate(texts):
        axes.text(x, row, text, va="center", **looks)


def short(text: str, most: int = 32) -> str:
    """Return *text* in at most *most* printable characters."""
    clean = printable(text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def printable(text: str) -> str:
    """Return *text* in one line, with ``?`` for what the charts' font cannot draw."""
    known = _characters()
    return "".join(
        sign if ord(sign) in known and sign.isprintable() else "?"
        for sign in " ".join(text.split())
    )


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(_FONT)).get_charmap())
