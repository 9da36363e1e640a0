"""The client of the identity service: calls it and turns its answers back into errors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx

from mana_lab.crypto.exchanged import ACCESS_TOKEN_TYPE, GRANT_TYPE
from mana_lab.errors import NotFoundError
from mana_lab.identity import wire
from mana_lab.identity.client_spaces import SpaceCalls
from mana_lab.identity.client_vault import VaultCalls
from mana_lab.identity.transport import bearer, error_of, parse, segment, service


class IdentityClient(SpaceCalls, VaultCalls):
    """Talks to one identity service; it holds no identity itself.

    Every method raises the error that the service answered, ``ServiceUnavailableError`` when it
    cannot be reached, and ``ProtocolError`` when its answer makes no sense.

    Args:
        base_url: Where the service is.
        http: The client to use; it stays the caller's.
    """

    async def health(self) -> bool:
        """Tell whether the service answers that it is well."""
        try:
            response = await self._http.get(f"{self._base_url}/health")
        except httpx.HTTPError:
            return False
        return response.status_code == 200

    async def register(self, email: str, password: str, name: str | None = None) -> wire.User:
        """Make an account; it has a personal space from the start.

        Raises:
            EmailTakenError: The address has an account.
            InvalidInputError: Address, password or name are not allowed.
            SignupsClosedError: As many people signed up today as may.
        """
        body = {"email": email, "password": password, **({"name": name} if name else {})}
        answer = await self._post("/api/v1/auth/register", body, wire.Registered)
        return answer.user

    async def login(self, email: str, password: str) -> wire.Login:
        """Sign in.

        Raises:
            InvalidCredentialsError: E-mail and password do not belong together.
            AccountLockedError: There were too many wrong passwords.
        """
        body = {"email": email, "password": password}
        return await self._post("/api/v1/auth/login", body, wire.Login)

    async def refresh(self, refresh_token: str) -> wire.TokenPair:
        """Exchange a session token for a fresh access token.

        Raises:
            SessionEndedError: The session was signed out, or is over.
        """
        body = {"refreshToken": refresh_token}
        return await self._post("/api/v1/auth/refresh", body, wire.TokenPair)

    async def long_token(self, service_key: str, refresh_token: str, lifetime_s: int) -> str:
        """Exchange a session token for an access token that is good for longer than 15 minutes.

        Args:
            service_key: What the operator is known by.
            refresh_token: The session token of whom the access token is for.
            lifetime_s: How long it is to be good for, in seconds; at most a day.

        Raises:
            NotFoundError: The service gives none.
            UnauthenticatedError: The key is not the service's.
            SessionEndedError: The session was signed out, or is over.
            ForbiddenError: The session is an administrator's.
        """
        asked = wire.LongTokenRequest(refresh_token=refresh_token, lifetime_sec=lifetime_s)
        path, shown = "/api/v1/internal/auth/long-token", service(service_key)
        return (await self._post(path, wire.to_json(asked), wire.TokenPair, shown)).access_token

    async def exchange(
        self,
        token: str,
        audience: str,
        scope: str,
        *,
        space_id: str | None = None,
        tool: str | None = None,
    ) -> wire.ExchangedToken:
        """Exchange an access token for one of a minute, for one service (RFC 8693).

        Args:
            token: The access token.
            audience: The service.
            scope: What it is for.
            space_id: The only space that it is to open.
            tool: What it is made for.

        Raises:
            NotFoundError: The service does not exchange tokens.
            UnauthenticatedError: The token is not taken.
            InsufficientScopeError: The token was given for less.
            NotAMemberError: Its user is not in the space.
        """
        asked = {
            "grant_type": GRANT_TYPE,
            "subject_token": token,
            "subject_token_type": ACCESS_TOKEN_TYPE,
            "audience": audience,
            "scope": scope,
            "space": space_id,
            "tool": tool,
        }
        form = {name: value for name, value in asked.items() if value is not None}
        path = "/api/v1/auth/token-exchange"
        answer = await self._answer("POST", path, None, None, form)
        if answer.is_success:
            return parse(answer, wire.ExchangedToken)
        if _knows_no_exchange(answer):
            raise NotFoundError("the identity service exchanges no tokens")
        raise error_of(answer)

    async def logout(self, token: str) -> None:
        """End the session that an access token names; all of its tokens end with it."""
        await self._post("/api/v1/auth/logout", None, wire.Success, bearer(token))

    async def validate(self, token: str) -> wire.Validated:
        """Tell whether an access token is good now, and what it says."""
        return await self._post("/api/v1/auth/validate", {"token": token}, wire.Validated)

    async def signup_status(self) -> wire.SignupStatus:
        """Tell whether signing up is possible."""
        return await self._get("/api/v1/auth/signup-status", wire.SignupStatus, {})

    async def jwks(self) -> Any:
        """Return the published keys (RFC 7517 §5)."""
        return (await self._send("GET", "/api/auth/jwks")).json()

    async def rotate_keys(self, service_key: str, *, withdraw: bool = False) -> wire.RotatedKeys:
        """Have the service make a new signing key.

        Args:
            service_key: What services are known by.
            withdraw: Take all earlier keys back at once: everybody needs a fresh access token.

        Raises:
            ConflictError: Too many earlier keys are still published.
        """
        body = wire.to_json(wire.KeyRotation(withdraw=withdraw))
        path = "/api/v1/internal/keys/rotate"
        return await self._post(path, body, wire.RotatedKeys, service(service_key))

    async def memberships(self, service_key: str, user_id: str) -> list[wire.Membership]:
        """Return where a user is a member."""
        return (await self.standing(service_key, user_id)).memberships

    async def standing(
        self, service_key: str, user_id: str, session_id: str | None = None
    ) -> wire.Memberships:
        """Return where a user is a member, and whether a session is theirs and lives.

        Args:
            service_key: What services are known by.
            user_id: The user.
            session_id: The session, which a token names as ``sid``; None to ask for the account.
        """
        path = f"/api/v1/internal/users/{segment(user_id)}/memberships"
        query = "" if session_id is None else f"?sid={segment(session_id)}"
        return await self._get(path + query, wire.Memberships, service(service_key))

    async def upsert_persona(self, token: str, persona: wire.PersonaUpsert) -> wire.PersonaCreated:
        """Make a persona's account, or bring its record up to date; its password stays.

        Raises:
            ForbiddenError: The token is not an administrator's.
            HumanAccountError: The address belongs to a person.
        """
        body = wire.to_json(persona)
        return await self._post("/api/v1/admin/personas", body, wire.PersonaCreated, bearer(token))

    async def personas(self, token: str) -> list[wire.PersonaSummary]:
        """Return all personas, the newest first."""
        answer = await self._get("/api/v1/admin/personas", wire.PersonaList, bearer(token))
        return answer.personas

    async def persona(self, token: str, user_id: str) -> wire.PersonaDetail:
        """Return one persona with its latest calls and mean ratings.

        Raises:
            NotFoundError: There is no such persona.
        """
        path = f"/api/v1/admin/personas/{segment(user_id)}"
        return await self._get(path, wire.PersonaDetail, bearer(token))

    async def delete_persona(self, token: str, user_id: str) -> None:
        """Delete a persona and all that is theirs.

        Raises:
            NotFoundError: There is no such account.
            NotAPersonaError: The account is a person's.
        """
        await self._send("DELETE", f"/api/v1/admin/personas/{segment(user_id)}", bearer(token))

    async def due_personas(self, service_key: str) -> wire.DuePersonas:
        """Return the personas whose next tick is due, by the service's clock."""
        path = "/api/v1/internal/personas/due"
        return await self._get(path, wire.DuePersonas, service(service_key))

    async def all_personas(self, service_key: str) -> wire.DuePersonas:
        """Return all personas with what their ticks need."""
        path = "/api/v1/internal/personas"
        return await self._get(path, wire.DuePersonas, service(service_key))

    async def record_actions(
        self, service_key: str, persona_id: str, actions: Sequence[wire.ActionRecord]
    ) -> int:
        """Store audited calls; a row that is there already is left as it is.

        Returns:
            The number of rows that were really added.
        """
        path = f"/api/v1/internal/personas/{segment(persona_id)}/actions"
        body = {"actions": [wire.to_json(action) for action in actions]}
        return (await self._post(path, body, wire.Written, service(service_key))).written

    async def record_feedback(
        self, service_key: str, persona_id: str, feedback: Sequence[wire.FeedbackRecord]
    ) -> int:
        """Store ratings; a row that is there already is left as it is.

        Returns:
            The number of rows that were really added.
        """
        path = f"/api/v1/internal/personas/{segment(persona_id)}/feedback"
        body = {"feedback": [wire.to_json(row) for row in feedback]}
        return (await self._post(path, body, wire.Written, service(service_key))).written

    async def record_tick(
        self, service_key: str, persona_id: str, tick_id: str, occurred_at: datetime
    ) -> None:
        """Note that a tick has ended, whatever became of it: the persona is not due again."""
        path = f"/api/v1/internal/personas/{segment(persona_id)}/ticks"
        body = wire.to_json(wire.TickRecord(tick_id=tick_id, occurred_at=occurred_at))
        await self._post(path, body, wire.Done, service(service_key))


def _knows_no_exchange(answer: httpx.Response) -> bool:
    """Tell whether a service has no such route."""
    return answer.status_code in {404, 405, 501}
