"""One tick's way to its model: limited, kept on tape, paced and counted."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import ValidationError
from pydantic_ai.exceptions import ModelConnectionError, UnexpectedModelBehavior
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from mana_lab.errors import ProtocolError
from mana_lab.runner.meter import Meter, Usage
from mana_lab.runner.models.counting import most_usage, usage_of
from mana_lab.runner.models.failures import FAILURES, may_be_billed, read_failure
from mana_lab.runner.models.pace import Pace
from mana_lab.runner.models.prices import Pricing
from mana_lab.runner.models.toolset import digest_of
from mana_lab.runner.playing.limits import Allowance
from mana_lab.runner.playing.wording import sendable, sendable_json
from mana_lab.runner.tape import Tape

_VOLATILE = frozenset({"timestamp", "run_id", "conversation_id"})
_NOT_KEPT = _VOLATILE | {"provider_url"}
"""What a tape does without: it is the same wherever the model stands."""


@dataclass(frozen=True)
class Line:
    """What all ticks of a brain share on their way to the model.

    Attributes:
        model: The model.
        name: What it is called.
        pricing: What its tokens cost; None if nobody knows.
        pace: Makes the requests.
        answer_tokens: How many tokens one answer may have.
        stream: Whether answers come in pieces.
    """

    model: Model
    name: str
    pricing: Pricing | None
    pace: Pace
    answer_tokens: int
    stream: bool


class TickModel(WrapperModel):
    """The model as one part of a tick asks it.

    The tick's own limits hold for answers from a tape, too, so that a replayed tick ends where it
    ended; the meter counts only what is really asked.

    Args:
        line: What it shares with other ticks.
        allowance: What this part of the tick may take.
        meter: Counts what is really asked.
        tape: Asks, or knows the answer.
        random: Shortens the pauses between tries.
    """

    def __init__(
        self, line: Line, allowance: Allowance, meter: Meter, tape: Tape, random: random.Random
    ) -> None:
        super().__init__(line.model)
        self._line = line
        self._allowance = allowance
        self._meter = meter
        self._tape = tape
        self._random = random

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask the model, or the tape.

        Raises:
            BudgetExhaustedError: A limit does not admit the request.
            ProviderRefusedError: The provider does not take it.
            ProviderUnavailableError: The provider does not answer.
            ProtocolError: What the tape holds is no answer of a model.
        """
        line = self._line
        at_most = most_usage(messages, model_request_parameters, line.answer_tokens, line.pricing)
        self._allowance.check(at_most)
        attempt = partial(
            self._attempt, messages, model_settings, model_request_parameters, at_most
        )
        asked = _asked(line.name, messages, model_request_parameters)
        answer = await self._tape.answer(asked, partial(self._ask, attempt))
        response = _response(answer)
        self._allowance.count(usage_of(response, at_most, line.pricing))
        return response

    async def _ask(self, attempt: Callable[[], Awaitable[ModelResponse]]) -> Any:
        response = await self._line.pace.run(attempt, self._random)
        [answer] = ModelMessagesTypeAdapter.dump_python([_whole(response)], mode="json")
        return {name: value for name, value in answer.items() if name not in _NOT_KEPT}

    async def _attempt(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        at_most: Usage,
    ) -> ModelResponse:
        await self._meter.reserve(at_most)
        used = at_most  # what is not known counts in full
        try:
            response = await self._send(messages, settings, parameters)
            used = usage_of(response, at_most, self._line.pricing)
        except FAILURES as error:
            if not may_be_billed(error):
                used = Usage(requests=1)
            raise read_failure(error) from None
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ProtocolError(
                f"the answer of {self._line.name} cannot be read ({type(error).__name__}: {error})"
            ) from error
        finally:
            await self._meter.settle(used)
        if self._line.pricing is None:
            return response
        priced = copy(response.usage)
        priced.cost = used.cost_usd
        return replace(response, usage=priced)

    async def _send(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        if not self._line.stream:
            return await self.wrapped.request(messages, settings, parameters)
        async with self.wrapped.request_stream(messages, settings, parameters) as pieces:
            try:
                async for _ in pieces:
                    pass
            except ModelConnectionError as error:  # what came so far is paid for
                raise UnexpectedModelBehavior("the stream broke off") from error
            return pieces.get()


def _asked(
    model: str, messages: Sequence[ModelMessage], parameters: ModelRequestParameters
) -> dict[str, Any]:
    """Return for the tape what is asked: what is new since the last answer, which it has."""
    answers = [
        place for place, message in enumerate(messages) if isinstance(message, ModelResponse)
    ]
    fresh = list(messages[answers[-1] + 1 :] if answers else messages)
    tools = [*parameters.function_tools, *parameters.output_tools]
    told = (
        {}
        if answers
        else {
            "instructions": [part.content for part in parameters.instruction_parts or ()],
            "tools": [tool.name for tool in tools],
            "tools_hash": digest_of(tools),
        }
    )
    dumped = ModelMessagesTypeAdapter.dump_python(fresh, mode="json", exclude_none=True)
    return {"model": model, "answered": len(answers), **told, "messages": _lasting(dumped)}


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if name not in _VOLATILE}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


def _whole(response: ModelResponse) -> ModelResponse:
    """Return an answer without halves of characters, which JSON can escape and UTF-8 cannot say."""
    parts: list[ModelResponsePart] = []
    for part in response.parts:
        if isinstance(part, TextPart):
            parts.append(replace(part, content=sendable(part.content)))
        elif isinstance(part, ToolCallPart):
            parts.append(replace(part, args=sendable_json(part.args)))
        else:
            parts.append(part)
    return replace(response, parts=parts)


def _response(answer: Any) -> ModelResponse:
    try:
        [response] = ModelMessagesTypeAdapter.validate_python([answer])
    except ValidationError:
        response = None
    if not isinstance(response, ModelResponse):
        raise ProtocolError("what the tape holds is not the answer of a model; record it anew")
    return response
