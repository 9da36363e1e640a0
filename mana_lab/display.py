"""Displays: small tables and pictures, as HTML for notebooks and as text for terminals.

What comes from elsewhere is escaped here and nowhere else; pictures are SVG without a script, an
id or a style sheet, the same for the same numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, Self

BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
"""Two colours of Okabe and Ito that every eye tells apart."""

MOST_COLUMNS: Final = 60
"""More days than these are added up, several in a column."""

_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_EIGHTHS: Final = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_COLUMN, _GAP, _HEIGHT = 5, 1, 28
_BAR, _THICK = 120, 8


def visible(text: str) -> str:
    r"""Return *text* with what would act on a terminal, or turn what is read, as an escape.

    Controls but the line break and the tab become such as ``\x1b``, those of direction and halves
    of characters such as ``\u202e``; letters of any script stay as they are.
    """
    return _UNSEEN.sub(_escape, text)


def escaped(text: str) -> str:
    """Return *text* as markup that shows it, controls included."""
    return escape(visible(text))


def _escape(found: re.Match[str]) -> str:
    sign = ord(found[0])
    return f"\\x{sign:02x}" if sign < 0x100 else f"\\u{sign:04x}"


class Html(str):
    """Markup that is ready; any other text is escaped."""

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> Self:
        """Return *value* as markup, escaped unless it is markup already."""
        return value if isinstance(value, cls) else cls(escaped(str(value)))

    def __add__(self, other: str) -> Self:
        return type(self)(super().__add__(self.of(other)))


def facts_table(facts: Mapping[str, object]) -> str:
    """Return a table of two columns.

    Args:
        facts: What is told, by its name.
    """
    rows = "".join(
        f"<tr><th>{Html.of(name)}</th><td>{Html.of(value)}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table>{rows}</table>"


def facts_text(facts: Mapping[str, object]) -> str:
    """Return a table of two columns as text.

    Args:
        facts: What is told, by its name.
    """
    width = max(map(len, facts), default=0)
    lines = (f"{name:<{width}}  {value}" for name, value in facts.items())
    return visible("\n".join(lines))


def sparkline(heights: Sequence[int]) -> str:
    """Return columns from left to right in a line of text; nothing is a blank.

    Args:
        heights: Their heights.
    """
    merged = _merged(heights)
    step = max([1, *merged]) / len(_EIGHTHS)
    return "".join(_EIGHTHS[math.ceil(each / step) - 1] if each else " " for each in merged)


def columns(stacks: Mapping[str, Sequence[int]], said: str) -> Html:
    """Return columns from left to right, each of parts that stand on one another.

    Args:
        stacks: The heights of the parts by colour, the lowest first; all equally many.
        said: What a reader who does not see it is told.
    """
    merged = {color: _merged(heights) for color, heights in stacks.items()}
    totals = [sum(parts) for parts in zip(*merged.values(), strict=True)]
    scale, tops = _HEIGHT / max([1, *totals]), [float(_HEIGHT)] * len(totals)
    parts = []
    for color, heights in merged.items():
        for place, height in enumerate(heights):
            if height:
                tops[place] -= height * scale
                at = (place * (_COLUMN + _GAP), tops[place], _COLUMN, height * scale)
                parts.append(_rectangle(*at, color))
    return _picture(len(totals) * (_COLUMN + _GAP), _HEIGHT, said, parts)


def share_bars(shares: Mapping[str, float]) -> Html:
    """Return a bar and a percentage for each share.

    Args:
        shares: From 0 to 1, by name.
    """
    rows = "".join(
        f"<tr><td>{escaped(name)}</td><td>{_bar(share)}</td><td>{share:.0%}</td></tr>"
        for name, share in shares.items()
    )
    return Html(f"<table>{rows}</table>")


def _bar(share: float) -> Html:
    part = _rectangle(0, 0, share * _BAR, _THICK, BLUE)
    return _picture(_BAR, _THICK, f"{share:.0%}", [part])


def _merged(heights: Sequence[int]) -> list[int]:
    step = -(-len(heights) // MOST_COLUMNS) or 1
    return [sum(heights[place : place + step]) for place in range(0, len(heights), step)]


def _rectangle(x: float, y: float, width: float, height: float, color: str) -> str:
    sizes = f'x="{x:g}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
    return f'<rect {sizes} fill="{escape(color)}"/>'


def _picture(width: int, height: int, said: str, parts: Sequence[str]) -> Html:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escaped(said)}" {size}>'
        f"{''.join(parts)}</svg>"
    )
