"""All that a model is told before a visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mana_lab.identity.wire import Space
from mana_lab.runner.brain import Scene
from mana_lab.runner.playing.prompt import opening, person, visiting
from mana_lab.runner.playing.wording import digest


@dataclass(frozen=True)
class Briefing:
    """What a model is told before a visit.

    Attributes:
        instructions: Who the person is and what the app is.
        opening: What is new today.
        offer: A hash of what the app offers.
    """

    instructions: str
    opening: str
    offer: str

    @classmethod
    def of(
        cls, scene: Scene, shared_spaces: Sequence[Space], most_calls: int, offer: str
    ) -> Briefing:
        """Return what is told of a situation.

        Args:
            scene: The situation.
            shared_spaces: The spaces that the person shares with others.
            most_calls: How many tools may be called.
            offer: A hash of what the app offers.
        """
        told = f"{person(scene)}\n\n{visiting(scene, most_calls)}"
        return cls(told, opening(scene, shared_spaces), offer)

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, in hex."""
        return digest([self.instructions, self.opening, self.offer])
