"""Ratings, asked of a model as typed output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from mana_lab.runner.brain import Rating, Scene
from mana_lab.runner.models.toolset import arguments_of, result_of
from mana_lab.runner.playing.hands import refusal
from mana_lab.runner.playing.judgement import (
    Judgements,
    UnreadableError,
    json_in,
    question,
    ratings_of,
)
from mana_lab.runner.playing.prompt import person
from mana_lab.runner.recorder import Action

RATE = "rate"

_HOW = f"Call {RATE} once, with all of them."

RATE_TOOL = ToolDefinition(
    name=RATE,
    description="Rate the modules of the app that you used.",
    parameters_json_schema=Judgements.model_json_schema(),
    kind="output",
)


@dataclass(frozen=True)
class Judge:
    """Asks a model for the ratings of a tick.

    It does so in a conversation of its own, with the audited record of the calls before it, so
    that a rating rests on what happened and not on what the model made of it on the way.

    Attributes:
        model: The model, limited and counted.
        settings: How it is to answer.
    """

    model: Model
    settings: ModelSettings

    async def rate(self, scene: Scene, actions: Sequence[Action]) -> list[Rating]:
        """Return a rating of each module that *actions* touched.

        Args:
            scene: The situation, with what the calls brought.
            actions: The calls; some module was touched.

        Raises:
            RatingUnreadableError: Two answers could not be taken as they are.
            BudgetExhaustedError: A limit does not admit the request.
            ManaLabError: The model's provider does not answer, or not like this.
        """
        parameters = ModelRequestParameters(
            output_mode="tool",
            output_tools=[RATE_TOOL],
            allow_text_output=False,
            instruction_parts=[InstructionPart(content=person(scene))],
        )
        messages: list[ModelMessage] = [
            ModelRequest.user_text_prompt(question(scene, actions, _HOW))
        ]
        for last in (False, True):
            response = await model_request(
                self.model,
                messages,
                model_settings=self.settings,
                model_request_parameters=parameters,
            )
            try:
                return ratings_of(_answer_in(response), actions)
            except UnreadableError as problem:
                if last:
                    raise problem.final() from None
                messages += [response, ModelRequest(parts=_correction(response, problem))]
        raise AssertionError  # pragma: no cover


def _answer_in(response: ModelResponse) -> object:
    calls = response.tool_calls
    if len(calls) > 1:
        raise UnreadableError(f"call {RATE} once, with all modules, and nothing else")
    # models without tools answer in text
    given = arguments_of(calls[0]) if calls else json_in(response.text or "")
    if given is None:
        raise UnreadableError(f"call {RATE} with a JSON object")
    return given


def _correction(response: ModelResponse, problem: UnreadableError) -> list[ModelRequestPart]:
    if not response.tool_calls:
        return [UserPromptPart(problem.correction)]
    told = refusal("unreadable", problem.correction)
    return [result_of(call, told) for call in response.tool_calls]
