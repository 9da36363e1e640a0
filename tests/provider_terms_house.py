"""What a model provider is asked and what it may answer, whatever the wire."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Wire: TypeAlias = Literal["messages", "chat", "responses"]
"""Anthropic Messages, OpenAI-compatible chat completions, OpenAI Responses."""


@dataclass(frozen=True)
class Use:
    """A tool that the model wants called.

    Attributes:
        name: The tool, by the name that the request has for it.
        arguments: Its arguments; a text is sent as it is, be it JSON or not.
        id: Its id; one that follows from the request when None.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None

    @property
    def text(self) -> str:
        given = self.arguments
        return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


@dataclass(frozen=True)
class Result:
    """What became of a tool that the model wanted called."""

    id: str
    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Turn:
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    text: str = ""
    uses: tuple[Use, ...] = ()
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A request, read.

    Attributes:
        wire: Which API it came over.
        path: The path, without the query.
        query: The query.
        headers: By their names in lower case; ``x-peer`` is the client's end of the connection.
        body: The JSON as it was sent.
        model: The model that was named.
        system: All system texts, by newlines.
        turns: The conversation; results of tools are in user turns, as texts.
        tools: The tools on offer, by name: ``{"description", "schema"}``.
        stream: Whether the answer is to come as server-sent events.
    """

    wire: Wire
    path: str
    query: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    model: str
    system: str
    turns: tuple[Turn, ...]
    tools: Mapping[str, Mapping[str, Any]]
    stream: bool

    @property
    def text(self) -> str:
        """All that the model reads, without the tools."""
        told = [self.system]
        for turn in self.turns:
            told += [turn.text, *(use.text for use in turn.uses), *(r.text for r in turn.results)]
        return "\n".join(told)

    @property
    def results(self) -> tuple[Result, ...]:
        """What became of all tools so far, in order."""
        return tuple(result for turn in self.turns for result in turn.results)

    @property
    def uses(self) -> tuple[Use, ...]:
        """All tools that were wanted so far, in order."""
        return tuple(use for turn in self.turns for use in turn.uses)

    @property
    def digest(self) -> str:
        """What ids derive from: the same request gets the same ones."""
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()

    @property
    def tokens(self) -> int:
        """How many tokens it is said to have: one for four characters."""
        return len(json.dumps(self.body, ensure_ascii=False)) // 4 + 1


@dataclass(frozen=True)
class Say:
    """An answer.

    Attributes:
        text: What is said first.
        uses: Which tools are to be called.
        thinking: What is thought before; the chat API has no place for it.
        stop: Why it ends, in the wire's own word; what fits when None.
        input_tokens: Tokens read; a quarter of the request's characters when None.
        output_tokens: Tokens written; a quarter of the answer's characters when None.
        cached_tokens: How many of the tokens read came from the cache.
        cut: Whether the connection breaks in the middle of the stream.
    """

    text: str = ""
    uses: tuple[Use, ...] = ()
    thinking: str = ""
    stop: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    cut: bool = False

    def named(self, asked: Asked) -> list[Use]:
        """Return the uses with an id each."""
        prefix = "toolu_" if asked.wire == "messages" else "call_"
        return [
            Use(use.name, use.arguments, use.id or f"{prefix}{asked.digest[:16]}{place}")
            for place, use in enumerate(self.uses)
        ]

    def tokens(self, asked: Asked) -> tuple[int, int]:
        """Return how many tokens were read and written."""
        said = len(self.text) + len(self.thinking) + sum(len(use.text) for use in self.uses)
        read = asked.tokens if self.input_tokens is None else self.input_tokens
        return read, said // 4 + 1 if self.output_tokens is None else self.output_tokens


@dataclass(frozen=True)
class Fail:
    """An error.

    Attributes:
        status: Such as 429 (too many requests) or 529 (Anthropic is overloaded).
        message: What it says.
        retry_after: The header of that name.
        type: The error's type; what fits the status when None.
        after: A text that is streamed before the error comes, within the stream.
    """

    status: int
    message: str = "the provider of the tests refuses"
    retry_after: str | None = None
    type: str | None = None
    after: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"retry-after": self.retry_after}


@dataclass(frozen=True)
class Raw:
    """Whatever is to be sent."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


Answer: TypeAlias = Say | Fail | Raw


def pieces(text: str, size: int = 11) -> list[str]:
    """Cut a text as streams do; an empty one has no piece."""
    return [text[start : start + size] for start in range(0, len(text), size)]
