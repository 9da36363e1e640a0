"""Tokens: how many a request may take, and how many it took."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.usage import RequestUsage

from mana_lab.runner.meter import Usage
from mana_lab.runner.models.prices import Pricing, most_it_costs

_BYTES_PER_TOKEN = 2
_OVERHEAD = 64


def most_usage(
    messages: Sequence[ModelMessage],
    parameters: ModelRequestParameters,
    answer_tokens: int,
    pricing: Pricing | None,
) -> Usage:
    """Return what a request may take at the most.

    What the provider has counted before is known. Of the rest, a token has two bytes or more;
    prose and JSON come to some four.

    Args:
        messages: The conversation, up to what is to be answered.
        parameters: The tools on offer, and what the model is told.
        answer_tokens: How many tokens the answer may have.
        pricing: What tokens cost; None counts them as free.
    """
    known, fresh = 0, messages
    for place, message in enumerate(messages):
        if isinstance(message, ModelResponse) and message.usage.input_tokens:
            known = message.usage.input_tokens + message.usage.output_tokens
            fresh = messages[place + 1 :]
    size = len(ModelMessagesTypeAdapter.dump_json(list(fresh)))
    if not known:
        size += sum(len(part.content.encode()) for part in parameters.instruction_parts or ())
        size += sum(
            len(tool.name)
            + len(tool.description or "")
            + len(json.dumps(tool.parameters_json_schema))
            for tool in (*parameters.function_tools, *parameters.output_tools)
        )
    tokens = known + size // _BYTES_PER_TOKEN + _OVERHEAD
    cost = Decimal(0) if pricing is None else most_it_costs(pricing, tokens, answer_tokens)
    return Usage(1, tokens, answer_tokens, cost)


def usage_of(response: ModelResponse, at_most: Usage, pricing: Pricing | None) -> Usage:
    """Return what a request took, by what the provider says.

    A server that counts nothing is taken to have read as much as it may have.

    Args:
        response: The answer.
        at_most: What the request could take.
        pricing: What tokens cost; None counts them as free.
    """
    usage = response.usage
    if usage.input_tokens or usage.output_tokens:
        read, written = usage.input_tokens, usage.output_tokens
    else:
        read = at_most.input_tokens
        written = len(ModelMessagesTypeAdapter.dump_json([response])) // _BYTES_PER_TOKEN
    if usage.cost is not None:
        return Usage(1, read, written, usage.cost)
    if pricing is None:
        return Usage(1, read, written)
    try:
        cost = pricing.cost_of(usage if usage.has_values() else _plain(read, written))
    except ValueError:  # parts of the count are more than the whole
        cost = pricing.cost_of(_plain(read, written))
    return Usage(1, read, written, cost)


def _plain(read: int, written: int) -> RequestUsage:
    return RequestUsage(input_tokens=read, output_tokens=written)
