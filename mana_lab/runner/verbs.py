"""What the name of a tool says that it does, where nothing else says it."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Deed: TypeAlias = Literal["reads", "writes", "destroys"]

_DEEDS: dict[Deed, str] = {
    "reads": (
        "check compare count describe diff echo explain fetch find get inspect list load lookup "
        "open peek print query read resolve search select show status summarize test validate view "
        "watch"
    ),
    "writes": (
        "add append apply archive assign build call cancel change close commit complete convert "
        "copy create do download edit enable disable execute export generate import insert invoke "
        "log make mark merge modify move patch post publish push put rename replace reply reset "
        "restore run save send set simulate sort start stop store submit sync toggle trigger "
        "unarchive update upload upsert write"
    ),
    "destroys": "clear delete destroy discard drop erase kill purge remove truncate uninstall wipe",
}
_VERBS = {verb: deed for deed, verbs in _DEEDS.items() for verb in verbs.split()}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def deed_of(tool_name: str) -> Deed | None:
    """Return what a tool does by the first verb in its name; None where it has none.

    Args:
        tool_name: Such as ``read_graph``, ``get-sum``, ``issues.list`` or ``deleteFile``.
    """
    deeds = (_VERBS.get(word.lower()) for word in _WORD.findall(tool_name))
    return next(filter(None, deeds), None)


def is_verb(word: str) -> bool:
    """Return whether a word stands for something that one does."""
    return word.lower() in _VERBS
