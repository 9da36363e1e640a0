"""Sealing: which values of a record are encrypted, and with whose key.

In a personal space the fields that a table declares as encrypted are, with the caller's master key.
In a shared space, as in the app, the members have no key in common, so records are written readable
for all of them; a value there that the caller cannot decrypt is returned as it stands.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from mana_lab.crypto import MasterKey, encrypt_fields, is_encrypted, unwrap_value
from mana_lab.errors import (
    DecryptionError,
    MalformedCiphertextError,
    VaultNotInitialisedError,
    ZeroKnowledgeUserError,
)
from mana_lab.registry.tables import Table
from mana_lab.sync.merge import Record

_KEYLESS = (VaultNotInitialisedError, ZeroKnowledgeUserError)


class Sealing:
    """The values of one table's records, sealed and opened for one call of a tool.

    Args:
        table: Which fields are encrypted.
        personal: Whether the space is the caller's own.
        master_key: Fetches the caller's key; called once, when the first value needs it.

    Attributes:
        ready: Whether the key was asked for already, so that records need no preparing.
    """

    def __init__(
        self, table: Table, *, personal: bool, master_key: Callable[[], Awaitable[MasterKey]]
    ) -> None:
        self._names = frozenset(table.encrypted)
        self._personal = personal
        self._master_key = master_key
        self._key: MasterKey | None = None
        self.ready = False

    async def sealed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return *fields* as they are written."""
        secret = [name for name in self._names if fields.get(name) is not None]
        if not secret or not self._personal:
            return fields
        if self._key is None:
            self._key = await self._master_key()
        return encrypt_fields(fields, secret, self._key)

    def public(self, record: Record) -> dict[str, Any]:
        """Return the fields that are never encrypted; the values are the record's own."""
        return {name: value for name, value in record.fields.items() if name not in self._names}

    async def plain(self, record: Record) -> dict[str, Any]:
        """Return a copy of the whole record, in plaintext, with its id.

        Raises:
            ZeroKnowledgeUserError: It has encrypted values, and the user alone holds the key.
            VaultNotInitialisedError: It has encrypted values, and the user has no key.
            DecryptionError: A value does not open with the user's key.
        """
        await self.prepare(record)
        return copy.deepcopy(self.shared_plain(record))

    async def prepare(self, record: Record) -> None:
        """Fetch the key, if the record is the first one that needs it.

        Raises:
            ZeroKnowledgeUserError: As for :meth:`plain`.
            VaultNotInitialisedError: As for :meth:`plain`.
        """
        if not self.ready and any(is_encrypted(record.fields.get(name)) for name in self._names):
            await self._ask()

    def shared_plain(self, record: Record) -> dict[str, Any]:
        """Return a prepared record in plaintext; values that are not encrypted are its own.

        Raises:
            DecryptionError: As for :meth:`plain`.
        """
        plain = {
            name: self._opened(record, name) if name in self._names else value
            for name, value in record.fields.items()
        }
        plain["id"] = record.id
        return plain

    async def some_plain(self, record: Record, names: Collection[str]) -> dict[str, Any]:
        """Return a copy of those fields of the record, in plaintext; asks for no key in vain."""
        if not self._names.isdisjoint(names):
            await self.prepare(record)
        return {name: copy.deepcopy(self._opened(record, name)) for name in names}

    async def _ask(self) -> None:
        if self._key is None:
            try:
                self._key = await self._master_key()
            except _KEYLESS:
                if self._personal:
                    raise
        self.ready = True

    def _opened(self, record: Record, name: str) -> Any:
        value = record.fields[name]
        if self._key is None or name not in self._names:
            return value
        try:
            return unwrap_value(value, self._key)
        except (DecryptionError, MalformedCiphertextError):
            if not self._personal:
                return value
            raise DecryptionError(
                f"{name} of the record {record.id} does not open with this user's key"
            ) from None
