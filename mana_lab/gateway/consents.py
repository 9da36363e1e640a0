"""Consents: a person's yes to one call that takes something away for good.

The question goes to the client, which puts it to the person; the model that made the call cannot
answer it. In the stateless era the client repeats the call with the answer and with a sealed text
that binds it to this caller, space, tool and arguments, for ten minutes and for one use (MCP
2026-07-28, multi round-trip requests); in the older one it is asked over the open stream.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, delete

from mana_lab.clock import Clock, iso_millis
from mana_lab.errors import DecryptionError, InvalidConsentError
from mana_lab.gateway.keys import GatewayKeys
from mana_lab.gateway.tables import CONSENTS
from mana_lab.registry import AnyToolSpec, Principal
from mana_lab.registry.principal import SpaceLike
from mana_lab.storage import Store, insert_or_ignore

LIFETIME: Final = timedelta(minutes=10)
"""How long a question may be answered, in the lab's time."""
QUESTION: Final = "confirm"
"""What the question is called among the requests for input."""

Ask: TypeAlias = Callable[[str, dict[str, Any]], Awaitable[Mapping[str, Any]]]
Reply: TypeAlias = Literal["yes", "no", "unasked"]

_LONGEST_PREVIEW = 400
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "confirm": {
            "type": "boolean",
            "title": "Do it",
            "description": "Nothing brings back what this takes away.",
        }
    },
    "required": ["confirm"],
}


@dataclass(frozen=True)
class Inquiry:
    """How the person behind a call can be asked, and what they said already.

    Attributes:
        stateless: Whether the call is of the stateless era.
        capable: Whether the client says that it can put a form to a person.
        ask: Asks over the open stream; None in the stateless era.
        state: The sealed text that came back with the answers.
        replies: The answers by the names of the questions.
    """

    stateless: bool = False
    capable: bool = False
    ask: Ask | None = None
    state: Any = None
    replies: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Matter:
    """What somebody is asked to agree to.

    Attributes:
        principal: The caller.
        space: Where the call acts.
        spec: The tool.
        tool_hash: Which version of the tool.
        arguments: What it is called with.
    """

    principal: Principal
    space: SpaceLike
    spec: AnyToolSpec
    tool_hash: str
    arguments: Mapping[str, Any]


class Consents:
    """Asks, and judges what comes back.

    Args:
        store: Opened with the gateway's ``METADATA``; knows which answers were used.
        keys: Seals what the client carries.
        clock: The lab's time.
        audience: The gateway's own address; an answer given elsewhere is none here.
        random: Makes the names of the questions.
    """

    def __init__(
        self,
        store: Store,
        keys: GatewayKeys,
        clock: Clock,
        audience: str,
        random: Callable[[], uuid.UUID],
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._audience = audience
        self._random = random

    async def reply(self, matter: Matter, inquiry: Inquiry) -> Reply:
        """Return what the person says, where that is known or can be asked at once.

        Raises:
            InvalidConsentError: The sealed text is not of this call, or is over, or was used.
        """
        if inquiry.ask is not None:
            return _meaning(await inquiry.ask(_question(matter), _FORM))
        if inquiry.state is None:
            return "unasked"
        claims = self._opened(inquiry.state)
        ends_at = self._judged(claims, matter)
        reply = _meaning(inquiry.replies.get(QUESTION))
        if reply != "unasked":
            await self._use(claims["id"], matter.principal.user_id, ends_at)
        return reply

    def question(self, matter: Matter) -> dict[str, Any]:
        """Return the answer to a call that has to be repeated with the person's word."""
        form = {"mode": "form", "message": _question(matter), "requestedSchema": _FORM}
        claims = {
            **self._binding(matter),
            "id": str(self._random()),
            "ends": iso_millis(self._clock.now() + LIFETIME),
        }
        return {
            "resultType": "input_required",
            "inputRequests": {QUESTION: {"method": "elicitation/create", "params": form}},
            "requestState": self._keys.consents.close(claims),
        }

    def _binding(self, matter: Matter) -> dict[str, str]:
        return {
            "audience": self._audience,
            "user": matter.principal.user_id,
            "space": matter.space.id,
            "tool": matter.spec.name,
            "hash": matter.tool_hash,
            "arguments": self._keys.digest(dict(matter.arguments)),
        }

    def _opened(self, state: Any) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = self._keys.consents.open(state)
        except (DecryptionError, AttributeError, TypeError):
            raise _refusal() from None
        return claims

    def _judged(self, claims: dict[str, Any], matter: Matter) -> datetime:
        expected = self._binding(matter)
        ends_at = datetime.fromisoformat(claims["ends"])
        if {name: claims.get(name) for name in expected} != expected:
            raise _refusal()
        if ends_at <= self._clock.now():
            raise _refusal()
        return ends_at

    async def _use(self, consent_id: str, user_id: str, ends_at: datetime) -> None:
        now = self._clock.now()
        row = {"id": consent_id, "user_id": user_id, "ends_at": ends_at}

        def work(connection: Connection) -> int:
            connection.execute(delete(CONSENTS).where(CONSENTS.c.ends_at <= now))
            return insert_or_ignore(connection, CONSENTS, [row])

        if not await self._store.write(work):
            raise _refusal()


def _meaning(answer: Any) -> Reply:
    if not isinstance(answer, Mapping):
        return "unasked"
    content = answer.get("content")
    agreed = isinstance(content, Mapping) and content.get("confirm") is True
    return "yes" if answer.get("action") == "accept" and agreed else "no"


def _question(matter: Matter) -> str:
    shown = json.dumps(dict(matter.arguments), ensure_ascii=False)
    if len(shown) > _LONGEST_PREVIEW:
        shown = shown[:_LONGEST_PREVIEW] + " …"
    purpose = matter.spec.description.splitlines()[0]
    return f"{matter.spec.name} in the space {matter.space.name!r}: {purpose} With {shown}"


def _refusal() -> InvalidConsentError:
    return InvalidConsentError("Invalid or expired requestState")
