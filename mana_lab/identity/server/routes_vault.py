"""Routes for people: their own vault."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from mana_lab.crypto import WrappedKey, decode_base64, import_master_key
from mana_lab.crypto.exchanged import VAULT_READ, VAULT_RENEW
from mana_lab.identity import wire
from mana_lab.identity.server.access import REFUSALS, Parts, SignedIn, caller, vault_caller
from mana_lab.identity.server.recovery import Recovery
from mana_lab.identity.server.vaults import Caller
from mana_lab.web.answering import invalid_request


class _CodedRoute(APIRoute):
    """Calls a body that is not as it should be by the name that the original's clients know."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def coded(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as error:
                return invalid_request(error, code="BAD_REQUEST")

        return coded


router = APIRouter(
    prefix="/api/v1/me/encryption-vault", responses=REFUSALS, route_class=_CodedRoute
)

Asking = Annotated[Caller, Depends(caller)]
Reading = Annotated[Caller, Depends(vault_caller(VAULT_READ))]
Renewing = Annotated[Caller, Depends(vault_caller(VAULT_RENEW))]


def recovery(parts: Parts) -> Recovery:
    """Return the part that keeps recovery wraps."""
    return parts.vaults.recovery


Recoveries = Annotated[Recovery, Depends(recovery)]


@router.get("/status")
async def vault_status(user: SignedIn, parts: Parts) -> wire.VaultStatus:
    """Tell what the caller's vault is like."""
    return await parts.vaults.status(user.id)


@router.post("/init", response_model_exclude_none=True)
async def vault_init(asking: Asking, parts: Parts) -> wire.VaultKey:
    """Make the caller's vault if there is none; return its key."""
    return await parts.vaults.init(asking)


@router.get("/key", response_model_exclude_none=True)
async def vault_key(asking: Reading, parts: Parts) -> wire.VaultKey:
    """Return the key of the caller's vault."""
    return await parts.vaults.key(asking)


@router.post("/rotate", response_model_exclude_none=True)
async def vault_rotate(asking: Asking, parts: Parts) -> wire.VaultKey:
    """Give the caller's vault a fresh key; the one before is returned beside it."""
    return await parts.vaults.rotate(asking)


@router.post("/rotate/finish")
async def vault_rotate_finish(
    request: wire.RotationFinish, asking: Renewing, parts: Parts
) -> wire.Done:
    """Give up earlier keys: everything is encrypted with the current one by now."""
    proof = _decoded(request.key_proof)
    return await parts.vaults.finish_rotation(asking, request.key_id, proof)


@router.post("/recovery-wrap")
@router.put("/recovery-wrap", operation_id="vault_recovery_replace")
async def vault_recovery_set(
    request: wire.RecoveryWrap, asking: Asking, recoveries: Recoveries
) -> wire.Done:
    """Keep the caller's key as it was wrapped with their recovery code."""
    wrap = WrappedKey(request.recovery_wrapped_mk, request.recovery_iv)
    proof = None if request.key_proof is None else _decoded(request.key_proof)
    return await recoveries.set(asking, wrap, proof)


@router.delete("/recovery-wrap")
async def vault_recovery_clear(asking: Asking, recoveries: Recoveries) -> wire.Done:
    """Forget what the caller's recovery code opens."""
    return await recoveries.clear(asking)


@router.post("/zero-knowledge")
async def vault_zero_knowledge(
    request: wire.ZeroKnowledgeRequest, asking: Asking, recoveries: Recoveries
) -> wire.ZeroKnowledgeState:
    """Forget the caller's key, or hold it again."""
    if request.enable or request.master_key is None:
        return await recoveries.enable(asking)
    return await recoveries.disable(asking, import_master_key(_decoded(request.master_key)))


def _decoded(text: str) -> bytes:
    """Return the bytes of base64 that the request's model has let in."""
    return decode_base64(text) or b""
