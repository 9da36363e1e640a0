"""Key rings: the key that a user's values are encrypted with, and those they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mana_lab.crypto.keys import MasterKey


@dataclass(frozen=True)
class KeyRing:
    """A user's keys; iterating goes from the current one to the oldest.

    Attributes:
        current: What is written with.
        previous: What some values may still be encrypted with, the latest first.
    """

    current: MasterKey
    previous: tuple[MasterKey, ...] = ()

    def called(self, key_id: str) -> Iterator[MasterKey]:
        """Go through the keys of that id."""
        return (key for key in self if key.key_id == key_id)

    def __iter__(self) -> Iterator[MasterKey]:
        yield self.current
        yield from self.previous
