"""One session with Claude Code: questions, answers, and what they took."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, TypeAlias

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeSDKClient,
    ClaudeSDKError,
    ResultMessage,
    TextBlock,
    UserMessage,
)

from mana_lab.errors import ProtocolError
from mana_lab.runner.claude.failures import check_result
from mana_lab.runner.meter import Usage
from mana_lab.runner.playing.wording import reason_in, sendable

Heed: TypeAlias = Callable[[AssistantMessage | UserMessage], Awaitable[None]]
"""Is told each message of a session."""


class Session:
    """A conversation with Claude.

    Args:
        client: The SDK's side of it.

    Attributes:
        used: What the session took; None while a question is open, of which nobody knows yet.
    """

    def __init__(self, client: ClaudeSDKClient) -> None:
        self.client = client
        self._requests: set[str] = set()
        self.used: Usage | None = Usage()

    async def ask(
        self, text: str, heed: Heed | None = None, stop: asyncio.Event | None = None
    ) -> str:
        """Ask, and return all that Claude says until it has nothing more to do.

        Args:
            text: The question.
            heed: Is told each message.
            stop: Set it to end the answer: no further request is made.

        Raises:
            ProviderRefusedError: The provider does not take the request.
            ProviderUnavailableError: It does not answer.
            ProtocolError: Claude Code says something that the SDK does not understand.
        """
        end = stop or asyncio.Event()
        stopping = asyncio.create_task(self._interrupt_at(end))
        try:
            return await self._hear(text, heed, end)
        except ClaudeSDKError as error:
            raise ProtocolError(
                f"Claude Code cannot be understood: {reason_in(str(error))}"
            ) from None
        finally:
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)

    async def _hear(self, text: str, heed: Heed | None, stop: asyncio.Event) -> str:
        said: list[str] = []
        troubles: list[str] = []
        self.used = None
        await self.client.query(text)
        async for message in self.client.receive_response():
            if isinstance(message, ResultMessage):
                self.used = _usage(message, len(self._requests))
                if not stop.is_set():
                    check_result(message, troubles)
            elif isinstance(message, AssistantMessage | UserMessage):
                if isinstance(message, AssistantMessage):
                    if message.error:
                        troubles.append(message.error)
                        continue
                    self._requests.add(message.message_id or "")
                    said += [each.text for each in message.content if isinstance(each, TextBlock)]
                if heed is not None:
                    await heed(message)
        return sendable("".join(said))

    async def _interrupt_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        with suppress(ClaudeSDKError):
            await self.client.interrupt()


def read_tokens(usage: Mapping[str, Any]) -> int:
    """Return how many tokens a request read, from the cache or not."""
    return sum(
        int(usage.get(name) or 0)
        for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    )


def _usage(result: ResultMessage, requests: int) -> Usage:
    """Return what a session took so far, all models that Claude Code asked included."""
    models = (result.model_usage or {}).values()
    read = sum(
        each["inputTokens"] + each["cacheReadInputTokens"] + each["cacheCreationInputTokens"]
        for each in models
    )
    written = sum(each["outputTokens"] for each in models)
    return Usage(max(1, requests), read, written, Decimal(str(result.total_cost_usd or 0)))
