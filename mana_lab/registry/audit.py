"""The audit of a registry: what must hold before a model may read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from mana_lab.registry.manifest import Manifest, drift
from mana_lab.registry.reach import tables_opened_by
from mana_lab.registry.registry import AnyToolSpec, Registry
from mana_lab.registry.wording import RULES, Finding, score, tools_named

EncryptedFields: TypeAlias = Mapping[str, Iterable[str]]
"""The encrypted fields of each table, by ``app/collection``; none for a plaintext table."""


def audit(registry: Registry, encrypted: EncryptedFields, manifest: Manifest) -> list[Finding]:
    """Return everything that breaks a rule, sorted.

    Args:
        registry: The tools.
        encrypted: What the app encrypts in each table.
        manifest: Hash and score of each tool as it was last looked at.
    """
    findings = [
        finding
        for spec in registry
        for rule in (*RULES, _undeclared_tables)
        for finding in rule(spec)
    ]
    findings += _encryption(registry, encrypted)
    findings += _references(registry)
    findings += _drift(registry, manifest)
    findings += worse(registry, manifest)
    return sorted(findings)


def worse(registry: Registry, manifest: Manifest) -> Iterator[Finding]:
    """Go through the tools that are described less well than in the *manifest*."""
    for spec in registry:
        before = manifest[spec.name].score if spec.name in manifest else 0
        now = score(spec)
        if now < before:
            yield Finding(
                spec.name, "score", f"its description scores {now}, before it was {before}"
            )


def _undeclared_tables(spec: AnyToolSpec) -> Iterator[Finding]:
    for table in tables_opened_by(spec.handler):
        if table not in spec.tables:
            yield Finding(
                spec.name,
                "undeclared-table",
                f"it opens {table.app_id}/{table.name}, which it does not declare",
            )


def _encryption(registry: Registry, encrypted: EncryptedFields) -> Iterator[Finding]:
    declared = {f"{table.app_id}/{table.name}": set(table.encrypted) for table in registry.tables()}
    for name in sorted(declared.keys() | encrypted.keys()):
        if name not in encrypted:
            yield Finding(name, "encryption", "the catalog does not know this table")
        elif name not in declared:
            yield Finding(name, "encryption", "no tool uses this table of the catalog")
        elif surplus := sorted(declared[name] - set(encrypted[name])):
            yield Finding(name, "encryption", f"tools encrypt {surplus}, the catalog does not")
        elif lacking := sorted(set(encrypted[name]) - declared[name]):
            yield Finding(name, "encryption", f"the catalog encrypts {lacking}, tools do not")


def _references(registry: Registry) -> Iterator[Finding]:
    for spec in registry:
        for name in tools_named(spec):
            if name not in registry:
                yield Finding(spec.name, "reference", f"it names {name}, which is no tool here")


def _drift(registry: Registry, manifest: Manifest) -> Iterator[Finding]:
    for name, what in drift(registry, manifest).items():
        yield Finding(
            name, "manifest", f"was {what} since the manifest was written; look, then refresh it"
        )
