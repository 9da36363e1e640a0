"""One MCP client, open in a task of its own.

An MCP client must be closed by the task that opened it; the cells of a notebook are different
tasks. So a task of the connection's own opens it, waits, and closes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from functools import partial
from typing import Any, TypeAlias

import httpx2
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequestParams, ElicitResult
from mcp.types.version import LATEST_MODERN_VERSION

from mana_lab.errors import InfrastructureError, ManaLabError, ServiceUnavailableError
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.failures import GATEWAY, Failures, as_exception

SignIn = Callable[[], Awaitable[str]]
"""Gets a fresh access token."""
Agree: TypeAlias = Callable[[str], bool]
"""Is asked before something is taken away for good, and answers whether it may be."""

_CLOSE_S = 10.0
"""How long a server may take to say good-bye."""


class BearerAuth(httpx2.Auth):
    """Shows the access token, and signs in once more when it is no longer taken.

    Args:
        token: The first token.
        sign_in: Gets the next one.
    """

    def __init__(self, token: str, sign_in: SignIn) -> None:
        self._token = token
        self._sign_in = sign_in
        self._one_at_a_time = asyncio.Lock()

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request with the token; after a 401, once more with a fresh one."""
        shown = self._show(request)
        response = yield request
        if response.status_code != 401:
            return
        async with self._one_at_a_time:
            if self._token == shown:
                try:
                    self._token = await self._sign_in()
                except ManaLabError:
                    return
        self._show(request)
        yield request

    def _show(self, request: httpx2.Request) -> str:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return self._token


class Connection:
    """An open MCP client; use :meth:`open` and :meth:`close`, from whatever task."""

    def __init__(self, client: Client, holder: asyncio.Task[None], leave: asyncio.Event) -> None:
        self._client = client
        self._holder = holder
        self._leave = leave

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        user_id: str,
        auth: BearerAuth,
        space_id: str,
        *,
        agree: Agree | None = None,
    ) -> Connection:
        """Connect to the gateway as one user, in one space.

        Args:
            endpoint: Where the gateway is.
            user_id: Who connects.
            auth: Shows their token.
            space_id: The space to act in.
            agree: Answers for the person; None for a client that cannot ask one.

        Raises:
            ManaLabError: The gateway refused, or cannot be reached.
        """
        http = endpoint.http_client(auth, {"X-Mana-Space": space_id})
        transport = streamable_http_client(endpoint.url, http_client=http)
        kept_as = endpoint.partition(user_id)
        known = endpoint.discoveries.of(kept_as)
        client = Client(
            transport,
            mode="auto" if known is None else LATEST_MODERN_VERSION,
            prior_discover=known,
            cache=endpoint.cache(user_id),
            elicitation_callback=None if agree is None else partial(_answer, agree),
        )
        connection = await cls.hold(client, http)
        endpoint.discoveries.keep(kept_as, client.session.discover_result)
        return connection

    @classmethod
    async def hold(
        cls,
        client: Client,
        beneath: AbstractAsyncContextManager[Any] | None = None,
        failures: Failures = GATEWAY,
    ) -> Connection:
        """Connect a client.

        Args:
            client: Not entered yet.
            beneath: What it works with; entered before it, and left after it.
            failures: How the failures of its server are read.

        Raises:
            ManaLabError: The server refused, or cannot be reached.
        """
        leave = asyncio.Event()
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        holder = asyncio.create_task(
            _hold(client, beneath or nullcontext(), ready, leave, failures)
        )
        try:
            await ready
        except BaseException:
            holder.cancel()
            with suppress(asyncio.CancelledError):
                await holder
            raise
        return cls(client, holder, leave)

    @property
    def client(self) -> Client:
        """The client.

        Raises:
            ServiceUnavailableError: The connection was closed or lost.
        """
        if self._holder.done():
            raise ServiceUnavailableError("the connection to the server is closed")
        return self._client

    async def close(self) -> None:
        """Close the client; again is harmless."""
        self._leave.set()
        _, late = await asyncio.wait([self._holder], timeout=_CLOSE_S)
        if late:
            self._holder.cancel()
            await asyncio.wait([self._holder])


class Connections:
    """The MCP clients of one user: one a space, opened when it is first needed.

    Args:
        connect: Opens one for a space.
    """

    def __init__(self, connect: Callable[[str], Awaitable[Connection]]) -> None:
        self._connect = connect
        self._one_at_a_time = asyncio.Lock()
        self._open: dict[str, Connection] = {}
        self._closed = False

    async def to(self, space_id: str) -> Connection:
        """Return the connection that acts in a space.

        Raises:
            ManaLabError: The gateway refused, or cannot be reached, or all was closed.
        """
        async with self._one_at_a_time:
            if self._closed:
                raise ServiceUnavailableError("the connection to the gateway is closed")
            if space_id not in self._open:
                self._open[space_id] = await self._connect(space_id)
            return self._open[space_id]

    async def close(self) -> None:
        """Close all of them; again is harmless."""
        async with self._one_at_a_time:
            self._closed = True
            for connection in self._open.values():
                await connection.close()


async def _answer(
    agree: Agree, _: ClientRequestContext, question: ElicitRequestParams
) -> ElicitResult:
    if agree(question.message):
        return ElicitResult(action="accept", content={"confirm": True})
    return ElicitResult(action="decline")


async def _hold(
    client: Client,
    beneath: AbstractAsyncContextManager[Any],
    ready: asyncio.Future[None],
    leave: asyncio.Event,
    failures: Failures,
) -> None:
    try:
        async with beneath, client:
            ready.set_result(None)
            await leave.wait()
    except Exception as error:  # noqa: BLE001 - goes to whoever waits for the connection
        if not ready.done():
            ready.set_exception(_reason(error, failures))


def _reason(error: BaseException, failures: Failures) -> ManaLabError:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        return as_exception(failures.from_mcp(error))
    if isinstance(error, ManaLabError):
        return error
    return InfrastructureError(f"the server could not be opened ({type(error).__name__})")
