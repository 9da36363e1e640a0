"""WebSockets that tell a client in which collections there is something new to pull.

The messages are the original's: the client says ``auth`` with its token and may ``ping``; the
service says ``auth-ok``, ``sync-available`` with an app and its collections, and ``error``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect, status

from mana_lab.errors import ForbiddenError, ManaLabError, RateLimitedError, UnauthenticatedError
from mana_lab.sync.server.log import ChangeLog
from mana_lab.sync.server.notices import Listener, Notices
from mana_lab.sync.server.reader import Reader

MISSING_TOKEN = "missing token"  # noqa: S105 - what the error says
INVALID_TOKEN = "invalid token"  # noqa: S105 - what the error says
_NO_MESSAGE = "not a message; send a JSON object with a type"


class _OverError(Exception):
    """The conversation ends here."""

    def __init__(self, reason: str, code: int = status.WS_1008_POLICY_VIOLATION) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class Conversation:
    """One WebSocket, from its first message to its last.

    Args:
        socket: Accepted already.
        reader: Whose token is still to come.
        log: Where the changes are.
        notices: Tells when to look.
        app_id: Only this app; all when None.
        patience_s: How long to wait for the token, in seconds.
        look_every_s: After how many seconds to look without having been told.
    """

    def __init__(
        self,
        socket: WebSocket,
        reader: Reader,
        log: ChangeLog,
        notices: Notices,
        *,
        app_id: str | None,
        patience_s: float,
        look_every_s: float,
    ) -> None:
        self._socket = socket
        self._reader = reader
        self._log = log
        self._notices = notices
        self._app_id = app_id
        self._patience_s = patience_s
        self._look_every_s = look_every_s
        self._user_id = ""

    async def hold(self) -> None:
        """Talk until either side ends it."""
        try:
            await self._sign_in()
            with self._notices.listening(self._user_id) as listener:
                await self._talk(listener)
        except WebSocketDisconnect:
            return
        except _OverError as over:
            await self._say_goodbye(over)
        except ManaLabError as error:
            await self._say_goodbye(_over(error))

    async def _sign_in(self) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                message = await self._hear()
        except TimeoutError:
            raise _OverError(MISSING_TOKEN) from None
        if message.get("type") != "auth":
            raise _OverError(MISSING_TOKEN)
        await self._accept(message)

    async def _accept(self, message: dict[str, Any]) -> None:
        """Take a token: the first, or a later one of the same user."""
        token = message.get("token")
        if not isinstance(token, str) or not token:
            raise _OverError(MISSING_TOKEN)
        self._reader.token = token
        user_id = (await self._reader.claims()).sub
        if self._user_id not in ("", user_id):
            raise _OverError(INVALID_TOKEN)
        self._user_id = user_id

    async def _talk(self, listener: Listener) -> None:
        listener.spaces = await self._reader.spaces()
        position = await self._log.end()
        await self._say({"type": "auth-ok"})
        tasks = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._tell(listener, position)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            message = await self._hear()
            if message.get("type") == "ping":
                await self._say({"type": "pong"})
            elif message.get("type") == "auth":
                await self._accept(message)
                await self._say({"type": "auth-ok"})

    async def _tell(self, listener: Listener, position: int) -> None:
        while True:
            await listener.wait(self._look_every_s)
            listener.spaces = await self._reader.spaces()
            news = await self._log.news(self._user_id, listener.spaces, position, self._app_id)
            position = news.seq
            for app_id, tables in news.tables.items():
                await self._say({"type": "sync-available", "appId": app_id, "tables": tables})

    async def _hear(self) -> dict[str, Any]:
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", status.WS_1005_NO_STATUS_RCVD))
        try:
            message = json.loads(frame.get("text") or "")
        except (ValueError, RecursionError):
            raise _OverError(_NO_MESSAGE) from None
        if not isinstance(message, dict):
            raise _OverError(_NO_MESSAGE)
        return message

    async def _say(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(message))

    async def _say_goodbye(self, over: _OverError) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the client may be gone
            await self._say({"type": "error", "tables": [over.reason]})
            await self._socket.close(over.code)


def _over(error: ManaLabError) -> _OverError:
    if isinstance(error, UnauthenticatedError | ForbiddenError):
        return _OverError(INVALID_TOKEN)
    if isinstance(error, RateLimitedError):
        return _OverError(error.message)
    return _OverError("try again later", status.WS_1013_TRY_AGAIN_LATER)
