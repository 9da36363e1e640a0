"""Shares as dots with their intervals, one a row."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from mana_lab.analysis.charts.figure import bare
from mana_lab.analysis.wording import percent

MOST_DOTS = 20
"""How many rows such a chart has; the numbers beside it have all of them."""

INTERVAL_NOTE = "line: 95 % interval of Wilson, as if calls were independent"


def dots(
    axes: Axes, rows: pd.DataFrame, *, color: str, marker: str, label: str, share: str = "share"
) -> None:
    """Draw shares with their intervals.

    Args:
        axes: Where the rows stand at the numbers of the index.
        rows: With *share* and its ``_low`` and ``_high``, from 0 to 1.
        color: Of the dots and lines.
        marker: Of the dots.
        label: What they are, in the legend.
        share: The name of the column.
    """
    low, high = rows[f"{share}_low"], rows[f"{share}_high"]
    axes.hlines(rows.index, low, high, colors=color, linewidth=2, alpha=0.55, zorder=2)
    axes.scatter(rows[share], rows.index, s=38, color=color, marker=marker, label=label, zorder=3)


def share_axis(axes: Axes, label: str) -> None:
    """Let the horizontal axis be a share from nothing to everything.

    Args:
        axes: Which.
        label: What it is a share of.
    """
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))
    axes.xaxis.grid(visible=True)
    axes.set_xlabel(label)
    bare(axes)
