"""The app as one signed-in user drives it: every call is audited."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, RequestParamsMeta, TextContent
from pydantic import ValidationError

from mana_lab.clock import Clock
from mana_lab.closing import Closing
from mana_lab.crypto import canonical_json
from mana_lab.errors import InvalidOutputError, ManaLabError, NotFoundError, ProtocolError
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import Space, User
from mana_lab.runner.calls import CallError, CallOutcome, ToolInfo
from mana_lab.runner.connection import Agree, BearerAuth, Connection, Connections
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.failures import (
    as_exception,
    error_from_library,
    error_from_mcp,
    error_from_result,
)
from mana_lab.runner.recorder import Recorder

IDEMPOTENCY_META = "how.mana/idempotencyKey"
"""Tells the gateway which call this is, so that a redone call writes the same record."""
TOOL_META = "how.mana/toolHash"
"""Where the gateway says which version of the tool answered."""


@dataclass(frozen=True)
class _Answer:
    data: Any = None
    error: CallError | None = None
    tool_hash: str | None = None


class App(Closing):
    """One signed-in user with the app open; an async context manager.

    Open it with :meth:`open`. It signs in through the same door as a human and speaks to the
    gateway through one MCP client.

    Attributes:
        user: Who is signed in.
        space: The space that the calls act in, unless they name another.
        shared_spaces: The spaces that the user shares with others, by slug.
        recorder: Where the audit collects.
    """

    def __init__(
        self,
        user: User,
        space: Space,
        recorder: Recorder,
        connections: Connections,
        *,
        clock: Clock,
        shared_spaces: Sequence[Space] = (),
    ) -> None:
        self.user = user
        self.space = space
        self.shared_spaces = tuple(shared_spaces)
        self.recorder = recorder
        self._connections = connections
        self._clock = clock

    @classmethod
    async def open(
        cls,
        email: str,
        password: str,
        *,
        identity: IdentityClient,
        endpoint: Endpoint,
        recorder: Recorder,
        clock: Clock,
        space_id: str | None = None,
        agree: Agree | None = None,
    ) -> App:
        """Sign in and connect.

        Args:
            email: The account's address.
            password: Its password.
            identity: Where to sign in.
            endpoint: Where the gateway is.
            recorder: Where the audit collects.
            clock: Measures latencies.
            space_id: The id or the slug of the space to act in; the user's personal space when
                None.
            agree: Is asked before something is taken away for good; None refuses it.

        Raises:
            InvalidCredentialsError: E-mail and password do not belong together.
            NotFoundError: The user is in no such space.
            ManaLabError: The gateway refused, or cannot be reached.
        """
        login = await identity.login(email, password)
        spaces = await identity.spaces(login.access_token)
        space = _pick(spaces, space_id)

        async def sign_in_again() -> str:
            return (await identity.login(email, password)).access_token

        auth = BearerAuth(login.access_token, sign_in_again)
        connect = partial(Connection.open, endpoint, login.user.id, auth, agree=agree)
        connections = Connections(connect)
        await connections.to(space.id)
        shared = sorted(
            (each for each in spaces if each.type != "personal"), key=lambda each: each.slug or ""
        )
        return cls(login.user, space, recorder, connections, clock=clock, shared_spaces=shared)

    async def tools(self) -> list[ToolInfo]:
        """Return the tools on offer, sorted by name.

        Raises:
            ManaLabError: The gateway refused, or cannot be reached.
        """
        client = (await self._connections.to(self.space.id)).client
        found: list[ToolInfo] = []
        cursor: str | None = None
        while True:
            try:
                page = await client.list_tools(cursor=cursor)
            except MCPError as error:
                raise as_exception(error_from_mcp(error)) from None
            found += [
                ToolInfo(
                    tool.name,
                    tool.description or "",
                    tool.input_schema,
                    tool.annotations.model_dump(by_alias=True, exclude_none=True)
                    if tool.annotations
                    else {},
                )
                for tool in page.tools
            ]
            cursor = page.next_cursor
            if cursor is None:
                return sorted(found, key=lambda tool: tool.name)

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        space_id: str | None = None,
    ) -> CallOutcome:
        """Call a tool; the audit has a row of it, whatever became of it.

        Args:
            name: The tool, such as ``todo.create``.
            arguments: Its arguments.
            space_id: The space to act in, if it is another one than usual.

        Returns:
            What the tool returned or why it failed; a failed call raises nothing.
        """
        given = dict(arguments or {})
        seq = self.recorder.begin(name, given, shared=space_id is not None)
        answer = _Answer()
        error: CallError | None = CallError("cancelled", "infrastructure", "the call was cancelled")
        started = self._clock.monotonic()
        latency_ms = 0.0
        try:
            connection = await self._connections.to(space_id or self.space.id)
            started = self._clock.monotonic()
            key = self.recorder.idempotency_key(seq)
            answer = await _send(connection, name, given, key)
            error = answer.error
        except ManaLabError as refused:
            error = error_from_library(refused)
        finally:
            latency_ms = (self._clock.monotonic() - started) * 1000
            action = self.recorder.record(
                seq,
                name,
                given,
                error=error,
                latency_ms=latency_ms,
                tool_hash=answer.tool_hash,
            )
        return CallOutcome(name, answer.data, error, latency_ms, action.id, seq)

    async def close(self) -> None:
        """Leave the app; again is harmless."""
        await self._connections.close()


async def _send(connection: Connection, name: str, arguments: dict[str, Any], key: str) -> _Answer:
    try:
        canonical_json(arguments)
        result = await _call(connection.client, name, arguments, key)
    except MCPError as error:
        return _Answer(error=error_from_mcp(error))
    tool_hash = (result.meta or {}).get(TOOL_META)
    known = tool_hash if isinstance(tool_hash, str) else None
    if result.is_error:
        return _Answer(error=error_from_result(result), tool_hash=known)
    return _Answer(_data(result), tool_hash=known)


def _pick(spaces: list[Space], space_id: str | None) -> Space:
    for space in spaces:
        if space_id in (space.id, space.slug) or (space_id is None and space.type == "personal"):
            return space
    wanted = "a personal space" if space_id is None else "that space"
    raise NotFoundError(f"the user is not in {wanted}; they are in {len(spaces)} spaces")


async def _call(client: Client, name: str, arguments: dict[str, Any], key: str) -> CallToolResult:
    try:
        meta = cast(RequestParamsMeta, {IDEMPOTENCY_META: key})
        return await client.call_tool(name, arguments, meta=meta)
    except ValidationError:
        raise ProtocolError("the gateway's answer is not one of MCP") from None
    except RuntimeError:
        # what the client raises when structured content breaks the tool's output schema
        raise InvalidOutputError("the tool's answer does not match its output schema") from None


def _data(result: CallToolResult) -> Any:
    if result.structured_content is not None:
        return result.structured_content
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    try:
        return json.loads(text)
    except ValueError:
        return text
