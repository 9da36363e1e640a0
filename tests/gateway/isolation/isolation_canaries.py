"""Canaries: texts that are somebody's own, and who may ever see each of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_CANARY = re.compile(rb"cnry[a-z]+[0-9]{5}")


class FoundError(AssertionError):
    """The gateway does not do what it should."""


class LeakError(FoundError):
    """Somebody received what is not for them."""


class Canaries:
    """Mints canaries, and finds those that somebody must not see.

    A text that is written in a space may be seen by whoever is in the space at that moment or
    comes later. One that is written nowhere is for its author alone.
    """

    def __init__(self) -> None:
        self._knowers: dict[bytes, set[str]] = {}
        self._written_in: dict[str, list[bytes]] = defaultdict(list)
        self._secrets: dict[bytes, set[str]] = {}
        self._minted = 0

    def mint(self, author: str, space: str = "", readers: Iterable[str] = ()) -> str:
        """Return a new text of *author*, for a record in *space* that *readers* can see."""
        self._minted += 1
        text = f"cnry{author}{self._minted:05}"
        self._knowers[text.encode()] = {author, *readers}
        self._written_in[space].append(text.encode())
        return text

    def open_to(self, newcomer: str, space: str) -> None:
        """Note that *newcomer* sees all that was written in *space*."""
        for text in self._written_in[space]:
            self._knowers[text].add(newcomer)

    def hide(self, secret: str, *knowers: str) -> None:
        """Note that *secret* is for *knowers* alone: an id, an address, a token."""
        self._secrets.setdefault(secret.encode(), set()).update(knowers)

    def search(self, viewer: str, received: bytes, sent: bytes) -> None:
        """Look through everything that *viewer* received.

        Args:
            viewer: Who.
            received: Status, headers and body.
            sent: What they said themselves, and may hear again.

        Raises:
            LeakError: There is something of somebody else.
        """
        for text in set(_CANARY.findall(received)):
            if viewer not in self._knowers.get(text, ()):
                raise LeakError(f"{viewer} received {text.decode()}: {received[:2000]!r}")
        for secret, knowers in self._secrets.items():
            if viewer not in knowers and secret in received and secret not in sent:
                raise LeakError(f"{viewer} received {secret.decode()}: {received[:2000]!r}")


def in_plaintext(stored: bytes) -> set[bytes]:
    """Return the canaries in something that is stored."""
    return set(_CANARY.findall(stored))
