"""Ratings, asked of Claude as text that is one JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mana_lab.errors import ProtocolError
from mana_lab.runner.brain import Rating, Scene
from mana_lab.runner.claude.desk import Desk
from mana_lab.runner.playing.judgement import (
    Judgements,
    UnreadableError,
    json_in,
    question,
    ratings_of,
)
from mana_lab.runner.playing.limits import ModelLimits
from mana_lab.runner.playing.prompt import person
from mana_lab.runner.recorder import Action

_HOW = (
    "Answer with one JSON object and nothing else, with all of them and with its fields in the "
    f"order of this JSON Schema: {json.dumps(Judgements.model_json_schema())}"
)


@dataclass(frozen=True)
class Judge:
    """Asks Claude for the ratings of a tick, in a session without tools.

    Attributes:
        desk: Where sessions are held.
        limits: What the tick may take.
    """

    desk: Desk
    limits: ModelLimits

    async def rate(self, scene: Scene, actions: Sequence[Action]) -> list[Rating]:
        """Return a rating of each module that *actions* touched.

        Args:
            scene: The situation, with what the calls brought.
            actions: The calls; some module was touched.

        Raises:
            RatingUnreadableError: Two answers could not be taken as they are.
            BudgetExhaustedError: A limit does not admit the session.
            ManaLabError: Claude Code or the provider does not answer, or not like this.
        """
        told = question(scene, actions, _HOW)
        asked = {"model": self.desk.model, "instructions": person(scene), "opening": told}

        async def ask() -> list[str]:
            return await self._answers(scene, told, actions)

        answer = _last(await scene.tape.answer(asked, ask))
        try:
            return _read(answer, actions)
        except UnreadableError as problem:
            raise problem.final() from None

    async def _answers(self, scene: Scene, told: str, actions: Sequence[Action]) -> list[str]:
        """Return the answer, or that and the one after it was asked for again."""
        allowance = self.limits.for_ratings()
        async with self.desk.session(person(scene), allowance, scene.meter, turns=1) as session:
            answer = await session.ask(told)
            try:
                _read(answer, actions)
            except UnreadableError as problem:
                return [answer, await session.ask(problem.correction)]
            return [answer]


def _read(answer: str, actions: Sequence[Action]) -> list[Rating]:
    given = json_in(answer)
    if given is None:
        raise UnreadableError("answer with one JSON object and nothing else")
    return ratings_of(given, actions)


def _last(answers: Any) -> str:
    if isinstance(answers, list) and answers and isinstance(answers[-1], str):
        return answers[-1]
    raise ProtocolError("what the tape holds is not an answer of Claude's; record it anew")
