"""Sync: the change log that every device shares, and the replicas that fold it into records.

The client's half. The service itself is :mod:`mana_lab.sync.server`.
"""

from mana_lab.sync.client import Page, PushResult, SyncClient
from mana_lab.sync.merge import Record, fold
from mana_lab.sync.replica import Replica
from mana_lab.sync.stories import FieldStory, RecordStory, Write, explain
from mana_lab.sync.wire import Change, Changeset, FieldChange, SyncAnswer, personal_space

__all__ = [
    "Change",
    "Changeset",
    "FieldChange",
    "FieldStory",
    "Page",
    "PushResult",
    "Record",
    "RecordStory",
    "Replica",
    "SyncAnswer",
    "SyncClient",
    "Write",
    "explain",
    "fold",
    "personal_space",
]
