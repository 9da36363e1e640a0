"""The app as one signed-in user drives it: every call is audited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mcp import Client

from mana_lab.clock import Clock
from mana_lab.closing import Closing
from mana_lab.errors import NotFoundError
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import Space, User
from mana_lab.runner.account import Account
from mana_lab.runner.audited import AuditedCalls
from mana_lab.runner.calls import CallOutcome, ToolInfo
from mana_lab.runner.connection import Agree, BearerAuth, Connection, Connections
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.listing import every_tool, tool_info
from mana_lab.runner.recorder import Recorder


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
        once: Callable[[Sequence[ToolInfo]], Sequence[ToolInfo]] = lambda offer: offer,
    ) -> None:
        self.user = user
        self.space = space
        self.shared_spaces = tuple(shared_spaces)
        self.recorder = recorder
        self._connections = connections
        self._calls = AuditedCalls(recorder, clock)
        self._once = once

    @classmethod
    async def open(
        cls,
        account: Account,
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
            account: Whose app it is.
            identity: The identity service.
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
        user, token = await account.enter()
        spaces = await identity.spaces(token)
        space = _pick(spaces, space_id)
        auth = BearerAuth(token, account.token)
        connect = partial(Connection.open, endpoint, user.id, auth, agree=agree)
        connections = Connections(connect)
        await connections.to(space.id)
        shared = sorted(
            (each for each in spaces if each.type != "personal"), key=lambda each: each.slug or ""
        )
        return cls(
            user,
            space,
            recorder,
            connections,
            clock=clock,
            shared_spaces=shared,
            once=endpoint.once,
        )

    async def server(self) -> str:
        """Return what the server calls itself; empty if it does not.

        Raises:
            ServiceUnavailableError: The connection was closed or lost.
        """
        info = (await self._client(self.space.id)).server_info
        return "" if info is None else info.name

    async def tools(self) -> list[ToolInfo]:
        """Return the tools on offer, sorted by name.

        Raises:
            ManaLabError: The gateway refused, or cannot be reached.
        """
        tools = await every_tool(await self._client(self.space.id))
        offer = sorted(map(tool_info, tools), key=lambda tool: tool.name)
        return list(self._once(offer))

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
        reach = partial(self._client, space_id or self.space.id)
        return await self._calls.call(reach, name, arguments, shared=space_id is not None)

    async def close(self) -> None:
        """Leave the app; again is harmless."""
        await self._connections.close()

    async def _client(self, space_id: str) -> Client:
        return (await self._connections.to(space_id)).client


def _pick(spaces: list[Space], space_id: str | None) -> Space:
    for space in spaces:
        if space_id in (space.id, space.slug) or (space_id is None and space.type == "personal"):
            return space
    wanted = "a personal space" if space_id is None else "that space"
    raise NotFoundError(f"the user is not in {wanted}; they are in {len(spaces)} spaces")
