"""The manifest: one hash per tool, so that no promise to a model changes unseen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mana_lab.crypto import canonical_hash
from mana_lab.errors import CatalogError
from mana_lab.registry.registry import AnyToolSpec, Registry
from mana_lab.registry.schema import JsonSchema
from mana_lab.registry.wording import score


class ToolEntry(BaseModel):
    """What the manifest keeps of a tool.

    Attributes:
        hash: The SHA-256 of all that is promised, as :func:`tool_hash` gives it.
        score: How well it is described, from 0 to 100.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    score: Annotated[int, Field(ge=0, le=100)]


Manifest: TypeAlias = Mapping[str, ToolEntry]
_FILE = TypeAdapter(dict[str, ToolEntry])


def tool_hash(
    spec: AnyToolSpec, description: str | None = None, input_schema: JsonSchema | None = None
) -> str:
    """Return the SHA-256 of all that a model or a client sees of a tool.

    It is over the canonical JSON (RFC 8785) of name, description, schemas, policy hint,
    idempotence and scope.

    Args:
        spec: The tool.
        description: What is promised instead of its own description.
        input_schema: What is promised instead of its own.
    """
    return canonical_hash(
        {
            "name": spec.name,
            "description": spec.description if description is None else description,
            "input": spec.input_schema() if input_schema is None else input_schema,
            "output": spec.output_schema(),
            "policyHint": spec.policy_hint,
            "idempotent": spec.idempotent,
            "scope": spec.scope,
        }
    )


def manifest_of(registry: Registry) -> dict[str, ToolEntry]:
    """Return the manifest of the tools as they are."""
    return {spec.name: ToolEntry(hash=tool_hash(spec), score=score(spec)) for spec in registry}


def read_manifest(text: str) -> dict[str, ToolEntry]:
    """Read what :func:`write_manifest` wrote.

    Raises:
        CatalogError: It is no manifest.
    """
    try:
        return _FILE.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise CatalogError(f"this is no manifest of tools: {where[:120]}: {first['msg']}") from None


def write_manifest(manifest: Manifest) -> str:
    """Return a manifest as JSON, one tool a line."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(entry.model_dump())}"
        for name, entry in sorted(manifest.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def drift(registry: Registry, manifest: Manifest) -> dict[str, str]:
    """Return what differs from a *manifest*, by tool: ``added``, ``changed`` or ``removed``."""
    now = {spec.name: tool_hash(spec) for spec in registry}
    found = dict.fromkeys(sorted(set(manifest) - set(now)), "removed")
    for name, value in now.items():
        if name not in manifest:
            found[name] = "added"
        elif manifest[name].hash != value:
            found[name] = "changed"
    return dict(sorted(found.items()))
