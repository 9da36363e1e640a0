"""Variants: the app as some users have it for a while, otherwise than it is.

A variant changes what tools promise (their descriptions and schemas, and whether they are there)
and what stands around their work: any callable that is given the call and what does it. Users who
have none, and all others, see the app as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from mcp.types import Tool

if TYPE_CHECKING:
    from mana_lab.gateway.calls import Call

Answer: TypeAlias = dict[str, Any]
"""A result as MCP writes it, ``CallToolResult``."""
Proceed: TypeAlias = Callable[[], Awaitable[Answer]]
"""Does the call; raises why it failed."""
Around: TypeAlias = "Callable[[Call, Proceed], Awaitable[Answer]]"
"""Stands around the work of a tool: may wait, fail, or answer otherwise."""
Describe: TypeAlias = Callable[[Tool], Tool | None]
"""Returns a tool as it is listed; None where it is not there."""


def _unchanged(tool: Tool) -> Tool | None:
    return tool


async def _straight(_: Call, proceed: Proceed) -> Answer:
    return await proceed()


@dataclass(frozen=True)
class Variant:
    """The app, otherwise than it is.

    Two variants joined with ``|`` change it one after the other.

    Attributes:
        name: What is changed, in a few words; another change has another name.
        describe: Returns each tool as it is listed, or None. It keeps its name.
        around: Stands around the work of each tool, after the policy let the call pass and the
            audit has begun; its failures are the tool's.
        tools: Which tools it touches, by name; for those who look for them afterwards.
    """

    name: str
    describe: Describe = field(default=_unchanged, repr=False)
    around: Around = field(default=_straight, repr=False)
    tools: tuple[str, ...] = ()

    def __or__(self, other: Variant) -> Variant:
        async def around(call: Call, proceed: Proceed) -> Answer:
            return await other.around(call, lambda: self.around(call, proceed))

        def describe(tool: Tool) -> Tool | None:
            known = self.describe(tool)
            return None if known is None else other.describe(known)

        name = f"{self.name}; {other.name}"
        return Variant(name, describe, around, (*self.tools, *other.tools))


class Variants:
    """Who has which variant of the app at the moment; shared by all gateways of a lab."""

    def __init__(self) -> None:
        self._everybodys: Variant | None = None
        self._of: dict[str, Variant] = {}

    def of(self, user_id: str) -> Variant | None:
        """Return the variant that a user has; None for the app as it is."""
        return self._of.get(user_id) or self._everybodys

    def partition(self, user_id: str) -> str:
        """Return under which name is kept what a user is told of the app."""
        variant = self.of(user_id)
        return user_id if variant is None else f"{user_id} {variant.name}"

    @contextmanager
    def applied(self, user_id: str, variant: Variant) -> Iterator[None]:
        """Let one user have a variant, besides what everybody has, for as long as this is held."""
        before = self._of.get(user_id)
        self._of[user_id] = self._besides(variant)
        try:
            yield
        finally:
            if before is None:
                self._of.pop(user_id, None)
            else:
                self._of[user_id] = before

    @contextmanager
    def for_all(self, variant: Variant) -> Iterator[None]:
        """Let everybody have a variant for as long as this is held."""
        before = self._everybodys
        self._everybodys = self._besides(variant)
        try:
            yield
        finally:
            self._everybodys = before

    def _besides(self, variant: Variant) -> Variant:
        return variant if self._everybodys is None else self._everybodys | variant
