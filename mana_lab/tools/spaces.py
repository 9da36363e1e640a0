"""Spaces: where records live, one's own and the shared ones (kept by identity, not by sync)."""

from __future__ import annotations

from mana_lab.registry import ToolContext, ToolInput, ToolOutput, tool


class Space(ToolOutput):
    """A space that the caller is a member of."""

    id: str
    name: str
    slug: str | None = None
    type: str | None = None
    role: str | None = None


class Spaces(ToolOutput):
    """The caller's spaces and the one that this call acts in."""

    spaces: list[Space]
    active_space_id: str


class Nothing(ToolInput):
    """The tool takes no arguments."""


@tool("spaces.list", policy_hint="read")
async def list_spaces(_given: Nothing, ctx: ToolContext) -> Spaces:
    """List the spaces that you are a member of, and which one is active.

    A space is personal or shared with a family, a team, a club. All other tools act in the active
    space; this one only tells which it is, it does not switch.

    Example: {}
    """
    found = [
        Space(id=space.id, name=space.name, slug=space.slug, type=space.type, role=space.role)
        for space in await ctx.spaces()
    ]
    return Spaces(spaces=found, active_space_id=ctx.space.id)


TOOLS = (list_spaces,)
