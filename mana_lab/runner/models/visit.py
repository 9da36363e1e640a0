"""A visit: the conversation in which a model uses the app as a person."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from mana_lab.errors import BudgetExhaustedError, ProviderRefusedError
from mana_lab.runner.models.toolset import arguments_of, result_of
from mana_lab.runner.playing.hands import Hands
from mana_lab.runner.playing.leaving import Farewell, Leave
from mana_lab.runner.playing.prompt import LEAVE

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
        hands: The app's tools.
        farewell: How the visit ended.
    """

    model: Model
    settings: ModelSettings
    hands: Hands
    farewell: Farewell = field(default_factory=Farewell)

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
        while not self.farewell.left:
            out_of_time = self.hands.is_spent
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
            self.farewell.said(response.text)
            results = await self._do(response)
            if out_of_time or not results:
                return
            messages += [response, ModelRequest(parts=results)]

    async def _do(self, response: ModelResponse) -> list[ModelRequestPart]:
        results: list[ModelRequestPart] = []
        for call in response.tool_calls:
            given = arguments_of(call)
            if call.tool_name == LEAVE:
                refused = self.farewell.leave(given)
                if refused is None:
                    return []
                results.append(result_of(call, refused))
            else:
                results.append(result_of(call, await self.hands.call(call.tool_name, given)))
        return results


def _check_that_it_speaks(response: ModelResponse) -> None:
    if response.tool_calls or response.text or response.finish_reason in (None, "stop"):
        return
    raise ProviderRefusedError(
        f"the model's answer ended before it said anything ({response.finish_reason}); where it "
        "was too long, raise ModelLimits(answer_tokens=…)"
    )
