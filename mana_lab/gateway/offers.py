"""Offers: the tools as each user is promised them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from mcp.types import Tool as ListedTool
from mcp.types import ToolAnnotations

from mana_lab.gateway.variants import Variant, Variants
from mana_lab.registry import AnyToolSpec, Registry
from mana_lab.registry.lru import LruMap
from mana_lab.registry.manifest import tool_hash

_MOST_VARIANTS = 64


@dataclass(frozen=True)
class Tool:
    """A tool as the gateway has it.

    Attributes:
        spec: The tool.
        listed: As it is promised.
        hash: Which version of it that is.
    """

    spec: AnyToolSpec
    listed: ListedTool
    hash: str


Offer: TypeAlias = Mapping[str, Tool]
"""The tools by name, sorted."""


class Offers:
    """What each user is offered.

    Args:
        registry: The tools; only such as may be exposed.
        variants: Who has them otherwise than they are.
    """

    def __init__(self, registry: Registry, variants: Variants) -> None:
        self._variants = variants
        self._usual = {spec.name: Tool(spec, _listed(spec), tool_hash(spec)) for spec in registry}
        self._otherwise: LruMap[Variant, Offer] = LruMap(_MOST_VARIANTS)

    def variant_of(self, user_id: str) -> Variant | None:
        """Return the variant that a user has; None for the app as it is."""
        return self._variants.of(user_id)

    def to(self, user_id: str) -> Offer:
        """Return what a user is offered now."""
        variant = self._variants.of(user_id)
        if variant is None:
            return self._usual
        known = self._otherwise.get(variant)
        if known is None:
            known = {tool.spec.name: tool for tool in self._changed(variant)}
            self._otherwise.put(variant, known)
        return known

    def _changed(self, variant: Variant) -> list[Tool]:
        changed = []
        for tool in self._usual.values():
            listed = variant.describe(tool.listed)
            if listed is not None:
                kept = listed.model_copy(update={"name": tool.spec.name})
                promised = tool_hash(tool.spec, kept.description or "", kept.input_schema)
                changed.append(replace(tool, listed=kept, hash=promised))
        return changed


def _listed(spec: AnyToolSpec) -> ListedTool:
    title = f"{spec.module.capitalize()}: {spec.name.partition('.')[2]}"
    return ListedTool(
        name=spec.name,
        title=title,
        description=spec.description,
        input_schema=spec.input_schema(),
        output_schema=spec.output_schema(),
        annotations=ToolAnnotations(
            title=title,
            read_only_hint=spec.policy_hint == "read",
            destructive_hint=spec.policy_hint == "destructive",
            idempotent_hint=spec.idempotent,
            open_world_hint=False,
        ),
    )
