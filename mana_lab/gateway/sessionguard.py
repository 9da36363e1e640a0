"""At the door of the older protocol era: sessions belong to the user who opened them.

The stateless era passes by. What a session is, and when it is over, is the matter of
:mod:`mana_lab.gateway.sessions`; the server behind makes the sessions and answers in them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

from mcp.types import INVALID_PARAMS, INVALID_REQUEST, InitializeRequestParams
from pydantic import ValidationError
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mana_lab.errors import (
    ForeignSessionError,
    InfrastructureError,
    NotFoundError,
    RateLimitedError,
    ServiceUnavailableError,
    TokenExpiredError,
    UnauthenticatedError,
)
from mana_lab.gateway.answers import protocol_error
from mana_lab.gateway.auth import principal_of
from mana_lab.gateway.headers import header
from mana_lab.gateway.messages import is_call, is_modern, message_of
from mana_lab.gateway.sessions import Attached, Session, SessionBook
from mana_lab.registry import Principal
from mana_lab.web.draining import draining_of
from mana_lab.web.errors import refusal

SESSION_HEADER: Final = "mcp-session-id"
"""The header that names a session in requests and in the answer that opens it."""

Recheck: TypeAlias = Callable[[Principal], Awaitable[None]]
"""Judges a caller's token anew; raises ``UnauthenticatedError`` when it is not good any more."""

_SESSION = SESSION_HEADER.encode()
_METHODS = ("DELETE", "GET", "POST")
_RECHECKS_AT_A_TIME = 16
_logger = logging.getLogger(__name__)


class SessionGuard:
    """Keeps users out of one another's sessions, and ends sessions whose time is over.

    It learns a session's owner from the answer that opens it. What it does not know does not exist:
    a request to such a session never reaches the layer behind.

    Args:
        app: What stands behind and makes the sessions.
        ending: Where a session is ended with DELETE, with nothing in between.
        book: The sessions.
        recheck: Judges the tokens of requests that go on for long.
    """

    def __init__(self, app: ASGIApp, ending: ASGIApp, book: SessionBook, recheck: Recheck) -> None:
        self._app = app
        self._ending = ending
        self._book = book
        self._recheck = recheck

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400, 403, 404, 405, 429 or 503."""
        session_id = header(scope, _SESSION)
        session = None if session_id is None else self._book.find(session_id)
        if session is not None and session.user_id != principal_of(scope).user_id:
            error = ForeignSessionError("this session belongs to another user; open your own")
            await refusal(error)(scope, receive, send)
        elif is_modern(scope):
            await self._app(scope, receive, send)
        elif session_id is None:
            await self._open(scope, receive, send)
        elif session is None:
            await refusal(_unknown_session())(scope, receive, send)
        else:
            await self._use(session_id, session, scope, receive, send)

    @asynccontextmanager
    async def watching(self, every_s: float) -> AsyncIterator[None]:
        """End sessions and streams whose time is over, for as long as this is held.

        Args:
            every_s: How often to look, in seconds.
        """
        watch = asyncio.create_task(self._watch(every_s))
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _watch(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await self._end_those_over()
                await self._recheck_requests()
            except Exception:
                _logger.exception("looking after the sessions failed")

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        objection = _objection_to_opening(scope)
        if objection is not None:
            await objection(scope, receive, send)
            return
        if self._book.is_full_for(principal_of(scope).user_id):
            await self._end_those_over()
        try:
            with self._book.place_for(principal_of(scope)) as enter:
                await self._app(scope, undisturbed(scope, receive), _learning(enter, send))
        except (RateLimitedError, ServiceUnavailableError) as error:
            await refusal(error)(scope, receive, send)

    async def _use(
        self, session_id: str, session: Session, scope: Scope, receive: Receive, send: Send
    ) -> None:
        call_id = _call_id(message_of(scope))
        if call_id is not None and call_id in session.answering:
            objection = protocol_error(INVALID_REQUEST, "A call with this id is being answered")
            await objection(scope, receive, send)
            return
        principal = principal_of(scope)
        request = Attached(principal, is_stream=scope["method"] == "GET")
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status < 400:
                    session.login = principal.session_id
                _rename(message, session_id)
            await send(message)

        serve = self._listen if request.is_stream else self._answer
        if call_id is not None:
            session.answering.add(call_id)
        try:
            with self._book.serving(session, request):
                await serve(_renamed(scope, session.inner_id), receive, watch, request)
        except UnauthenticatedError as error:
            await self._ended_login(session_id, session, principal, error)
            raise
        finally:
            if call_id is not None:
                session.answering.discard(call_id)
        if status == 404 or (scope["method"] == "DELETE" and status < 300):
            await self._end(session_id, session)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, _request: Attached) -> None:
        await self._app(scope, undisturbed(scope, receive), send)

    async def _listen(self, scope: Scope, receive: Receive, send: Send, request: Attached) -> None:
        """Serve a stream until its listener, its time, or the server goes."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        draining = draining_of(scope)
        ends = [asyncio.ensure_future(event.wait()) for event in (request.ended, draining.begun)]
        try:
            await self._app(scope, _until(receive, ends), watch)
            if started:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            for end in ends:
                end.cancel()

    async def _end_those_over(self) -> None:
        for session_id, session in self._book.over():
            await self._end(session_id, session)

    async def _recheck_requests(self) -> None:
        going = [
            (session_id, session, request)
            for session_id, session in self._book
            for request in session.requests
        ]
        slots = asyncio.Semaphore(_RECHECKS_AT_A_TIME)

        async def check(session_id: str, session: Session, request: Attached) -> None:
            async with slots:
                try:
                    await self._recheck(request.principal)
                except UnauthenticatedError as error:
                    request.ended.set()
                    await self._ended_login(session_id, session, request.principal, error)
                except InfrastructureError:
                    pass  # nobody knows; asked again the next time

        await asyncio.gather(*(check(*each) for each in going))

    async def _ended_login(
        self, session_id: str, session: Session, principal: Principal, error: UnauthenticatedError
    ) -> None:
        # A token that only ran out is followed by another one of the same user.
        if session.login == principal.session_id and not isinstance(error, TokenExpiredError):
            await self._end(session_id, session)

    async def _end(self, session_id: str, session: Session) -> None:
        self._book.remove(session_id)
        for request in session.requests:
            request.ended.set()
        headers = [(_SESSION, session.inner_id.encode())]
        scope = {"type": "http", "method": "DELETE", "path": "/", "headers": headers}
        await self._ending(scope, _nothing_more, _into_nothing)


class NoSessions:
    """Serves the older era without sessions: every request stands alone, on any worker.

    Clients are given no session id, have no stream to listen to, and cannot be asked back.

    Args:
        app: What stands behind; it makes no sessions.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 404 or 405."""
        if is_modern(scope):
            await self._app(scope, receive, send)
        elif scope["method"] != "POST":
            answer = _not_allowed("POST", "this gateway keeps no sessions; use POST")
            await answer(scope, receive, send)
        elif header(scope, _SESSION) is not None:
            await refusal(_unknown_session())(scope, receive, send)
        else:
            await self._app(scope, undisturbed(scope, receive), send)


def undisturbed(scope: Scope, receive: Receive) -> Receive:
    """Return what a call of the older era receives: not that its caller hung up.

    In that era a call goes on when its connection breaks (MCP 2025-11-25, transports), and it
    shall count as being served for as long as it does.

    Args:
        scope: Of the request; a server that is stopping does not wait for ever.
        receive: What the server gave.
    """
    draining = draining_of(scope)

    async def deaf() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            await draining.over.wait()
        return message

    return deaf


def _unknown_session() -> NotFoundError:
    return NotFoundError("there is no such session; open a new one with initialize")


def _objection_to_opening(scope: Scope) -> Response | None:
    if scope["method"] not in _METHODS:
        return _not_allowed(", ".join(_METHODS), "use DELETE, GET or POST")
    message = message_of(scope)
    if not is_call(message) or message["method"] != "initialize":
        return protocol_error(
            INVALID_REQUEST,
            "The header Mcp-Session-Id is missing; a session is opened with initialize",
            message.get("id"),
        )
    try:
        InitializeRequestParams.model_validate(message.get("params"), by_name=False)
    except ValidationError:
        return protocol_error(
            INVALID_PARAMS,
            "initialize takes protocolVersion, capabilities and clientInfo",
            message["id"],
        )
    return None


def _not_allowed(allowed: str, message: str) -> Response:
    answer = protocol_error(INVALID_REQUEST, f"Method not allowed: {message}")
    answer.status_code = 405
    answer.headers["Allow"] = allowed
    return answer


def _call_id(message: dict[str, Any]) -> str | None:
    """Return the id that the server behind knows a call by: ``1`` and ``"1"`` are the same."""
    return str(message["id"]) if is_call(message) else None


def _renamed(scope: Scope, session_id: str) -> Scope:
    headers = [each for each in scope["headers"] if each[0] != _SESSION]
    return {**scope, "headers": [*headers, (_SESSION, session_id.encode())]}


def _rename(message: Message, session_id: str) -> None:
    headers = MutableHeaders(raw=message["headers"])
    if SESSION_HEADER in headers:
        headers[SESSION_HEADER] = session_id


def _learning(enter: Callable[[str], str], send: Send) -> Send:
    async def learn(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            inner_id = headers.get(SESSION_HEADER)
            if inner_id is not None and message["status"] < 300:
                headers[SESSION_HEADER] = enter(inner_id)
            elif inner_id is not None:
                del headers[SESSION_HEADER]
        await send(message)

    return learn


def _until(receive: Receive, ends: Sequence[asyncio.Future[Any]]) -> Receive:
    async def until() -> Message:
        waiting = asyncio.ensure_future(receive())
        try:
            await asyncio.wait([waiting, *ends], return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else {"type": "http.disconnect"}
        finally:
            waiting.cancel()

    return until


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


async def _into_nothing(_: Message) -> None:
    pass
