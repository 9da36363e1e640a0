"""A visit: the conversation in which a model uses the app as a person."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from mana_lab.errors import BudgetExhaustedError, ProviderRefusedError
from mana_lab.runner.models.memory import LONGEST_NOTE
from mana_lab.runner.models.prompt import LEAVE, problems_in, sendable
from mana_lab.runner.models.toolset import Toolset, arguments_of, refusal

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


LEAVE_TOOL = ToolDefinition(
    name=LEAVE, description=Leave.__doc__, parameters_json_schema=Leave.model_json_schema()
)


@dataclass
class Visit:
    """A visit to the app.

    pydantic-ai's models are asked directly, not through its agent: that one answers calls of
    unknown tools itself, so that no audit sees them, and ends the run after some.

    Attributes:
        model: The model, limited and counted.
        settings: How it is to answer.
        toolset: The app's tools.
        note: What the person wants to remember.
        gave_up: Why they would not go on with the app; None if they would.
    """

    model: Model
    settings: ModelSettings
    toolset: Toolset
    note: str = ""
    gave_up: str | None = None
    _left: bool = field(default=False, repr=False)

    async def run(self, instructions: str, opening: str, tools: list[ToolDefinition]) -> None:
        """Converse until the person leaves, or a limit of the tick ends the visit.

        Args:
            instructions: Who the person is and what the app is.
            opening: What is new today.
            tools: What the app offers.

        Raises:
            BudgetExhaustedError: The persona or the run may take no more.
            ManaLabError: The model's provider does not answer, or not like this.
        """
        parameters = ModelRequestParameters(
            function_tools=[*tools, LEAVE_TOOL],
            instruction_parts=[InstructionPart(content=instructions)],
        )
        messages: list[ModelMessage] = [ModelRequest.user_text_prompt(opening)]
        while not self._left:
            out_of_time = self.toolset.is_spent
            try:
                response = await model_request(
                    self.model,
                    messages,
                    model_settings=self.settings,
                    model_request_parameters=parameters,
                )
            except BudgetExhaustedError as limit:
                if limit.scope != "tick":
                    raise
                return
            _check_that_it_speaks(response)
            self.note = response.text or self.note
            results = await self._do(response)
            self._left = self._left or out_of_time or not results
            messages += [response, ModelRequest(parts=results)]

    async def _do(self, response: ModelResponse) -> list[ModelRequestPart]:
        results: list[ModelRequestPart] = []
        for call in response.tool_calls:
            if call.tool_name == LEAVE:
                if (refused := self._leave(call)) is None:
                    return []
                results.append(refused)
            else:
                results.append(await self.toolset.call(call))
        return results

    def _leave(self, call: ToolCallPart) -> ModelRequestPart | None:
        try:
            told = Leave.model_validate(arguments_of(call))
        except ValidationError as error:
            return refusal(call, "invalid-arguments", problems_in(error))
        self.note = told.note or self.note
        if told.gave_up and told.gave_up.strip():
            self.gave_up = sendable(told.gave_up)[:_LONGEST_REASON]
        self._left = True
        return None


def _check_that_it_speaks(response: ModelResponse) -> None:
    if response.tool_calls or response.text or response.finish_reason in (None, "stop"):
        return
    raise ProviderRefusedError(
        f"the model's answer ended before it said anything ({response.finish_reason}); where it "
        "was too long, raise ModelLimits(answer_tokens=…)"
    )
