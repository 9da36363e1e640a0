"""How the identity service is called: one request, and its answer or the error that it says."""

from __future__ import annotations

import json
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from mana_lab.errors import (
    ManaLabError,
    ProtocolError,
    RateLimitedError,
    ServiceUnavailableError,
    error_from_wire,
)

M = TypeVar("M", bound=BaseModel)
_LONGEST_MESSAGE = 500
_LONGEST_WAIT = 9


class Transport:
    """Sends requests to one identity service; it holds no identity itself.

    Args:
        base_url: Where the service is.
        http: The client to use; it stays the caller's.
    """

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = http

    async def _get(self, path: str, answer: type[M], headers: dict[str, str]) -> M:
        return parse(await self._send("GET", path, headers), answer)

    async def _post(
        self, path: str, body: Any, answer: type[M], headers: dict[str, str] | None = None
    ) -> M:
        return parse(await self._send("POST", path, headers, body), answer)

    async def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: Any = None,
        form: dict[str, str] | None = None,
    ) -> httpx.Response:
        response = await self._answer(method, path, headers, body, form)
        if response.is_success:
            return response
        raise error_of(response)

    async def _answer(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None,
        body: Any,
        form: dict[str, str] | None,
    ) -> httpx.Response:
        try:
            request = self._http.build_request(
                method, self._base_url + path, headers=headers, json=body, data=form
            )
            request.headers.pop("cookie", None)
            response = await self._http.send(request)
        except httpx.HTTPError as error:
            raise ServiceUnavailableError(
                f"the identity service cannot be reached ({type(error).__name__})"
            ) from None
        for cookie in response.cookies:
            self._http.cookies.delete(cookie)
        return response


def segment(text: str) -> str:
    """Return *text* as one segment of a path."""
    return quote(text, safe="")


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows an access token."""
    return {"Authorization": f"Bearer {token}"}


def service(key: str) -> dict[str, str]:
    """Return the header that shows the service key."""
    return {"X-Service-Key": key}


def parse_list(response: httpx.Response, item: type[M]) -> list[M]:
    """Return an answer that is a list.

    Raises:
        ProtocolError: It is none, or not of such items.
    """
    try:
        return [item.model_validate(each) for each in response.json()]
    except (ValueError, TypeError):
        raise ProtocolError(
            f"the identity service's answer is not a list of {item.__name__}"
        ) from None


def parse(response: httpx.Response, answer: type[M]) -> M:
    """Return an answer.

    Raises:
        ProtocolError: It is not of that form.
    """
    try:
        return answer.model_validate_json(response.content)
    except ValidationError:
        raise ProtocolError(f"the identity service's answer is not a {answer.__name__}") from None


def error_of(response: httpx.Response) -> ManaLabError:
    """Return the error that an answer says."""
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    known = body if isinstance(body, dict) else {}
    message = str(known.get("message") or f"the identity service answered {response.status_code}")
    details = known.get("details")
    if isinstance(details, list):
        parts = [f"{d['path']}: {d['message']}" for d in details if isinstance(d, dict)]
        message = "; ".join([message, *parts])
    error = error_from_wire(
        response.status_code, str(known.get("error", "")), message[:_LONGEST_MESSAGE]
    )
    wait = response.headers.get("Retry-After", "")
    if isinstance(error, RateLimitedError) and wait.isascii() and wait.isdigit():
        error.retry_after_s = int(wait[:_LONGEST_WAIT])
    return error
