"""Leaving the app: what a person says on the way out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mana_lab.runner.brain import Scene
from mana_lab.runner.playing.hands import Told, refusal
from mana_lab.runner.playing.memory import LONGEST_NOTE, kept_with, visit_of
from mana_lab.runner.playing.wording import problems_in, sendable

_LONGEST_REASON = 500


class Leave(BaseModel):
    """Leave the app: you are done for today, or will not go on with it."""

    model_config = ConfigDict(extra="ignore")

    note: str = Field(
        default="",
        description="What you did and what you want to remember next time, in your own words, in "
        f"at most {LONGEST_NOTE} characters",
    )
    gave_up: str | None = Field(
        default=None,
        description="Why you would not go on with the app after this; leave it out if you would",
    )


class Farewell:
    """How a visit ended.

    Attributes:
        note: What the person wants to remember; until they leave, what they said last.
        gave_up: Why they would not go on with the app; None if they would.
        left: Whether they have left.
    """

    def __init__(self) -> None:
        self.note = ""
        self.gave_up: str | None = None
        self.left = False

    def said(self, text: str | None) -> None:
        """Keep what the person said on the way."""
        if not self.left:
            self.note = text or self.note

    def leave(self, given: Any) -> Told | None:
        """Let the person go; returns what they are told if their words cannot be read."""
        try:
            told = Leave.model_validate(given)
        except ValidationError as error:
            return refusal("invalid-arguments", problems_in(error))
        self.note = told.note or self.note
        if told.gave_up and told.gave_up.strip():
            self.gave_up = sendable(told.gave_up)[:_LONGEST_REASON]
        self.left = True
        return None

    def remember(self, scene: Scene) -> None:
        """Keep for the person's next visit how this one was."""
        scene.memory.gave_up = self.gave_up
        scene.memory.kept = kept_with(scene.past, visit_of(scene, self.note))
