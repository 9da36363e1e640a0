"""The two kinds of error bodies that the gateway's own layers answer with."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from mana_lab.errors import ManaLabError, ServiceUnavailableError
from mana_lab.web.errors import error_response


def refusal(error: ManaLabError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return *error* the way every service of Mana does: ``{error, message, status}``."""
    answer = error_response(error)
    if isinstance(error, ServiceUnavailableError):
        answer.headers["Retry-After"] = "1"
    answer.headers.update(headers or {})
    return answer


def protocol_error(code: int, message: str, request_id: str | int | None = None) -> JSONResponse:
    """Return a JSON-RPC error with status 400 for a message that is not one of MCP.

    Args:
        code: A code of JSON-RPC or of MCP.
        message: What is wrong, in one sentence.
        request_id: The message's id, where it has a usable one.
    """
    error = {"code": code, "message": message}
    return JSONResponse({"jsonrpc": "2.0", "id": request_id, "error": error}, 400)
