"""The errors of a FastAPI application: those of :mod:`.answering`, and those of its models."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from mana_lab.web import answering
from mana_lab.web.answering import invalid_request


def answer_errors(app: FastAPI) -> None:
    """Make *app* answer all errors in the one shape."""
    answering.answer_errors(app)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    return invalid_request(error)
