"""What servers say of themselves (MCP 2026-07-28, ``server/discover``), kept while they allow."""

from __future__ import annotations

from collections.abc import Callable

from mcp.types import DiscoverResult


class Discoveries:
    """Keeps the answers to ``server/discover``, each for whom the server gave it to.

    A client that is given one asks the server nothing before its first call. So a lost server
    must be told of with :meth:`forget`: the next client then asks again, and notices.

    Args:
        monotonic: Measures how long an answer may be kept, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, DiscoverResult]] = {}

    def of(self, user_id: str) -> DiscoverResult | None:
        """Return what the server said to that user; None where it has to be asked."""
        until, said = self._known.get(user_id, (0.0, None))
        if said is not None and self._monotonic() >= until:
            del self._known[user_id]
            return None
        return said

    def keep(self, user_id: str, said: DiscoverResult | None) -> None:
        """Keep what the server said to that user.

        Args:
            user_id: Whom it was said to; another user's token is another authorization context.
            said: None for a server of the older versions, which are asked by every client.
        """
        if said is not None and user_id not in self._known and said.ttl_ms > 0:
            self._known[user_id] = (self._monotonic() + said.ttl_ms / 1_000, said)

    def forget(self) -> None:
        """Let every next client ask again: the server is gone, or is another one."""
        self._known.clear()
