"""Backend: what stands behind the tools, shared by all calls; each call gets a context from it."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import TypeAlias
from weakref import WeakValueDictionary

from mana_lab.clock import Clock, PinnedClock
from mana_lab.closing import Closing
from mana_lab.crypto import CipherPolicy, FieldCipher
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import Space
from mana_lab.registry.context import ProgressReport, ToolContext
from mana_lab.registry.keys import MasterKeyClient
from mana_lab.registry.lru import LruMap
from mana_lab.registry.passes import Exchanging, Passes
from mana_lab.registry.principal import Principal, SpaceLike
from mana_lab.registry.records import PolicyHint, Records
from mana_lab.registry.reencryption import Reencryption
from mana_lab.registry.renewals import Renewals
from mana_lab.registry.sealing import Sealing
from mana_lab.registry.tables import Table
from mana_lab.sync.client import SyncClient
from mana_lab.sync.replica import Replica

RECORD_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://mana.how/records")
"""The namespace (RFC 9562 §5.5) of the record ids of calls that carry an idempotency key."""

_Place: TypeAlias = tuple[str, str, str]
_ReplicaKey: TypeAlias = tuple[str, str, str, str]


class Backend(Closing):
    """The services behind the tools, with a bounded cache of replicas and keys.

    Belongs to one event loop. After a rotation of a user's key it encrypts their values anew in the
    background, from the user's next call on.

    Args:
        identity: Accounts, spaces and vaults.
        sync: The change log.
        clock: ``now`` stamps the records, ``monotonic`` ages the keys.
        random: Makes the ids of records whose call has no idempotency key.
        max_replicas: How many tables, per user and space, are kept in memory at most.
        tables: Every table that has encrypted fields, for whatever tool; without any, nothing is
            encrypted anew and earlier keys stay.
        policy: In which format values are encrypted, and which is believed; by default the
            browser's.
        passes: What identity and sync are shown; by default tokens that are exchanged for the
            callers' own.

    Attributes:
        passes: What identity and sync are shown.
        renewals: What is being encrypted anew.
    """

    def __init__(
        self,
        identity: IdentityClient,
        sync: SyncClient,
        *,
        clock: Clock,
        random: Callable[[], uuid.UUID] = uuid.uuid4,
        max_replicas: int = 1024,
        tables: Iterable[Table] = (),
        policy: CipherPolicy | None = None,
        passes: Passes | None = None,
    ) -> None:
        self._identity = identity
        self._sync = sync
        self._clock = clock
        self._random = random
        self._policy = policy or CipherPolicy()
        self._exchanging = Exchanging(identity, clock)
        self.passes: Passes = self._exchanging if passes is None else passes
        encrypted = [table for table in tables if table.encrypted]
        self.renewals = Renewals(Reencryption(identity, sync, encrypted, self.passes, self._policy))
        watcher = self.renewals.start if encrypted else None
        self._keys = MasterKeyClient(identity, self.passes, clock=clock, watcher=watcher)
        self._replicas: LruMap[_ReplicaKey, Replica] = LruMap(max_replicas)
        self._locks: WeakValueDictionary[_Place, asyncio.Lock] = WeakValueDictionary()

    def context(
        self,
        principal: Principal,
        space: SpaceLike,
        idempotency_key: str | None = None,
        acts_at: datetime | None = None,
        report: ProgressReport | None = None,
    ) -> ToolContext:
        """Return the context of one call.

        Args:
            principal: The verified caller.
            space: The active space; that the caller is a member was checked.
            idempotency_key: The same for a call that is done again, so that it makes the same
                records; None for ids that are new every time.
            acts_at: When the call acts, for one that is done again; None for now.
            report: Tells the caller how far the tool is.
        """
        clock = self._clock if acts_at is None else PinnedClock(acts_at)
        ids = self._ids(principal, idempotency_key)
        return ToolContext(
            principal.without_token(),
            space,
            clock,
            open_records=partial(self._records, principal, space, ids, clock),
            list_spaces=partial(self._spaces, principal),
            ids=ids,
            report=report,
        )

    async def close(self) -> None:
        """Stop encrypting anew, and forget all keys and tokens."""
        await self._keys.close()
        await self.renewals.close()
        await self._exchanging.close()

    async def _spaces(self, principal: Principal) -> list[Space]:
        return await self._identity.spaces(await self.passes.to_identity(principal.token))

    def _ids(self, principal: Principal, idempotency_key: str | None) -> Iterator[str]:
        if idempotency_key is None:
            return (str(self._random()) for _ in itertools.count())
        # A persona that is made anew keeps its address and makes the same records as before. People
        # are known by their ids alone: they choose their addresses, and others may have had them.
        is_persona = principal.kind == "persona" and principal.email
        call = f"{principal.email if is_persona else principal.user_id}:{idempotency_key}"
        return (str(uuid.uuid5(RECORD_NAMESPACE, f"{call}:{n}")) for n in itertools.count())

    def _records(
        self,
        principal: Principal,
        space: SpaceLike,
        ids: Iterator[str],
        clock: Clock,
        table: Table,
        *,
        policy_hint: PolicyHint,
        tool: str,
    ) -> Records:
        return Records(
            table,
            replica=self._replica(principal.user_id, table, space.id),
            lock=self._lock(table, space.id),
            space=space,
            reading=partial(self.passes.to_read, principal.token, space.id),
            writing=partial(self.passes.to_write, principal.token, space.id, tool),
            clock=clock,
            sealing=Sealing(
                table,
                user_id=principal.user_id,
                personal=space.type == "personal",
                open_cipher=partial(self._cipher, principal),
                policy=self._policy,
            ),
            new_id=lambda: next(ids),
            policy_hint=policy_hint,
        )

    async def _cipher(self, principal: Principal, failed: FieldCipher | None) -> FieldCipher:
        unlike = None if failed is None else failed.ring
        ring = await self._keys.get_keys(principal.user_id, principal.token, unlike=unlike)
        return FieldCipher(ring, self._policy)

    def _replica(self, user_id: str, table: Table, space_id: str) -> Replica:
        kept_under = (user_id, table.app_id, table.name, space_id)
        replica = self._replicas.get(kept_under)
        if replica is None:
            replica = Replica(self._sync, table.app_id, table.name, space_id)
            self._replicas.put(kept_under, replica)
        return replica

    def _lock(self, table: Table, space_id: str) -> asyncio.Lock:
        place = (table.app_id, table.name, space_id)
        lock = self._locks.get(place)
        if lock is None:
            lock = self._locks[place] = asyncio.Lock()
        return lock
