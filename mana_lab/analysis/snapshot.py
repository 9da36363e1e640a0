"""A snapshot: the views as a source had them at one time, and what was made of them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from mana_lab.analysis.duck import Duck, lock, open_duck
from mana_lab.analysis.sources import Source
from mana_lab.analysis.views import add_derived


@dataclass
class Snapshot:
    """The views of a source at one time.

    Attributes:
        state: What :meth:`Source.state` was then.
        duck: Where they can be asked.
        made: What was made of the rows, by name.
        holders: How many are in the midst of reading it.
        changed: Whether a query changed it, so that it is no longer what the source had.
    """

    state: object
    duck: Duck
    made: dict[Hashable, object] = field(default_factory=dict)
    holders: int = 0
    changed: bool = False

    @classmethod
    def of(cls, source: Source, state: object, labs: tuple[str, ...]) -> Snapshot:
        """Read a source.

        Args:
            source: Where the rows come from.
            state: What its state is.
            labs: The columns that say of which lab a row is.
        """
        duck = open_duck()
        source.fill(duck)
        add_derived(duck, labs)
        lock(duck)
        return cls(state, duck)

    def close(self) -> None:
        """Let go of the rows."""
        self.duck.close()
