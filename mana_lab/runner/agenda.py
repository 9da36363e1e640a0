"""The agenda: who is due at which moment of simulated time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from mana_lab.identity.cadence import is_due
from mana_lab.identity.wire import DuePersona


@dataclass(frozen=True)
class Due:
    """Somebody who is due.

    Attributes:
        persona: Who.
        active_at: When they were active last; None for never.
    """

    persona: DuePersona
    active_at: datetime | None


@dataclass
class Agenda:
    """The personas of a run, and when each of them was active last.

    It follows identity's own rule, so that a runner and the service agree about who is due; here it
    is asked about moments of simulated time, whatever the services' clocks say.

    Args:
        personas: Those who take part.
    """

    personas: Iterable[DuePersona]
    _known: dict[str, DuePersona] = field(init=False)
    _active_at: dict[str, datetime | None] = field(init=False)

    def __post_init__(self) -> None:
        self._known = {each.email: each for each in self.personas}
        self._active_at = {each.email: each.last_active_at for each in self._known.values()}

    def __iter__(self) -> Iterator[DuePersona]:
        return iter(self._known.values())

    def get(self, email: str) -> DuePersona | None:
        """Return the persona of an address; None if they do not take part."""
        return self._known.get(email)

    def due(self, moment: datetime) -> list[Due]:
        """Return who is due at *moment*, by e-mail address."""
        return [
            Due(each, active_at)
            for email, each in sorted(self._known.items())
            if is_due(each.tick_cadence, each.timezone, active_at := self._active_at[email], moment)
        ]

    def expected(self, moments: Iterable[datetime]) -> int:
        """Return how many ticks there will be at *moments*, if nothing comes in between."""
        rehearsal = Agenda(self)
        rehearsal._active_at = dict(self._active_at)
        count = 0
        for moment in moments:
            for due in rehearsal.due(moment):
                rehearsal.note(due.persona.email, moment)
                count += 1
        return count

    def note(self, email: str, moment: datetime) -> None:
        """Note that somebody was active at *moment*."""
        before = self._active_at.get(email)
        if before is None or before < moment:
            self._active_at[email] = moment
