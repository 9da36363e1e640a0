"""The routes that tell how a service is: alive, ready to work, and what it has counted."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mana_lab.clock import Clock
from mana_lab.errors import ForbiddenError
from mana_lab.web.draining import Draining, draining_of
from mana_lab.web.errors import refusal

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]
"""What answers at a route."""
Check: TypeAlias = Callable[[], Awaitable[bool]]
Checks: TypeAlias = Mapping[str, Check]
"""What has to be well for a service to work, by name."""

CHECK_AGE_S: Final = 1.0
"""How long what was found out is told again, in seconds."""
CHECK_DEADLINE_S: Final = 5.0
"""After how many seconds what does not answer counts as not well."""

_HERE = ("127.0.0.1", "::1")
_FROM_ELSEWHERE = ("forwarded", "x-forwarded-for", "origin")


def fixed(document: Mapping[str, Any]) -> Answer:
    """Return a route that always answers with *document*."""

    async def answer(_: Request) -> JSONResponse:
        return JSONResponse(dict(document))

    return answer


class Readiness:
    """The route ``/ready``: 200 when everything that calls need is well, else 503 and what is not.

    However many ask, it looks once a second. A service that is stopping says so instead, so that
    what balances the load sends nobody here any more.

    Args:
        checks: What to look at.
        clock: ``monotonic`` tells how old an answer is.
        draining: Tells when the service stops; None for one that stops when its server does.
    """

    def __init__(self, checks: Checks, clock: Clock, draining: Draining | None = None) -> None:
        self._checks = checks
        self._clock = clock
        self._draining = draining
        self._looking = asyncio.Lock()
        self._found: tuple[float, dict[str, bool]] | None = None

    async def answer(self, request: Request) -> Response:
        """Answer with what is well and what is not."""
        found = await self._look()
        if (self._draining or draining_of(request.scope)).begun.is_set():
            status = "draining"
        else:
            status = "ready" if all(found.values()) else "not-ready"
        body = {"status": status, "checks": found}
        if status == "ready":
            return JSONResponse(body)
        return JSONResponse(body, 503, {"Retry-After": "1"})

    async def _look(self) -> dict[str, bool]:
        async with self._looking:
            if self._found is None or self._clock.monotonic() - self._found[0] >= CHECK_AGE_S:
                well = await asyncio.gather(*(_is_well(check) for check in self._checks.values()))
                found = dict(zip(self._checks, well, strict=True))
                self._found = (self._clock.monotonic(), found)
            return self._found[1]


class Insiders:
    """Who is on this machine, or shows a token: they may do what others may not.

    What a proxy passes on, or a page in a browser asks for, does not count as from this machine.

    Args:
        what: What is theirs, for the refusal: ``metrics are``.
        variable: The environment variable that has the token, for the refusal.
        token: What has to be shown as a bearer token, on this machine too; None keeps others out.
    """

    def __init__(self, what: str, variable: str, token: str | None) -> None:
        self._what = what
        self._variable = variable
        self._token = token

    def only(self, answer: Answer) -> Answer:
        """Return a route that answers them, and everybody else with 403."""

        async def guarded(request: Request) -> Response:
            if self._admits(request):
                return await answer(request)
            text = f"{self._what} for this machine, or for who shows {self._variable}"
            return refusal(ForbiddenError(text))

        return guarded

    def _admits(self, request: Request) -> bool:
        if self._token is not None:
            shown = request.headers.get("authorization", "")
            expected = f"Bearer {self._token}"
            return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), expected.encode())
        if any(name in request.headers for name in _FROM_ELSEWHERE):
            return False
        return request.client is None or request.client.host in _HERE


class MetricsRoute:
    """The route ``/metrics``, for this machine, or for who shows a token.

    Args:
        text: Gives what was counted, in Prometheus's text format.
        token: What others have to show as a bearer token; None keeps them out.
    """

    def __init__(self, text: Callable[[], bytes], token: str | None) -> None:
        self._text = text
        self.answer = Insiders("metrics are", "MANA_METRICS_TOKEN", token).only(self._tell)

    async def _tell(self, _: Request) -> Response:
        return Response(self._text(), media_type=CONTENT_TYPE_LATEST)


async def _is_well(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_DEADLINE_S):
            return await check()
    except Exception:  # noqa: BLE001 - whatever it is, it is not well
        return False
