"""``tools``: what a model can call, and whether the registry keeps its rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mana_lab.commands.console import refusals, say, show
from mana_lab.commands.options import typed
from mana_lab.errors import CatalogError
from mana_lab.registry import Registry
from mana_lab.registry.audit import audit
from mana_lab.registry.manifest import drift, manifest_of
from mana_lab.shipped import catalog_dir
from mana_lab.tools import default_registry, with_plugins

_ENCRYPTED = "encrypted_fields.json"
_MANIFEST = "tools.json"


def tools(
    check: Annotated[
        bool, typer.Option("--check", help="Say what breaks a rule; status 1 if anything does.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Write the manifest anew, after a look at it.")
    ] = False,
    catalog: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Another folder than the one that ships.", metavar="DIR"
        ),
    ] = None,
) -> None:
    """List the tools; check them against their rules; write their manifest anew.

    For example: python -m mana_lab tools --check
    """
    folder = catalog or catalog_dir()
    with refusals():
        if refresh:
            _refresh(default_registry(), folder)
        if check:
            _check(default_registry(), folder)
        elif not refresh:
            show(_table(with_plugins(default_registry())))


def _check(registry: Registry, folder: Path) -> None:
    findings = audit(registry, _read(folder / _ENCRYPTED), _read(folder / _MANIFEST))
    for finding in findings:
        typer.echo(f"{finding.subject}: {finding.rule}: {finding.message}", err=True)
    if any(finding.rule == "manifest" for finding in findings):
        typer.echo(f"if the change is meant: {typed('tools', '--refresh')}", err=True)
    if findings:
        raise typer.Exit(1)
    say(f"{len(registry)} tools of {len(registry.modules())} modules keep all rules")


def _refresh(registry: Registry, folder: Path) -> None:
    path = folder / _MANIFEST
    changes = drift(registry, _read(path) if path.exists() else {})
    path.write_text(json.dumps(manifest_of(registry), indent=2) + "\n", encoding="utf-8")
    for name, what in changes.items():
        say(f"{what} {name}")
    say(f"{path} has {len(registry)} tools")


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CatalogError(f"there is no {path.name} in {path.parent}") from None
    except (ValueError, RecursionError):
        raise CatalogError(f"{path.name} is not JSON") from None
    if not isinstance(document, dict):
        raise CatalogError(f"{path.name} must be one JSON object")
    return document


def _table(registry: Registry) -> Table:
    table = Table()
    for name in ("tool", "policy"):
        table.add_column(name, no_wrap=True)
    table.add_column("purpose")
    for spec in registry:
        table.add_row(spec.name, spec.policy_hint, spec.description.partition("\n")[0])
    return table
