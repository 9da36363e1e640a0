"""The errors of a Starlette application, in the one shape of :mod:`.errors`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match

from mana_lab.errors import InvalidInputError, ManaLabError, error_from_wire
from mana_lab.web.errors import error_response

_logger = logging.getLogger(__name__)
_MOST_DETAILS = 20
_IN_BODY = "body"
_LONGEST_PATH = 200
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


class Findings(Protocol):
    """What pydantic, or a framework around it, found wrong with a request."""

    def errors(self) -> Sequence[Any]:
        """Return each of them: ``loc``, ``type`` and ``msg``."""
        ...


def invalid_request(found: Findings, *, code: str | None = None) -> JSONResponse:
    """Return the answer to a request that does not have the form of its model.

    Args:
        found: What is wrong with it.
        code: As for :func:`error_response`.
    """
    findings = found.errors()[:_MOST_DETAILS]
    details = [{"path": _path(item["loc"]), "message": _sentence(item)} for item in findings]
    first = details[0] if details else {"path": _IN_BODY, "message": "is not valid"}
    refusal = InvalidInputError(f"{first['path']}: {first['message']}")
    return error_response(refusal, details, code=code)


def answer_errors(app: Starlette) -> None:
    """Make *app* answer all errors in the one shape."""
    app.add_exception_handler(ManaLabError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _known(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ManaLabError)  # noqa: S101 - what it is registered for
    if error.status >= 500:
        _logger.error("the service failed: %s", error.code)
    return error_response(error)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    known = error_from_wire(error.status_code, None, str(error.detail))
    body = {"error": known.code, "message": known.message, "status": error.status_code}
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return JSONResponse(body, error.status_code, headers)


def _allowed(request: Request) -> list[str]:
    """Return the methods that a path takes; the framework only knows those of one of its routes."""
    routes = request.app.router.routes
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    _logger.error("unexpected error in a service", exc_info=error)
    body = {"error": "internal-error", "message": "Internal server error", "status": 500}
    return JSONResponse(body, 500)


def _path(place: Sequence[str | int]) -> str:
    parts = [str(part) for part in place if part not in {"body", "query", "path", "header"}]
    return ".".join(parts)[:_LONGEST_PATH] or _IN_BODY


def _sentence(item: dict[str, Any]) -> str:
    if item["type"] == "json_invalid":
        return "is not valid JSON"
    if item["type"] == "extra_forbidden":
        return "is not a known field; leave it out"
    return str(item["msg"]).removeprefix("Value error, ")
