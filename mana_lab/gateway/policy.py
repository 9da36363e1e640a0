"""Policy: whether a call goes on, by rules that have names.

The rules, in their order: what is of admin scope is never called; what takes away for good needs
the space's leave, and a person's consent (:mod:`.consents`); nobody calls a tool too often; texts
that read like orders to a model are pointed out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from mana_lab.clock import Clock
from mana_lab.crypto.exchanged import SPACES_READ
from mana_lab.errors import ForbiddenError, ManaLabError, RateLimitedError
from mana_lab.gateway.audit import Verdict
from mana_lab.gateway.injection import has_marker
from mana_lab.gateway.rates import Rates
from mana_lab.identity.client import IdentityClient
from mana_lab.registry import AnyToolSpec, Principal
from mana_lab.registry.lru import LruMap
from mana_lab.registry.passes import Passes
from mana_lab.registry.principal import SpaceLike

PolicyMode: TypeAlias = Literal["enforce", "log-only", "off"]
"""``log-only`` decides, writes down and lets everything pass; ``off`` does not even decide."""
MODES: Final = ("enforce", "log-only", "off")

CLEAN: Final = "clean"
ADMIN: Final = "admin-scope-not-invokable"
DESTRUCTIVE: Final = "destructive-not-allowed"
UNKNOWN_LEAVE: Final = "space-policy-unavailable"
CONFIRMATION: Final = "confirmation-required"
DECLINED: Final = "confirmation-declined"
RATE: Final = "rate-limit-exceeded"
MARKER: Final = "injection-marker"
OFF: Final = "policy-off"
UNKNOWN_TOOL: Final = "unknown-tool"
AUDIT: Final = "audit-unavailable"

_LEAVE_AGE_S = 30.0
_REFUSAL_AGE_S = 1.0
_MAX_SPACES = 4096


@dataclass(frozen=True)
class Decision:
    """What the policy makes of a call.

    Attributes:
        verdict: ``flagged`` goes on, and the caller is told why it was flagged.
        rule: The rule that decided.
        error: What a refused caller is told.
    """

    verdict: Verdict
    rule: str = CLEAN
    error: ManaLabError | None = None


ALLOWED: Final = Decision("allow")
_FLAGGED: Final = Decision("flagged", MARKER)
_OFF: Final = Decision("allow", OFF)


class SpaceLeaves:
    """Knows which destructive tools the owner of a space allows there.

    That a tool is allowed is believed for 30 seconds; that it is not, for one.

    Args:
        identity: Keeps the policies of spaces.
        passes: What it is shown.
        clock: ``monotonic`` tells how old an answer is.
    """

    def __init__(self, identity: IdentityClient, passes: Passes, clock: Clock) -> None:
        self._identity = identity
        self._passes = passes
        self._clock = clock
        self._known: LruMap[str, tuple[float, frozenset[str]]] = LruMap(_MAX_SPACES)

    async def has(self, tool: str, principal: Principal, space: SpaceLike) -> bool:
        """Tell whether a destructive tool may be called in *space*, of which the caller is.

        Raises:
            ManaLabError: It cannot be found out; nothing is allowed then.
        """
        known = self._known.get(space.id)
        now = self._clock.monotonic()
        if known is not None:
            asked_at, allowed = known
            if now - asked_at < (_LEAVE_AGE_S if tool in allowed else _REFUSAL_AGE_S):
                return tool in allowed
        shown = await self._passes.to_identity(principal.token, SPACES_READ, space.id)
        policy = await self._identity.space_policy(shown, space.id)
        self._known.put(space.id, (now, frozenset(policy.allow_destructive)))
        return tool in policy.allow_destructive


class Policy:
    """Decides about calls.

    Args:
        mode: Whether what is decided counts.
        leaves: What the owners of spaces allow.
        rates: Counts the calls.
    """

    def __init__(self, mode: PolicyMode, leaves: SpaceLeaves, rates: Rates) -> None:
        self.mode = mode
        self._leaves = leaves
        self._rates = rates

    @property
    def enforces(self) -> bool:
        """Whether a refusal is one."""
        return self.mode == "enforce"

    async def decide(
        self,
        spec: AnyToolSpec,
        principal: Principal,
        space: SpaceLike,
        arguments: Mapping[str, Any] | None,
        *,
        counts: bool = True,
    ) -> Decision:
        """Return what becomes of a call, apart from a person's consent.

        Args:
            spec: The tool.
            principal: The caller.
            space: Where it acts.
            arguments: What it is called with.
            counts: Whether it is a call of its own, and not one that was made before.

        Raises:
            StoreUnavailableError: The calls cannot be counted.
        """
        if self.mode == "off":
            return _OFF
        if spec.scope == "admin":
            return Decision("deny", ADMIN, ForbiddenError(f"{spec.name} is not for users"))
        if spec.policy_hint == "destructive":
            refusal = await self._without_leave(spec, principal, space)
            if refusal is not None:
                return refusal
        wait_s = await self._rates.take(principal.user_id, spec.name) if counts else None
        if wait_s is not None:
            return Decision("deny", RATE, _too_often(spec, wait_s))
        return _FLAGGED if has_marker(arguments) else ALLOWED

    async def _without_leave(
        self, spec: AnyToolSpec, principal: Principal, space: SpaceLike
    ) -> Decision | None:
        try:
            if await self._leaves.has(spec.name, principal, space):
                return None
        except ManaLabError as error:
            return Decision("deny", UNKNOWN_LEAVE, error)
        refusal = ForbiddenError(
            f"{spec.name} takes something away for good, and the owner of the space has not "
            "allowed such tools"
        )
        return Decision("deny", DESTRUCTIVE, refusal)


def _too_often(spec: AnyToolSpec, wait_s: int) -> RateLimitedError:
    return RateLimitedError(
        f"you have called {spec.name} too often within a minute; call it again in {wait_s} s",
        retry_after_s=wait_s,
    )
