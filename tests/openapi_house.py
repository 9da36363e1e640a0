"""Requests made from a service's own description, for the tests that it answers as it says.

A stranger sends them as they are made. An insider shows what lets them in, and where the request is
a good one speaks of what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

UNDERSTOOD = ["2XX", "400", "401", "403", "404", "409", "413", "429"]
"""What a request of the right form may be answered; its meaning may still be wrong."""
REFUSED = ["400", "401", "403", "404", "405", "413"]
"""What a request of another form is answered."""


def described(app):
    """Return the description of a service that is not in use."""
    config = SchemathesisConfig.from_dict(
        {
            "checks": {
                "positive_data_acceptance": {"expected-statuses": UNDERSTOOD},
                "negative_data_rejection": {"expected-statuses": REFUSED},
            }
        }
    )
    document = app.openapi()
    unused = Starlette(routes=[Route("/openapi.json", lambda _: JSONResponse(document))])
    return schemathesis.openapi.from_asgi("/openapi.json", unused, config=config)


def bounded(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@dataclass
class World:
    """What an insider knows.

    Attributes:
        headers: What shows who they are.
        names: Ids of what there is, by the names that requests have for them.
    """

    headers: dict[str, str]
    names: dict[str, str]

    def shown_with(self, case) -> dict[str, str]:
        """Return the headers for a request, but for those that it leaves out on purpose."""
        parts = {} if case.meta is None else case.meta.components
        spoiled = [place for place, part in parts.items() if part.mode.is_negative]
        return {} if ParameterLocation.HEADER in spoiled else self.headers

    def put_into(self, case) -> None:
        """Have a good request speak of what there is."""
        if case.meta is None or not case.meta.generation.mode.is_positive:
            return
        for part in (case.path_parameters, case.query, case.body):
            self._put_into(part)

    def _put_into(self, part: Any) -> None:
        if isinstance(part, dict):
            for name, value in part.items():
                if name in self.names and value is not None:
                    part[name] = self.names[name]
                else:
                    self._put_into(value)
        elif isinstance(part, list):
            for each in part:
                self._put_into(each)
