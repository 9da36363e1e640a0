"""The client of the identity service: calls it and turns its answers back into errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
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
from mana_lab.identity import wire

M = TypeVar("M", bound=BaseModel)
_LONGEST_MESSAGE = 500
_LONGEST_WAIT = 9
_VAULT = "/api/v1/me/encryption-vault"


class IdentityClient:
    """Talks to one identity service; it holds no identity itself.

    Every method raises the error that the service answered, ``ServiceUnavailableError`` when it
    cannot be reached, and ``ProtocolError`` when its answer makes no sense.

    Args:
        base_url: Where the service is.
        http: The client to use; it stays the caller's.
    """

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = http

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
        """
        body = {"email": email, "password": password, **({"name": name} if name else {})}
        answer = await self._post("/api/v1/auth/register", body, wire.Registered)
        return answer.user

    async def login(self, email: str, password: str) -> wire.Login:
        """Sign in.

        Raises:
            InvalidCredentialsError: E-mail and password do not belong together.
        """
        body = {"email": email, "password": password}
        return await self._post("/api/v1/auth/login", body, wire.Login)

    async def jwks(self) -> Any:
        """Return the published keys (RFC 7517 §5)."""
        return (await self._send("GET", "/api/auth/jwks")).json()

    async def spaces(self, token: str) -> list[wire.Space]:
        """Return the spaces that the token's user is in.

        Raises:
            UnauthenticatedError: The token is not taken.
        """
        response = await self._send("GET", "/api/auth/organization/list", _bearer(token))
        try:
            return [_space(wire.Organization.model_validate(item)) for item in response.json()]
        except (ValueError, TypeError):
            raise ProtocolError("the identity service answered with no list of spaces") from None

    async def memberships(self, service_key: str, user_id: str) -> list[wire.Membership]:
        """Return where a user is a member."""
        path = f"/api/v1/internal/users/{_segment(user_id)}/memberships"
        return (await self._get(path, wire.Memberships, _service(service_key))).memberships

    async def vault_status(self, token: str) -> wire.VaultStatus:
        """Return what the user's vault is like."""
        return await self._get(f"{_VAULT}/status", wire.VaultStatus, _bearer(token))

    async def vault_init(self, token: str) -> wire.VaultKey:
        """Make the user's vault if there is none, and return its key."""
        return await self._post(f"{_VAULT}/init", None, wire.VaultKey, _bearer(token))

    async def vault_key(self, token: str) -> wire.VaultKey:
        """Return the key of the user's vault.

        Raises:
            VaultNotInitialisedError: There is no vault yet.
        """
        return await self._get(f"{_VAULT}/key", wire.VaultKey, _bearer(token))

    async def vault_rotate(self, token: str) -> wire.VaultKey:
        """Give the user's vault a fresh key, and return it with the ones before.

        Raises:
            RotationForbiddenError: Only the user holds the key (zero-knowledge mode).
            RotationUnfinishedError: Too many earlier keys are still needed.
        """
        return await self._post(f"{_VAULT}/rotate", None, wire.VaultKey, _bearer(token))

    async def vault_finish_rotation(self, token: str, finish: wire.RotationFinish) -> None:
        """Give up the vault's earlier keys: everything is encrypted with the current one.

        Raises:
            RotationUnfinishedError: The key was rotated since, or somebody may still write with
                an earlier one.
            KeyProofError: The proof is of another key.
            RateLimitedError: There were too many such proofs.
        """
        body = wire.to_json(finish)
        await self._post(f"{_VAULT}/rotate/finish", body, wire.Done, _bearer(token))

    async def vault_set_recovery(self, token: str, wrap: wire.RecoveryWrap) -> None:
        """Keep the vault's key as it was wrapped with a recovery code.

        Raises:
            VaultNotInitialisedError: There is no vault yet.
            KeyProofError: There is a wrap already, and no proof of the current key came with it.
            RateLimitedError: There were too many wrong proofs.
        """
        body = wire.to_json(wrap)
        await self._post(f"{_VAULT}/recovery-wrap", body, wire.Done, _bearer(token))

    async def vault_clear_recovery(self, token: str) -> None:
        """Forget what the recovery code opens.

        Raises:
            VaultNotInitialisedError: There is no vault yet.
            ZeroKnowledgeActiveError: It is all that is left of the key.
        """
        await self._send("DELETE", f"{_VAULT}/recovery-wrap", _bearer(token))

    async def vault_zero_knowledge(self, token: str, request: wire.ZeroKnowledgeRequest) -> bool:
        """Have the service forget the key, or hold it again; return whether the mode is on.

        Raises:
            VaultNotInitialisedError: There is no vault yet.
            RecoveryWrapMissingError: No recovery code would open the vault.
            RotationUnfinishedError: Earlier keys are still needed.
            KeyProofError: The key to hold is not the vault's.
            RateLimitedError: There were too many such keys.
        """
        body = wire.to_json(request)
        path = f"{_VAULT}/zero-knowledge"
        answer = await self._post(path, body, wire.ZeroKnowledgeState, _bearer(token))
        return answer.zero_knowledge

    async def upsert_persona(self, token: str, persona: wire.PersonaUpsert) -> wire.PersonaCreated:
        """Make a persona's account, or bring its record up to date; its password stays.

        Raises:
            ForbiddenError: The token is not an administrator's.
            ConflictError: The address belongs to a person.
        """
        body = wire.to_json(persona)
        return await self._post("/api/v1/admin/personas", body, wire.PersonaCreated, _bearer(token))

    async def personas(self, token: str) -> list[wire.PersonaSummary]:
        """Return all personas, the newest first."""
        answer = await self._get("/api/v1/admin/personas", wire.PersonaList, _bearer(token))
        return answer.personas

    async def persona(self, token: str, user_id: str) -> wire.PersonaDetail:
        """Return one persona with its latest calls and mean ratings.

        Raises:
            NotFoundError: There is no such persona.
        """
        path = f"/api/v1/admin/personas/{_segment(user_id)}"
        return await self._get(path, wire.PersonaDetail, _bearer(token))

    async def delete_persona(self, token: str, user_id: str) -> None:
        """Delete a persona and all that is theirs.

        Raises:
            NotFoundError: There is no such account.
            NotAPersonaError: The account is a person's.
        """
        await self._send("DELETE", f"/api/v1/admin/personas/{_segment(user_id)}", _bearer(token))

    async def due_personas(self, service_key: str) -> wire.DuePersonas:
        """Return the personas whose next tick is due, by the service's clock."""
        path = "/api/v1/internal/personas/due"
        return await self._get(path, wire.DuePersonas, _service(service_key))

    async def record_actions(
        self, service_key: str, persona_id: str, actions: Sequence[wire.ActionRecord]
    ) -> int:
        """Store audited calls; a row that is there already is left as it is.

        Returns:
            The number of rows that were really added.
        """
        path = f"/api/v1/internal/personas/{_segment(persona_id)}/actions"
        body = {"actions": [wire.to_json(action) for action in actions]}
        return (await self._post(path, body, wire.Written, _service(service_key))).written

    async def record_feedback(
        self, service_key: str, persona_id: str, feedback: Sequence[wire.FeedbackRecord]
    ) -> int:
        """Store ratings; a row that is there already is left as it is.

        Returns:
            The number of rows that were really added.
        """
        path = f"/api/v1/internal/personas/{_segment(persona_id)}/feedback"
        body = {"feedback": [wire.to_json(row) for row in feedback]}
        return (await self._post(path, body, wire.Written, _service(service_key))).written

    async def record_tick(
        self, service_key: str, persona_id: str, tick_id: str, occurred_at: datetime
    ) -> None:
        """Note that a tick has ended, whatever became of it: the persona is not due again."""
        path = f"/api/v1/internal/personas/{_segment(persona_id)}/ticks"
        body = wire.to_json(wire.TickRecord(tick_id=tick_id, occurred_at=occurred_at))
        await self._post(path, body, wire.Done, _service(service_key))

    async def _get(self, path: str, answer: type[M], headers: dict[str, str]) -> M:
        return _parse(await self._send("GET", path, headers), answer)

    async def _post(
        self, path: str, body: Any, answer: type[M], headers: dict[str, str] | None = None
    ) -> M:
        return _parse(await self._send("POST", path, headers, body), answer)

    async def _send(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None
    ) -> httpx.Response:
        try:
            request = self._http.build_request(
                method, self._base_url + path, headers=headers, json=body
            )
            request.headers.pop("cookie", None)
            response = await self._http.send(request)
        except httpx.HTTPError as error:
            raise ServiceUnavailableError(
                f"the identity service cannot be reached ({type(error).__name__})"
            ) from None
        for cookie in response.cookies:
            self._http.cookies.delete(cookie)
        if response.is_success:
            return response
        raise _error(response)


def _segment(text: str) -> str:
    return quote(text, safe="")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _service(key: str) -> dict[str, str]:
    return {"X-Service-Key": key}


def _space(organization: wire.Organization) -> wire.Space:
    metadata = organization.metadata
    known = (
        wire.SpaceMetadata.model_validate_json(metadata) if isinstance(metadata, str) else metadata
    )
    return wire.Space(
        id=organization.id,
        name=organization.name,
        slug=organization.slug,
        type=known.type,
        role=organization.role,
    )


def _parse(response: httpx.Response, answer: type[M]) -> M:
    try:
        return answer.model_validate_json(response.content)
    except ValidationError:
        raise ProtocolError(f"the identity service's answer is not a {answer.__name__}") from None


def _error(response: httpx.Response) -> ManaLabError:
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
