"""The one shape of a service's errors.

Every answer that is not a success is ``{"error": code, "message": sentence, "status": number}``,
with ``details`` where single members of the request are wrong, and with what else the error has to
say: Mana's own name for it in ``code``, when to try again in ``retryAfterSec``. Values that were
sent are not sent back, and what went wrong inside stays in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

from mana_lab.errors import ManaLabError, RateLimitedError, ServiceUnavailableError


def error_response(
    error: ManaLabError,
    details: Sequence[dict[str, str]] | None = None,
    *,
    code: str | None = None,
) -> JSONResponse:
    """Return the answer that an error becomes.

    Args:
        error: The error.
        details: What is wrong with single members: ``path`` and ``message`` of each.
        code: What the original's clients look for as ``code``, where they do.
    """
    body: dict[str, Any] = {
        "error": error.code,
        "message": error.message,
        "status": error.status,
        **error.wire_members(),
    }
    if details:
        body["details"] = list(details)
    if code is not None:
        body["code"] = code
    return JSONResponse(body, error.status, _headers(error))


def refusal(error: ManaLabError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return *error* the way every service of Mana does: ``{error, message, status}``."""
    answer = error_response(error)
    if isinstance(error, ServiceUnavailableError):
        answer.headers["Retry-After"] = "1"
    answer.headers.update(headers or {})
    return answer


def _headers(error: ManaLabError) -> dict[str, str]:
    if error.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RateLimitedError) and error.retry_after_s is not None:
        return {"Retry-After": str(error.retry_after_s)}
    return {}
