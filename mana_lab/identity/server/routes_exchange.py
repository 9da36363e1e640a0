"""The route for services that act for somebody: their token for one that opens less."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from mana_lab.errors import InvalidInputError
from mana_lab.identity import wire
from mana_lab.identity.server.access import REFUSALS, Parts
from mana_lab.identity.wire.exchange import exchange_body

router = APIRouter(responses=REFUSALS)
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_PARAMETERS = 16


async def _asked(request: Request) -> wire.TokenExchange:
    """Return what a form asks for.

    Raises:
        InvalidInputError: It is no form, or says something twice (RFC 6749 §3.2).
        RequestValidationError: It asks for something else.
    """
    kind, _, _ = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != _FORM:
        raise InvalidInputError(f"Content-Type: has to be {_FORM}")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        raise InvalidInputError("body: is not a form, or has too many parameters") from None
    said = dict(pairs)
    if len(said) < len(pairs):
        raise InvalidInputError("body: says something more than once")
    try:
        # RFC 6749 §3.2: a parameter without a value counts as left out
        return wire.TokenExchange.model_validate(
            {name: value for name, value in said.items() if value}
        )
    except ValidationError as error:
        # without what was sent: that may be somebody's token
        found = error.errors(include_context=False, include_input=False)
        raise RequestValidationError(found) from None


@router.post("/api/v1/auth/token-exchange", openapi_extra=exchange_body())
async def exchange_token(
    asked: Annotated[wire.TokenExchange, Depends(_asked)], parts: Parts, response: Response
) -> wire.ExchangedToken:
    """Exchange the caller's access token for one of a minute, for one service (RFC 8693)."""
    response.headers["Cache-Control"] = "no-store"
    return await parts.exchange.exchange(asked)
