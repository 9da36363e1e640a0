"""Tapes: what models and the app said, by the place in the tick at which they were asked.

An answer is found by its place, not by what was asked: ids and times in a request differ from life
to life. What was asked is compared all the same, without those, so that the first place at which
the lives differ can be named.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from mana_lab.errors import TapeEndedError
from mana_lab.runner.masking import masked_hash

Ask: TypeAlias = Callable[[], Awaitable[Any]]
"""Asks the model or the app; returns the answer as JSON."""
Track: TypeAlias = Literal["model", "app"]
"""Who was asked; each has its own places."""


class Tape(Protocol):
    """What a brain asks its model through, so that the answer can be kept and given again."""

    async def answer(self, request: Any, ask: Ask) -> Any:
        """Return the answer to the tick's next request.

        Args:
            request: What is asked, as JSON; compared with what was asked then.
            ask: Asks; is not called where the answer is known.

        Returns:
            The answer as JSON.
        """
        ...


class Live:
    """No tape: the model is asked each time."""

    async def answer(self, request: Any, ask: Ask) -> Any:  # noqa: ARG002 - nothing is compared
        """Ask the model."""
        return await ask()


@dataclass(frozen=True)
class Entry:
    """One answer.

    Attributes:
        step: Its place on its track, from 0.
        request_hash: SHA-256 of what was asked, without ids and times, in hex.
        answer: What was answered, as JSON.
    """

    step: int
    request_hash: str
    answer: Any


@dataclass(frozen=True)
class Divergence:
    """The first place at which a tick differs from the one on the tape.

    Attributes:
        track: Who was asked.
        step: The place, from 0.
    """

    track: Track
    step: int

    def __str__(self) -> str:
        return f"step {self.step} of what the {self.track} was asked"


Keep: TypeAlias = Callable[[Entry], Awaitable[None]]
"""Stores an entry, durably."""


class Played:
    """One track of a tick: answers from the tape as far as it goes, then live ones.

    Args:
        track: Who is asked.
        known: The entries that there are, by their places.
        keep: Stores those that come; None where the tape is all there is.
    """

    def __init__(self, track: Track, known: Sequence[Entry], keep: Keep | None) -> None:
        self._track = track
        self._known = known
        self._keep = keep
        self._next = 0
        self.divergence: Divergence | None = None

    async def answer(self, request: Any, ask: Ask) -> Any:
        """Return the answer at the next place, from the tape or live.

        Raises:
            TapeEndedError: The tape is all there is, and has ended.
        """
        step, asked = self._next, masked_hash(request)
        if step < len(self._known):
            self._next += 1
            entry = self._known[step]
            if entry.request_hash != asked and self.divergence is None:
                self.divergence = Divergence(self._track, step)
            return entry.answer
        if self._keep is None:
            self.divergence = self.divergence or Divergence(self._track, step)
            raise TapeEndedError(f"the tape has no answer to step {step} of the {self._track}")
        given = await ask()
        await self._keep(Entry(step, asked, given))
        self._next += 1
        return given
