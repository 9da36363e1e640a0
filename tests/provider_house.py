"""A model provider on loopback, for brains that are played by a model.

It speaks the Anthropic Messages API (``/v1/messages`` and ``/v1/messages/count_tokens``), the
OpenAI-compatible chat completions API (``…/chat/completions``) and the OpenAI Responses API
(``…/responses``), streamed or not, and refuses what those refuse: requests without a key, tools
whose calls have no result. What it answers is a function of the request::

    def mind(asked):
        if asked.results:
            return Say("That is done.")
        return Say("I write it down.", (Use("todo_create", {"title": "Milk"}),))

    async with provider(mind) as mana_mind:
        AnthropicProvider(base_url=mana_mind.url, api_key="any")
        OpenAIProvider(base_url=f"{mana_mind.url}/v1", api_key="any")

It knows no clock and no chance; the same request gets the same answer, ids included.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from types import ModuleType
from typing import Any, TypeAlias

import provider_chat_house as chat
import provider_messages_house as messages
import provider_responses_house as responses
from provider_terms_house import Answer, Asked, Fail, Raw, Result, Say, Turn, Use
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mana_lab.web.serving import listen, serve

__all__ = [
    "Answer",
    "Asked",
    "Fail",
    "Mind",
    "Provider",
    "Raw",
    "Result",
    "Say",
    "Turn",
    "Use",
    "in_order",
    "provider",
]

Mind: TypeAlias = Callable[[Asked], Answer | Awaitable[Answer]]
"""What decides on the answer to a request."""

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def in_order(*answers: Answer) -> Mind:
    """Return a mind that gives *answers*, one after the other, whatever it is asked."""
    numbers = count()

    def mind(_asked: Asked) -> Answer:
        place = next(numbers)
        return answers[place] if place < len(answers) else Fail(400, "there is no answer left")

    return mind


@dataclass
class Provider:
    """What the provider was asked.

    Attributes:
        mind: Decides on the answers; may be exchanged at any time.
        url: Where it is, without a path: ``http://127.0.0.1:PORT``.
        requests: All requests to a model, in the order in which they arrived.
        counts: All requests to count tokens.
        others: Method and path of everything else that was asked for.
        in_flight: How many requests are being answered.
        most_in_flight: How many there were at the most at one time.
    """

    mind: Mind
    url: str = ""
    requests: list[Asked] = field(default_factory=list)
    counts: list[Asked] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def answer(self, request: Request) -> Response:
        path = request.url.path.rstrip("/")
        wire = _wire_of(path)
        if request.method != "POST" or wire is None:
            return self._elsewhere(request.method, path)
        try:
            body = json.loads(await request.body())
            headers = {**request.headers, "x-peer": str(request.client)}
            asked = wire.read(path, request.url.query, headers, body)
        except (ValueError, KeyError, TypeError, AttributeError) as broken:
            return _failed(wire, Fail(400, f"the request cannot be read: {broken!r}"))
        if path.endswith("/count_tokens"):
            self.counts.append(asked)
            return JSONResponse(messages.count(asked))
        self.requests.append(asked)
        if refusal := wire.wrong(asked):
            return _failed(wire, refusal)
        return await self._think(wire, asked)

    async def _think(self, wire: ModuleType, asked: Asked) -> Response:
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            answer = self.mind(asked)
            if inspect.isawaitable(answer):
                answer = await answer
        finally:
            self.in_flight -= 1
        return _response(wire, asked, answer)

    def _elsewhere(self, method: str, path: str) -> Response:
        self.others.append((method, path))
        if method == "HEAD":
            return Response()
        return _failed(messages, Fail(404, "there is no such thing"))


def _wire_of(path: str) -> ModuleType | None:
    if path.endswith(("/messages", "/messages/count_tokens")):
        return messages
    if path.endswith("/chat/completions"):
        return chat
    return responses if path.endswith("/responses") else None


def _response(wire: ModuleType, asked: Asked, answer: Answer) -> Response:
    if isinstance(answer, Raw):
        return Response(answer.body, answer.status, media_type=answer.content_type)
    if isinstance(answer, Fail) and (answer.after is None or not asked.stream):
        return _failed(wire, answer)
    if not asked.stream:
        return JSONResponse(wire.say(asked, answer))
    if isinstance(answer, Fail):
        events = _one_by_one(wire.stream_failing(asked, answer))
    else:
        events = _one_by_one(wire.stream(asked, answer), breaks_off=answer.cut)
    return StreamingResponse(events, media_type="text/event-stream")


class BrokenOffError(Exception):
    """Makes the server hang up in the middle of an answer."""


async def _one_by_one(events: Iterator[str], *, breaks_off: bool = False) -> AsyncIterator[str]:
    for event in events:
        yield event
    if breaks_off:
        raise BrokenOffError


def _failed(wire: ModuleType, answer: Fail) -> Response:
    return JSONResponse(wire.error(answer), answer.status, answer.headers)


@asynccontextmanager
async def provider(mind: Mind, **options: Any) -> AsyncIterator[Provider]:
    """Run a provider on a free port of 127.0.0.1.

    Args:
        mind: Decides on the answers.
        options: Such as ``limits``, for the server.
    """
    house = Provider(mind)
    app = Starlette(routes=[Route("/{path:path}", house.answer, methods=_METHODS)])
    sock = listen("127.0.0.1", 0)
    house.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    ready = asyncio.Event()
    serving = asyncio.create_task(serve(app, sock, on_ready=ready.set, **options))
    try:
        async with asyncio.timeout(10):
            await ready.wait()
        yield house
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
