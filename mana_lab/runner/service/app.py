"""The routes of the runner's service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mana_lab.clock import Clock
from mana_lab.runner.service.diagnosis import Diagnosis
from mana_lab.runner.service.duty import Duty
from mana_lab.web import BodyLimit
from mana_lab.web.answering import answer_errors, invalid_request
from mana_lab.web.routes import Answer, Checks, Insiders, MetricsRoute, Readiness

SERVICE: Final = "mana-persona-runner"
LONGEST_BODY: Final = 4096
"""Longest body of a request, in bytes."""


class Whom(BaseModel):
    """The body of ``POST /diag/login`` and ``POST /diag/tick``."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    persona: Annotated[str, StringConstraints(min_length=1, max_length=254)]
    """The name or the e-mail address of a persona."""


def create_app(
    duty: Duty,
    checks: Checks,
    *,
    clock: Clock,
    diagnosis: Diagnosis | None = None,
    control_token: str | None = None,
    metrics_token: str | None = None,
) -> Starlette:
    """Return the runner's service as an application; it begins and ends no work.

    Args:
        duty: The runner.
        checks: What has to be well for personas to live.
        clock: ``monotonic`` tells how old an answer of ``/ready`` is.
        diagnosis: Answers the routes that look for faults; None leaves them out.
        control_token: What whoever controls the runner has to show; None admits this machine only.
        metrics_token: The same for metrics.
    """
    control = Insiders("controlling the runner is", "MANA_RUNNER_TOKEN", control_token)
    routes = [
        Route("/health", _health(duty)),
        Route("/ready", Readiness(checks, clock, duty.draining).answer),
        Route("/metrics", MetricsRoute(duty.counts.text, metrics_token).answer),
        Route("/pause", control.only(_turn(duty, duty.pause)), methods=["POST"]),
        Route("/resume", control.only(_turn(duty, duty.resume)), methods=["POST"]),
    ]
    if diagnosis is not None:
        for path, look in (("/diag/login", diagnosis.login), ("/diag/tick", diagnosis.tick)):
            routes.append(Route(path, control.only(_diagnosed(look)), methods=["POST"]))
    app = Starlette(routes=routes, middleware=[Middleware(BodyLimit, LONGEST_BODY)])
    app.router.redirect_slashes = False
    answer_errors(app)
    return app


def _state(duty: Duty) -> dict[str, Any]:
    return {
        "paused": duty.paused,
        "pausedBecause": duty.paused_because,
        "inFlight": duty.under_way,
        "waiting": duty.waiting,
    }


def _health(duty: Duty) -> Answer:
    async def answer(_: Request) -> Response:
        facts = {
            "status": "draining" if duty.draining.begun.is_set() else "ok",
            "service": SERVICE,
            "tickIntervalMs": round(duty.interval_s * 1000),
            "concurrency": duty.terms.concurrency,
            "brain": duty.terms.brain.name,
        }
        return JSONResponse(facts | _state(duty))

    return answer


def _turn(duty: Duty, turn: Callable[[], None]) -> Answer:
    async def answer(_: Request) -> Response:
        turn()
        return JSONResponse(_state(duty))

    return answer


def _diagnosed(look: Callable[[str], Awaitable[dict[str, Any]]]) -> Answer:
    async def answer(request: Request) -> Response:
        try:
            whom = Whom.model_validate_json(await request.body())
        except ValidationError as error:
            return invalid_request(error)
        return JSONResponse(await look(whom.persona))

    return answer
