"""The audit of vaults: what is done to a vault and the row that tells of it are one transaction.

A refusal is an outcome like any other: it is written down and committed, and only then raised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeAlias, TypeVar

from sqlalchemy import Connection, insert, select

from mana_lab.clock import Clock
from mana_lab.errors import ManaLabError, RateLimitedError
from mana_lab.identity.server.ids import new_id
from mana_lab.identity.server.schema import USERS, VAULT_AUDIT
from mana_lab.storage import RowScope, Store

Action: TypeAlias = Literal[
    "init",
    "fetch",
    "failed_fetch",
    "rotate",
    "rotate_finish",
    "recovery_set",
    "recovery_clear",
    "zk_enable",
    "zk_disable",
]

MAX_FAILED_PROOFS = 5
"""How many wrong proofs a user may show within :data:`PROOF_WINDOW`."""
PROOF_WINDOW = timedelta(minutes=15)
WRONG_PROOF = "wrong-proof"

_LONGEST = 255

T = TypeVar("T")


@dataclass(frozen=True)
class Caller:
    """Who asks, for the audit.

    Attributes:
        user_id: The account, whose own vault it is.
        ip_address: Where the request came from.
        user_agent: What it says it came from.
    """

    user_id: str
    ip_address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True)
class Granted(Generic[T]):
    """What was asked for was done.

    Attributes:
        action: What that was.
        answer: What the caller gets.
        context: What there is to say about it.
        status: What the audit counts it as.
    """

    action: Action
    answer: T
    context: str | None = None
    status: int = 200


@dataclass(frozen=True)
class Refused:
    """What was asked for was not done, and nothing was changed.

    Attributes:
        action: What it would have been.
        error: What the caller gets.
        context: Why.
    """

    action: Action
    error: ManaLabError
    context: str

    @property
    def status(self) -> int:
        """What the audit counts it as."""
        return self.error.status


Outcome: TypeAlias = Granted[T] | Refused


class VaultAudit:
    """Does what is asked for and writes down what came of it, in one transaction.

    Args:
        store: The identity store.
        clock: The lab's time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def settle(self, caller: Caller, work: Callable[[Connection, datetime], Outcome[T]]) -> T:
        """Run *work* with the lab's time, and keep the row that its outcome leaves.

        Returns:
            The answer, when it was granted.

        Raises:
            ManaLabError: What it was refused with.
        """
        now = self._clock.now()

        def audited(connection: Connection) -> Outcome[T]:
            outcome = work(connection, now)
            if has_account(connection, caller.user_id):
                connection.execute(insert(VAULT_AUDIT).values(_row(caller, outcome, now)))
            return outcome

        outcome = await self._store.write(audited, scope=RowScope(caller.user_id))
        if isinstance(outcome, Refused):
            raise outcome.error
        return outcome.answer


def too_many_failures(
    connection: Connection, user_id: str, now: datetime
) -> RateLimitedError | None:
    """Return the refusal of a user who showed too many wrong proofs lately, or None."""
    recent = (
        select(VAULT_AUDIT.c.created_at)
        .where(
            VAULT_AUDIT.c.user_id == user_id,
            VAULT_AUDIT.c.context == WRONG_PROOF,
            VAULT_AUDIT.c.created_at > now - PROOF_WINDOW,
        )
        .order_by(VAULT_AUDIT.c.created_at.desc())
        .limit(MAX_FAILED_PROOFS)
    )
    failed_at = connection.execute(recent).scalars().all()
    if len(failed_at) < MAX_FAILED_PROOFS:
        return None
    wait = failed_at[-1] + PROOF_WINDOW - now
    return RateLimitedError(
        f"{MAX_FAILED_PROOFS} wrong proofs of the key within 15 minutes; try again later",
        retry_after_s=max(1, -(-wait // timedelta(seconds=1))),
    )


def has_account(connection: Connection, user_id: str) -> bool:
    """Tell whether the account still exists."""
    return connection.execute(select(USERS.c.id).where(USERS.c.id == user_id)).first() is not None


def _row(caller: Caller, outcome: Outcome[T], now: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "user_id": caller.user_id,
        "action": outcome.action,
        "ip_address": caller.ip_address,
        "user_agent": (caller.user_agent or "")[:_LONGEST] or None,
        "context": outcome.context,
        "status": outcome.status,
        "created_at": now,
    }
