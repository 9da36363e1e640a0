"""The lists of tools that an app offers, each kept once however many personas see it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from mana_lab.runner.calls import ToolInfo


class Offers:
    """The lists that were seen, until they are stored."""

    def __init__(self) -> None:
        self._last: tuple[Sequence[ToolInfo], str] = ((), "")
        self._known: set[str] = set()
        self.fresh: dict[str, list[dict[str, Any]]] = {}
        """Those that are not stored yet, by their hashes."""

    def hash_of(self, tools: Sequence[ToolInfo]) -> str:
        """Return the hash of a list; one that was not seen before is fresh."""
        last, known = self._last
        if len(last) == len(tools) and all(map(_is, last, tools)):
            return known
        kept = [asdict(tool) for tool in tools]
        offer = digest(kept)
        if offer not in self._known:
            self._known.add(offer)
            self.fresh[offer] = kept
        self._last = (tuple(tools), offer)
        return offer

    def stored(self, offers: Iterable[str]) -> None:
        """Forget lists that are stored."""
        for offer in tuple(offers):
            self.fresh.pop(offer, None)


def digest(kept: Sequence[Any]) -> str:
    """Return the hash of a list of tools as it is kept."""
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


def _is(one: ToolInfo, other: ToolInfo) -> bool:
    return one is other
