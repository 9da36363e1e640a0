"""Heights: the numbers that the records of a replica have in one field, sorted.

Kept up to date record by record, so that the highest is known without a look at all of them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from mana_lab.crypto.jsjson import MAX_SAFE_INTEGER


class Heights:
    """The numbers in one field; what JavaScript does not hold exactly is none."""

    def __init__(self) -> None:
        self._of: dict[str, float] = {}
        self._sorted: list[float] = []

    def set(self, record_id: str, value: Any) -> None:
        """Take the value that a record has in the field now; None for one without."""
        known = self._of.pop(record_id, None)
        if known is not None:
            del self._sorted[bisect_left(self._sorted, known)]
        if isinstance(value, int | float) and abs(value) < MAX_SAFE_INTEGER:
            self._of[record_id] = value
            insort(self._sorted, value)

    @property
    def highest(self) -> float | None:
        """The highest of them; None where there is none."""
        return self._sorted[-1] if self._sorted else None
