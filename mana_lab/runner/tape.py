"""Tapes: what models said, by the place in the tick at which they were asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

Ask: TypeAlias = Callable[[], Awaitable[Any]]
"""Asks the model; returns its answer as JSON."""


class Tape(Protocol):
    """What a brain asks its model through, so that the answer can be kept and given again."""

    async def answer(self, request: Any, ask: Ask) -> Any:
        """Return the model's answer to the tick's next request.

        Answers are found by their place in the tick, not by what was asked: ids and times in a
        request differ from run to run.

        Args:
            request: What the model is asked, as JSON; compared with what was asked then.
            ask: Asks the model; is not called where the answer is known.

        Returns:
            The answer as JSON.
        """
        ...


class Live:
    """No tape: the model is asked each time."""

    async def answer(self, request: Any, ask: Ask) -> Any:  # noqa: ARG002 - nothing is compared
        """Ask the model."""
        return await ask()
