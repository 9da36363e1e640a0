"""Words for findings: counts, shares and names as they stand in titles."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

_ENOUGH = 5
_MOST_NAMES = 3


def percent(share: float) -> str:
    """Return a share between 0 and 1 as a whole percentage.

    A share that is not quite nothing or everything never reads as such.
    """
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{share:.0%}".replace("%", " %")


def counted(count: int, noun: str) -> str:
    """Return ``1 call`` or ``2 calls``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: Sequence[str], noun: str) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``, or ``4 modules`` where names are too many.

    Args:
        names: At least one.
        noun: What they are, in the singular.
    """
    if len(names) > _MOST_NAMES:
        return counted(len(names), noun)
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def enough(counts: pd.Series[int]) -> pd.Series[bool]:
    """Return which rows have enough behind them for a title: all, if none has.

    Args:
        counts: How many calls or ratings each row rests on.
    """
    known = counts >= _ENOUGH
    return known if known.any() else counts > 0


def title_note(counts: pd.Series[int], row: str, unit: str) -> str:
    """Return the remark that a title leaves rows out, empty if it does not.

    Args:
        counts: How many calls or ratings each row rests on.
        row: What a row is.
        unit: What is counted.
    """
    if enough(counts).all():
        return ""
    return f"; the title leaves out {row}s with fewer than {_ENOUGH} {unit}s"


def persona_labels(*frames: pd.DataFrame) -> dict[str, str]:
    """Return the name to show for each persona's e-mail address.

    Two personas of one name are told apart by their addresses.

    Args:
        frames: Frames with ``persona`` and ``email``.
    """
    people = pd.concat([frame[["email", "persona"]] for frame in frames]).drop_duplicates("email")
    twice = people["persona"].duplicated(keep=False)
    return {
        email: f"{name} ({email})" if shared else name
        for email, name, shared in zip(people["email"], people["persona"], twice, strict=True)
    }
