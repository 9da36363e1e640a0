"""How a server that is stopping tells the requests it still serves."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.types import Scope

_DRAINING = "mana.draining"


class Draining:
    """The two moments of a server's stop.

    Attributes:
        begun: Set when no new connections are taken: streams without an end shall end now.
        over: Set when the time for finishing is up: whoever still waits shall give up.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.over = asyncio.Event()

    def announce(self, state: MutableMapping[str, Any]) -> None:
        """Let requests find this, through the state that a server puts into each scope."""
        state[_DRAINING] = self


def draining_of(scope: Scope) -> Draining:
    """Return what tells when this request's server stops; of a server that does not say, never."""
    found = scope.get("state", {}).get(_DRAINING)
    return found if isinstance(found, Draining) else Draining()
