"""Picking from a numbered list, by number, by name or by the beginning of a name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def pick(names: Sequence[str], entry: str) -> int | None:
    """Return the place in *names* that *entry* means; None if it means none, or several.

    A name that is spelt out counts before a number, and a number before the beginning of a name.

    Args:
        names: What there is, numbered from 1.
        entry: What was typed.
    """
    wanted = entry.strip().casefold()
    folded = [name.casefold() for name in names]
    if wanted in folded:
        return folded.index(wanted)
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 6:
        return int(wanted) - 1 if 1 <= int(wanted) <= len(names) else None
    begun = [place for place, name in enumerate(folded) if wanted and name.startswith(wanted)]
    return begun[0] if len(begun) == 1 else None


def hint(names: Sequence[str], entry: str) -> str:
    """Return what may have been meant by *entry*, as the end of a sentence; empty if nothing."""
    near = difflib.get_close_matches(entry.strip().casefold()[:60], names, n=1)
    return f"; did you mean {near[0]}?" if near else ""
