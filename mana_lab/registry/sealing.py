"""Sealing: which values of a record are encrypted, and with whose key.

In a personal space the fields that a table declares as encrypted are, with the caller's master key;
after a rotation the keys before open what is not encrypted anew yet.
In a shared space, as in the app, the members have no key in common, so records are written readable
for all of them; a value there that the caller cannot decrypt is returned as it stands.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeAlias

from mana_lab.crypto import CipherPolicy, FieldCipher, FieldPlace, is_encrypted
from mana_lab.errors import (
    DecryptionError,
    MalformedCiphertextError,
    VaultNotInitialisedError,
    ZeroKnowledgeUserError,
)
from mana_lab.registry.tables import Table
from mana_lab.sync.merge import Record

OpenCipher: TypeAlias = Callable[[FieldCipher | None], Awaitable[FieldCipher]]
"""Fetches the caller's keys; given a cipher that did not open a value, keys that may be newer."""

_KEYLESS = (VaultNotInitialisedError, ZeroKnowledgeUserError)


class Sealing:
    """The values of one table's records, sealed and opened for one call of a tool.

    Args:
        table: Which fields are encrypted.
        user_id: The caller.
        personal: Whether the space is the caller's own.
        open_cipher: Fetches the caller's keys; called when the first value needs them, and once
            more when they do not open one: another process may have rotated them meanwhile.
        policy: Which values are believed.
    """

    def __init__(
        self,
        table: Table,
        *,
        user_id: str,
        personal: bool,
        open_cipher: OpenCipher,
        policy: CipherPolicy,
    ) -> None:
        self._table = table
        self._user_id = user_id
        self._names = frozenset(table.encrypted)
        self._personal = personal
        self._open_cipher = open_cipher
        self._bound_only = policy.bound_only
        self._cipher: FieldCipher | None = None
        self._ready = False
        self._renewed = False

    async def sealed(self, record_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return *fields* as they are written to the record."""
        secret = [name for name in self._names if fields.get(name) is not None]
        if not secret or not self._personal:
            return fields
        if self._cipher is None:
            self._cipher = await self._open_cipher(None)
        sealed = {
            name: self._cipher.seal(fields[name], self._place(record_id, name)) for name in secret
        }
        return fields | sealed

    def public(self, record: Record) -> dict[str, Any]:
        """Return the fields that are never encrypted; the values are the record's own."""
        return {name: value for name, value in record.fields.items() if name not in self._names}

    async def plain(self, record: Record) -> dict[str, Any]:
        """Return a copy of the whole record, in plaintext, with its id.

        Raises:
            ZeroKnowledgeUserError: It has encrypted values, and the user alone holds the key.
            VaultNotInitialisedError: It has encrypted values, and the user has no key.
            DecryptionError: A value does not open with the user's keys.
        """
        return copy.deepcopy(await self.shared_plain(record))

    async def some_plain(self, record: Record, names: Collection[str]) -> dict[str, Any]:
        """Return a copy of those fields of the record, in plaintext; asks for no key in vain.

        Raises:
            ManaLabError: As for :meth:`plain`.
        """
        return copy.deepcopy(await self._prepared(record, names))

    async def shared_plain(self, record: Record) -> dict[str, Any]:
        """Return the record in plaintext; values that are not encrypted are its own.

        Raises:
            ManaLabError: As for :meth:`plain`.
        """
        plain = await self._prepared(record, record.fields)
        plain["id"] = record.id
        return plain

    def plain_at_once(self, record: Record) -> dict[str, Any] | None:
        """Return what :meth:`shared_plain` does if that needs no waiting; None if it does."""
        if not self._ready:
            return None
        try:
            plain = self._opened(record, record.fields)
        except DecryptionError:
            return None
        plain["id"] = record.id
        return plain

    async def _prepared(self, record: Record, names: Collection[str]) -> dict[str, Any]:
        if not self._ready:
            secret = self._names.intersection(names)
            if any(self._needs_key(record.fields.get(name)) for name in secret):
                await self._ask()
        try:
            return self._opened(record, names)
        except DecryptionError:
            if self._renewed:
                raise
        self._renewed = True
        self._cipher = await self._open_cipher(self._cipher)
        return self._opened(record, names)

    def _needs_key(self, value: Any) -> bool:
        return is_encrypted(value) or (self._bound_only and value is not None)

    async def _ask(self) -> None:
        if self._cipher is None:
            try:
                self._cipher = await self._open_cipher(None)
            except _KEYLESS:
                if self._personal:
                    raise
        self._ready = True

    def _opened(self, record: Record, names: Collection[str]) -> dict[str, Any]:
        fields = record.fields
        opened = fields.copy() if names is fields else {name: fields[name] for name in names}
        if self._cipher is not None:
            for name in self._names:
                if opened.get(name) is not None:
                    opened[name] = self._value(self._cipher, record.id, name, opened[name])
        return opened

    def _value(self, cipher: FieldCipher, record_id: str, name: str, value: Any) -> Any:
        try:
            return cipher.open(value, self._place(record_id, name))
        except (DecryptionError, MalformedCiphertextError) as error:
            if not self._personal:
                return value
            kind = type(error) if isinstance(error, DecryptionError) else DecryptionError
            raise kind(
                f"{name} of the record {record_id} does not open with this user's key"
            ) from None

    def _place(self, record_id: str, name: str) -> FieldPlace:
        return FieldPlace(self._user_id, self._table.app_id, self._table.name, record_id, name)
