"""The body of a request, before anybody acts on it: bounded, unambiguous, of one era."""

from __future__ import annotations

import re
from typing import Any, Final

from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp.types import HEADER_MISMATCH, INVALID_REQUEST, PARSE_ERROR, PROTOCOL_VERSION_META_KEY
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mana_lab.crypto.strictjson import strict_json
from mana_lab.errors import InvalidInputError, InvalidJsonError, PayloadTooLargeError
from mana_lab.gateway.answers import OnRefusal, protocol_error
from mana_lab.gateway.headers import header
from mana_lab.gateway.lingering import Deadline, Rounds
from mana_lab.gateway.versions import unsupported
from mana_lab.web.errors import refusal

MAX_DEPTH: Final = 64
"""How many arrays and objects may stand in one another."""
MAX_ID_CHARS: Final = 256
"""Longest id of a JSON-RPC message."""
NOT_A_REQUEST: Final = "not-a-request"
"""The rule of what the protocol itself refuses."""

_ROUND_S = 1.0
_MESSAGE = "mana.message"
_VERSION = MCP_PROTOCOL_VERSION_HEADER.encode()
_LENGTH = re.compile(r"[0-9]{1,18}")


def is_modern(scope: Scope) -> bool:
    """Return whether a request is of the stateless era, which its version header decides."""
    return _is_modern(header(scope, _VERSION))


def _is_modern(version: str | None) -> bool:
    return version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS


def message_of(scope: Scope) -> dict[str, Any]:
    """Return the JSON-RPC message that a request carries; empty where it is no POST."""
    message: dict[str, Any] = scope.get(_MESSAGE, {})
    return message


def is_call(message: dict[str, Any]) -> bool:
    """Return whether a JSON-RPC message asks for an answer."""
    return "id" in message and "method" in message


class MessageGate:
    """Reads the body of a POST and refuses what the layers behind would misread.

    That is a body above its limit or too slow, JSON that can be read in two ways, an id that is
    neither text nor integer, a message of the stateless era without its version header, and one of
    a version that nobody speaks here.

    Args:
        app: What stands behind; it finds the body as one piece, and parsed with
            :func:`message_of`.
        max_bytes: Longest body.
        deadline_s: How long a body may take to arrive, in seconds.
        refused: Is told of what is refused; it finds the message, where one could be read.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, deadline_s: float, refused: OnRefusal) -> None:
        self._app = app
        self._refused = refused
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s
        self._rounds = Rounds(min(deadline_s, _ROUND_S))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the message on, or answer 400 or 413."""
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(header(scope, b"content-length"), receive)
        except InvalidInputError as error:
            self._refused(scope, error.code)
            await refusal(error, {"Connection": "close"})(scope, receive, send)
            return
        message = _parsed(body)
        answer = _objection(message, header(scope, _VERSION))
        if answer is None:
            await self._app({**scope, _MESSAGE: message}, _replay(body, receive), send)
            return
        read = {_MESSAGE: message} if isinstance(message, dict) else {}
        self._refused({**scope, **read}, NOT_A_REQUEST)
        await answer(scope, receive, send)

    async def _read(self, declared: str | None, receive: Receive) -> bytes:
        if declared and _LENGTH.fullmatch(declared) and int(declared) > self._max_bytes:
            raise self._too_long()
        body = bytearray()
        with Deadline(self._rounds, self._deadline_s):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise InvalidInputError("the request ended before its body did")
                piece = message.get("body", b"")
                if len(body) + len(piece) > self._max_bytes:
                    raise self._too_long()
                if not message.get("more_body", False):
                    return bytes(body + piece) if body else bytes(piece)
                body += piece
        raise InvalidInputError(f"the body did not arrive within {self._deadline_s:g} s")

    def _too_long(self) -> PayloadTooLargeError:
        return PayloadTooLargeError(f"a request body has at most {self._max_bytes} bytes")


def _parsed(body: bytes) -> Any:
    try:
        return strict_json(body, max_depth=MAX_DEPTH)
    except InvalidJsonError as error:
        return error


def _objection(message: Any, version: str | None) -> Response | None:
    if isinstance(message, InvalidJsonError):
        return protocol_error(PARSE_ERROR, "Parse error: the body is not unambiguous JSON")
    if not isinstance(message, dict):
        return protocol_error(INVALID_REQUEST, "The body must be one JSON-RPC message")
    request_id = message.get("id")
    if "id" in message and not _is_usable_id(request_id):
        return protocol_error(
            INVALID_REQUEST,
            f"A message's id is an integer or a text of at most {MAX_ID_CHARS} characters",
        )
    stated = _stated_version(message)
    if stated is not None and stated != version and not _is_modern(version):
        return protocol_error(
            HEADER_MISMATCH,
            f"The header MCP-Protocol-Version must say what _meta {PROTOCOL_VERSION_META_KEY} says",
            request_id,
        )
    return unsupported(version, stated, request_id)


def _is_usable_id(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_ID_CHARS
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _stated_version(message: dict[str, Any]) -> Any:
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed
