"""The manifest: one hash per tool, so that no promise to a model changes unseen."""

from __future__ import annotations

from collections.abc import Mapping

from mana_lab.crypto import canonical_hash
from mana_lab.registry.registry import AnyToolSpec, Registry


def tool_hash(spec: AnyToolSpec) -> str:
    """Return the SHA-256 of all that a model or a client sees of a tool.

    It is over the canonical JSON (RFC 8785) of name, description, schemas, policy hint,
    idempotence and scope.
    """
    return canonical_hash(
        {
            "name": spec.name,
            "description": spec.description,
            "input": spec.input_schema(),
            "output": spec.output_schema(),
            "policyHint": spec.policy_hint,
            "idempotent": spec.idempotent,
            "scope": spec.scope,
        }
    )


def manifest_of(registry: Registry) -> dict[str, str]:
    """Return the hash of every tool, by name."""
    return {spec.name: tool_hash(spec) for spec in registry}


def drift(registry: Registry, manifest: Mapping[str, str]) -> dict[str, str]:
    """Return what differs from a *manifest*, by tool: ``added``, ``changed`` or ``removed``."""
    now = manifest_of(registry)
    found = dict.fromkeys(sorted(set(manifest) - set(now)), "removed")
    for name, value in now.items():
        if name not in manifest:
            found[name] = "added"
        elif manifest[name] != value:
            found[name] = "changed"
    return dict(sorted(found.items()))
