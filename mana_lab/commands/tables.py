"""Results as tables for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from mana_lab.display import visible
from mana_lab.personas import Catalog
from mana_lab.runner import Run

if TYPE_CHECKING:
    import pandas as pd


def summary_table(run: Run, summary: pd.DataFrame) -> Table:
    """Return what each persona did and thought in one run.

    Args:
        run: The run.
        summary: From ``Lab.summary``.
    """
    title = (
        f"{run.starts_at:%Y-%m-%d} to {run.ends_at:%Y-%m-%d}: "
        f"{run.ticks} sessions, {run.calls} calls, {run.errors} errors"
    )
    table = Table(title=title, title_justify="left")
    for name in ("persona", "archetype"):
        table.add_column(name, overflow="fold")
    for name in ("sessions", "calls", "errors", "ratings", "mean\nrating"):
        table.add_column(name, justify="right")
    for row in summary.to_dict("records"):
        mean = f"{row['mean_rating']:.2f}" if row["ratings"] else "none"
        counts = (str(row[name]) for name in ("ticks", "calls", "errors", "ratings"))
        table.add_row(visible(row["persona"]), visible(row["archetype"]), *counts, mean)
    return table


def catalog_table(catalog: Catalog) -> Table:
    """Return who the personas of *catalog* are."""
    table = Table()
    for name in ("persona", "archetype"):
        table.add_column(name, overflow="fold")
    table.add_column("modules")
    for each in catalog:
        modules = ", ".join(f"{module} {weight:g}" for module, weight in each.module_mix.items())
        who, what = f"{each.name}\n{each.email}", f"{each.archetype}\n{each.tick_cadence}"
        table.add_row(who, what, modules)
    return table
