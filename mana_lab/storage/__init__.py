"""Stores: one database file each, with one durable writer and many readers."""

from mana_lab.storage.statements import insert_or_ignore
from mana_lab.storage.store import Store
from mana_lab.storage.types import UtcDateTime

__all__ = ["Store", "UtcDateTime", "insert_or_ignore"]
