"""Finding out, outside production, whether a persona gets in and lives a tick."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from mana_lab.errors import (
    CatalogError,
    ConflictError,
    ManaLabError,
    RefusedError,
    UnknownPersonaError,
)
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import DuePersona, Login
from mana_lab.personas import persona_password
from mana_lab.runner.service.duty import Duty
from mana_lab.runner.tick import persona_of


class Diagnosis:
    """Signs a persona in, or has them live one tick, for somebody who looks for a fault.

    Args:
        identity: The identity service.
        service_key: What its internal endpoints ask for.
        duty: Lives the tick.
        seed_secret: What the personas' passwords derive from.
    """

    def __init__(
        self, identity: IdentityClient, service_key: str, duty: Duty, seed_secret: str
    ) -> None:
        self._identity = identity
        self._service_key = service_key
        self._duty = duty
        self._seed_secret = seed_secret

    async def login(self, name: str) -> dict[str, Any]:
        """Sign a persona in and out again; tell who they are and where, and no token.

        Args:
            name: Their name or address.

        Raises:
            UnknownPersonaError: Identity has no such persona.
            ConflictError: Several have that name, or their password is another one.
            ManaLabError: Identity cannot be reached, or failed.
        """
        persona = await self._find(name)
        login = await self._sign_in(persona)
        try:
            spaces = await self._identity.spaces(login.access_token)
        finally:
            with suppress(ManaLabError):
                await self._identity.logout(login.access_token)
        own = next((space.id for space in spaces if space.type == "personal"), None)
        told = [{"id": each.id, "slug": each.slug, "type": each.type} for each in spaces]
        return {
            "ok": True,
            "email": login.user.email,
            "userId": login.user.id,
            "spaceId": own,
            "spaces": told,
        }

    async def tick(self, name: str) -> dict[str, Any]:
        """Have a persona live one tick now; tell what it came to.

        Args:
            name: Their name or address.

        Raises:
            UnknownPersonaError: Identity has no such persona.
            ConflictError: Several have that name, the runner is paused, or they have a tick
                under way.
            ManaLabError: Identity or the ledger cannot be reached, or the runner stops.
        """
        opened, outcome = await self._duty.tick_now(await self._find(name))
        return {
            "ok": True,
            "result": {
                "email": opened.persona_email,
                "tickId": opened.id,
                "runId": opened.run_id,
                "status": outcome.status,
                "calls": outcome.calls,
                "errors": outcome.errors,
                "failedStep": outcome.failed_step,
                "error": outcome.error or outcome.gave_up,
            },
        }

    async def _sign_in(self, persona: DuePersona) -> Login:
        password = persona_password(persona.email, self._seed_secret)
        try:
            return await self._identity.login(persona.email, password)
        except RefusedError as error:
            raise ConflictError(
                f"identity does not let them in ({error.code}); look whether PERSONA_SEED_SECRET "
                "is what they were seeded with"
            ) from None

    async def _find(self, name: str) -> DuePersona:
        answer = await self._identity.all_personas(self._service_key)
        wanted = name.strip().lower()
        found = [each for each in answer.personas if wanted in (each.email, _slug(each))]
        if len(found) > 1:
            raise ConflictError(f"{len(found)} personas have that name; give the e-mail address")
        if not found:
            known = len(answer.personas)
            raise UnknownPersonaError(f"identity has no such persona; it has {known}")
        return found[0]


def _slug(persona: DuePersona) -> str | None:
    try:
        return persona_of(persona).slug
    except CatalogError:
        return None
