"""Every route of the identity service with a request that it takes, for tests that spoil one."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from identity_house import ADMIN, PASSWORD, bearer, service

from mana_lab.crypto.exchanged import ACCESS_TOKEN_TYPE, GRANT_TYPE
from mana_lab.errors import EmailTakenError

SPACE = "/api/auth/organization"
VAULT = "/api/v1/me/encryption-vault"
USER = "user@a.test"


@dataclass(frozen=True)
class Route:
    """A route that takes a body.

    Attributes:
        method: The HTTP method.
        path: Its path, or the first part of it.
        body: What it takes.
        who: Whom it wants to see.
        form: Whether it takes a form, not JSON.
    """

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    who: Literal["anybody", "user", "admin", "service"] = "anybody"
    form: bool = False

    def written(self, body: Any) -> dict[str, Any]:
        """Return how *body* is sent to it: the arguments of a request."""
        if self.form and isinstance(body, dict):
            return {"data": {name: _in_form(value) for name, value in body.items()}}
        return {"json": body}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _in_form(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_EXCHANGE = {
    "grant_type": GRANT_TYPE,
    "subject_token": "x",
    "subject_token_type": ACCESS_TOKEN_TYPE,
    "audience": "identity",
}
_PERSONA = {
    "email": "kai@mana.test",
    "password": PASSWORD,
    "archetype": "solo-dev",
    "systemPrompt": "You are Kai.",
    "moduleMix": {"todo": 1},
}
_ACTION = {"tickId": "t", "toolName": "todo.create", "result": "ok"}
_SPACE = {"name": "Team", "slug": "team", "metadata": {"type": "team"}}
_IN_SPACE = {"organizationId": "x"}
_ROLE = {"role": "member"}
_WRAP = {"recoveryWrappedMk": "A" * 64, "recoveryIv": "A" * 16}

ROUTES = (
    Route("POST", "/api/v1/auth/register", {"email": "zoe@a.test", "password": PASSWORD}),
    Route("POST", "/api/v1/auth/login", {"email": ADMIN.email, "password": ADMIN.password}),
    Route("POST", "/api/v1/auth/refresh", {"refreshToken": "x"}),
    Route("POST", "/api/v1/auth/session-to-token", {"refreshToken": "x"}),
    Route("POST", "/api/v1/auth/logout", {"refreshToken": "x"}),
    Route("POST", "/api/v1/auth/validate", {"token": "x"}),
    Route("POST", "/api/v1/auth/token-exchange", _EXCHANGE, form=True),
    Route("POST", f"{VAULT}/recovery-wrap", _WRAP, "user"),
    Route("PUT", f"{VAULT}/recovery-wrap", _WRAP, "user"),
    Route("POST", f"{VAULT}/zero-knowledge", {"enable": True}, "user"),
    Route("POST", f"{VAULT}/rotate/finish", {"keyId": "k", "keyProof": "A" * 43 + "="}, "user"),
    Route("POST", f"{SPACE}/create", _SPACE, "user"),
    Route("POST", f"{SPACE}/delete", {"organizationId": "x"}, "user"),
    Route("POST", f"{SPACE}/leave", {"organizationId": "x"}, "user"),
    Route("POST", f"{SPACE}/remove-member", _IN_SPACE | {"memberIdOrEmail": "m"}, "user"),
    Route("POST", f"{SPACE}/update-member-role", _IN_SPACE | _ROLE | {"memberId": "m"}, "user"),
    Route("POST", f"{SPACE}/invite-member", _IN_SPACE | _ROLE | {"email": "b@a.test"}, "user"),
    Route("POST", f"{SPACE}/accept-invitation", {"invitationId": "x"}, "user"),
    Route("POST", f"{SPACE}/reject-invitation", {"invitationId": "x"}, "user"),
    Route("POST", f"{SPACE}/cancel-invitation", {"invitationId": "x"}, "user"),
    Route("PUT", "/api/v1/spaces/x/policy", {"allowDestructive": []}, "user"),
    Route("POST", "/api/v1/admin/personas", _PERSONA, "admin"),
    Route("POST", "/api/v1/internal/personas/x/actions", {"actions": [_ACTION]}, "service"),
    Route(
        "POST",
        "/api/v1/internal/personas/x/feedback",
        {"feedback": [{"tickId": "t", "module": "todo", "rating": 4}]},
        "service",
    ),
    Route("POST", "/api/v1/internal/personas/x/ticks", {"tickId": "t"}, "service"),
    Route(
        "POST",
        "/api/v1/internal/auth/long-token",
        {"refreshToken": "x", "lifetimeSec": 60},
        "service",
    ),
    Route("POST", "/api/v1/internal/keys/rotate", {"withdraw": False}, "service"),
)


async def headers_of(house, route: Route) -> dict[str, str]:
    """Return what shows that the sender may ask."""
    if route.who == "admin":
        return bearer(await house.admin())
    if route.who == "user":
        with suppress(EmailTakenError):
            await house.identity.register(USER, PASSWORD)
        return bearer((await house.identity.login(USER, PASSWORD)).access_token)
    return service() if route.who == "service" else {}
