"""What the personas write about: small tables of texts in their own words."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class Topic(NamedTuple):
    """Something to write about.

    Attributes:
        title: A line that names it; may be empty.
        text: What there is to say; may be empty.
    """

    title: str
    text: str


class Voice(BaseModel):
    """One persona's texts.

    Attributes:
        search: What the persona looks for.
        tags: What it labels things with.
        topics: What it writes, by module; ``any`` stands in for a module without texts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: tuple[str, ...]
    tags: tuple[str, ...]
    topics: dict[str, tuple[Topic, ...]]

    def about(self, module: str) -> tuple[Topic, ...]:
        """Return what the persona writes in *module*."""
        return self.topics.get(module) or self.topics["any"]


@cache
def voices() -> dict[str, Voice]:
    """Return all voices by the persona's short name; ``default`` is everybody else's."""
    text = files(__package__).joinpath("voices.json").read_text(encoding="utf-8")
    return _Voices.model_validate_json(text).voices


def voice_of(slug: str) -> Voice:
    """Return the voice of the persona with that short name, such as ``anna``."""
    known = voices()
    return known.get(slug, known["default"])


class _Voices(BaseModel):
    voices: dict[str, Voice]
