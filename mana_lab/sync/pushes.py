"""Pushes: what became of all that a piece of work wrote, to be told where it is broken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mana_lab.errors import InfrastructureError, ManaLabError

Fate: TypeAlias = Literal["not-written", "unacknowledged", "written"]
"""Whether something was stored; ``unacknowledged`` where the service's answer is missing."""


@dataclass
class Pushes:
    """The pushes of a piece of work.

    Attributes:
        stored: How many were acknowledged.
        unanswered: How many were sent without anybody knowing what became of them.
    """

    stored: int = 0
    unanswered: int = 0

    @property
    def fate(self) -> Fate:
        """Whether something was stored, as far as anybody knows."""
        if self.stored:
            return "written"
        return "unacknowledged" if self.unanswered else "not-written"


_watched: ContextVar[Pushes | None] = ContextVar("mana_pushes", default=None)


@contextmanager
def watched_pushes() -> Iterator[Pushes]:
    """Watch what is pushed while this is held, also by tasks that are begun meanwhile."""
    pushes = Pushes()
    mark = _watched.set(pushes)
    try:
        yield pushes
    finally:
        _watched.reset(mark)


@contextmanager
def one_push() -> Iterator[None]:
    """Tell whoever watches what becomes of the push that is done while this is held."""
    pushes = _watched.get() or Pushes()
    pushes.unanswered += 1
    try:
        yield
    except ManaLabError as error:
        if not isinstance(error, InfrastructureError):
            pushes.unanswered -= 1
        raise
    pushes.unanswered -= 1
    pushes.stored += 1
