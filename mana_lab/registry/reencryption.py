"""Re-encryption: after a rotation, brings a user's values from earlier keys to the current one.

Any number of devices may write meanwhile, so a renewed value must win over the write that it
renews, and over no other. Writes are ordered by stamp, then client id (:mod:`mana_lab.sync.merge`).
The renewed value therefore has the stamp of the write, so that every later write wins over it, and
is pushed under the id of the client that wrote it with ``!`` and the key's id appended. That sorts
directly after the client's own id, as ``!`` sorts before everything that ids are made of: a
write of another client with the same stamp wins or loses as it did before. The ids of a vault's
keys grow, so of two rotations the later one wins.

The same value is always renewed by the same change with the same event id, so it does not matter
how often, or by how many at once, a part of the work is done. Whenever the work stops, every value
is encrypted with the current key or an earlier one, and the vault hands out both.
"""

from __future__ import annotations

import asyncio
import copy
import re
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from mana_lab.crypto import (
    CipherPolicy,
    FieldCipher,
    FieldPlace,
    JsonValue,
    canonical_json,
    encode_base64,
    key_proof,
)
from mana_lab.crypto.exchanged import VAULT_READ, VAULT_RENEW
from mana_lab.errors import (
    DecryptionError,
    DowngradeError,
    FutureStampError,
    MalformedCiphertextError,
    ProtocolError,
)
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.wire import RotationFinish, VaultKey
from mana_lab.registry.keys import ring_of
from mana_lab.registry.passes import Passes
from mana_lab.registry.tables import Table
from mana_lab.sync.client import SyncClient
from mana_lab.sync.merge import Record, fold
from mana_lab.sync.wire import Change, FieldChange, personal_space

RENEWAL_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://mana.how/renewals")
"""The namespace (RFC 9562 §5.5) of the event ids of renewed values."""

_BREATH = 500
_TOOL = "reencryption"
_LONGEST_NAME = 200
_HIGHEST = "\U000e01ef"
_MARK = re.compile(r"![A-Za-z0-9_-]{1,64}")
_NO_TIME = "0001-01-01T00:00:00.000Z"
"""The stamp that counts as none; an update has to carry one."""


@dataclass
class Renewal:
    """What became of one pass over a user's values.

    Attributes:
        renewed: How many records got a renewed value.
        left: How many values are still under an earlier key and could not be renewed.
        finished: Whether the vault has given up its earlier keys.
    """

    renewed: int = 0
    left: int = 0
    finished: bool = False


@dataclass
class _Stale:
    """The renewed values of one record that one client wrote."""

    space_id: str | None
    record_id: str
    fields: dict[str, FieldChange] = field(default_factory=dict)


class Reencryption:
    """Renews the values of users, in their names.

    Args:
        identity: Where the vaults are.
        sync: Where the values are.
        tables: Every table with encrypted fields; what stands in another one cannot be read any
            more when the earlier keys are gone.
        passes: What both are shown.
        policy: Which format is written.
        batch: How many records are pushed at a time.
    """

    def __init__(
        self,
        identity: IdentityClient,
        sync: SyncClient,
        tables: Iterable[Table],
        passes: Passes,
        policy: CipherPolicy | None = None,
        *,
        batch: int = 200,
    ) -> None:
        self._identity = identity
        self._sync = sync
        self._tables = [table for table in tables if table.encrypted]
        self._passes = passes
        self._policy = policy or CipherPolicy()
        self._batch = batch

    async def run(self, user_id: str, token: str) -> Renewal:
        """Renew what is still under an earlier key; have those keys given up when nothing is.

        The keys are only given up if nobody could write with them any more before this began.

        Raises:
            ManaLabError: A service refused or did not answer; begin again at any time.
        """
        shown = await self._passes.to_identity(token, VAULT_READ)
        answer = await self._identity.vault_key(shown)
        done = Renewal()
        if answer.master_key is None or not answer.previous_keys:
            return done
        cipher = FieldCipher(ring_of(answer), self._policy)
        for space_id in await self._spaces(user_id, token):
            for table in self._tables:
                await self._table(_Pass(user_id, token, space_id, table, cipher, done))
        if done.left == 0 and all(key.removable for key in answer.previous_keys):
            shown = await self._passes.to_identity(token, VAULT_RENEW)
            await self._identity.vault_finish_rotation(shown, _finish(answer, cipher))
            done.finished = True
        return done

    async def _spaces(self, user_id: str, token: str) -> list[str | None]:
        """Return where to look: each space for itself, or None for all at once."""
        if not self._passes.bound:
            return [None]
        known = await self._identity.spaces(await self._passes.to_identity(token))
        return [personal_space(user_id), *(space.id for space in known)]

    async def _table(self, work: _Pass) -> None:
        spaces: dict[str | None, dict[str, Record]] = defaultdict(dict)
        cursor, has_more = "", True
        while has_more:
            shown = await self._passes.to_read(work.token, work.space_id or "")
            page = await self._sync.pull(
                shown, work.table.app_id, work.table.name, cursor, work.space_id
            )
            for change in page.changes:
                fold([change], spaces[change.space_id])
            if page.has_more and page.cursor == cursor:
                raise ProtocolError("the sync service has more changes but does not move on")
            cursor, has_more = page.cursor, page.has_more
        for writer, found in (await _stale(work, spaces)).items():
            for start in range(0, len(found), self._batch):
                part = found[start : start + self._batch]
                changes = [_change(work.table, each) for each in part]
                await self._push(work, writer, changes, cursor)

    async def _push(self, work: _Pass, writer: str, changes: Sequence[Change], cursor: str) -> None:
        sync = copy.copy(self._sync)
        sync.client_id = renewing_client(writer, work.cipher.ring.current.key_id)
        try:
            shown = await self._passes.to_write(work.token, work.space_id or "", _TOOL)
            await sync.push(shown, work.table.app_id, changes, since=cursor)
            work.done.renewed += len(changes)
        except FutureStampError:
            if len(changes) == 1:
                work.done.left += 1
                return
            for change in changes:
                await self._push(work, writer, [change], cursor)


@dataclass(frozen=True)
class _Pass:
    """One table of one space, or of all, in one pass over a user's values."""

    user_id: str
    token: str
    space_id: str | None
    table: Table
    cipher: FieldCipher
    done: Renewal


def renewing_client(writer: str, key_id: str) -> str:
    """Return the client id that sorts directly after *writer*, and after its former renewals.

    Args:
        writer: The client that wrote the value, or renewed it.
        key_id: The key that the value is renewed for.
    """
    client, mark, _ = writer.rpartition("!")
    known = bool(mark) and _MARK.fullmatch(writer[len(client) :]) is not None
    renewing = f"{client if known else writer}!{key_id}"
    if renewing <= writer:
        renewing = f"{writer}!{key_id}"
    if len(renewing) <= _LONGEST_NAME:
        return renewing
    rest = f"{_HIGHEST}!{key_id}"
    return writer[: _LONGEST_NAME - len(rest)] + rest


async def _stale(
    work: _Pass, spaces: dict[str | None, dict[str, Record]]
) -> dict[str, list[_Stale]]:
    """Return what has to be renewed, by the client that wrote it."""
    found: dict[str, list[_Stale]] = defaultdict(list)
    async for space_id, record in _all(spaces):
        by_writer: dict[str, _Stale] = {}
        for name in work.table.encrypted:
            fresh = _renewed(work, record, name)
            if fresh is None:
                continue
            writer = record.writers[name]
            stale = by_writer.setdefault(writer, _Stale(space_id, record.id))
            stamp = record.stamps[name] or _NO_TIME
            stale.fields[name] = FieldChange(value=fresh, updated_at=stamp)
        for writer, stale in by_writer.items():
            found[writer].append(stale)
    return found


async def _all(
    spaces: dict[str | None, dict[str, Record]],
) -> AsyncIterator[tuple[str | None, Record]]:
    """Go through all records, deleted ones too, and let others work now and then."""
    for space_id, records in spaces.items():
        for place, record in enumerate(records.values(), 1):
            yield space_id, record
            if place % _BREATH == 0:
                await asyncio.sleep(0)


def _renewed(work: _Pass, record: Record, name: str) -> str | None:
    if name not in record.fields:
        return None
    table = work.table
    place = FieldPlace(work.user_id, table.app_id, table.name, record.id, name)
    try:
        return work.cipher.renewed(record.fields[name], place)
    except DowngradeError:
        work.done.left += 1
    except (DecryptionError, MalformedCiphertextError):
        pass  # not this user's, or damaged: no key that goes could have opened it
    return None


def _change(table: Table, stale: _Stale) -> Change:
    told: list[JsonValue] = [stale.space_id, table.app_id, table.name, stale.record_id]
    for name, update in sorted(stale.fields.items()):
        told += [name, update.value, update.updated_at]
    event_id = uuid.uuid5(RENEWAL_NAMESPACE, canonical_json(told))
    return Change(
        table=table.name,
        id=stale.record_id,
        op="update",
        fields=stale.fields,
        space_id=stale.space_id,
        event_id=str(event_id),
    )


def _finish(answer: VaultKey, cipher: FieldCipher) -> RotationFinish:
    proof = encode_base64(key_proof(cipher.ring.current))
    return RotationFinish(key_id=answer.key_id or "", key_proof=proof)
