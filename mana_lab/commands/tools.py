"""``tools``: what a model can call, and whether the registry keeps its rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mana_lab.commands.console import refusals, say, show
from mana_lab.commands.options import HERE, Folder, existing_lab, typed
from mana_lab.errors import CatalogError
from mana_lab.lab import approve_tools
from mana_lab.registry import Registry
from mana_lab.registry.audit import audit, worse
from mana_lab.registry.manifest import (
    ToolEntry,
    drift,
    manifest_of,
    read_manifest,
    write_manifest,
)
from mana_lab.registry.wording import Finding, score
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
    approve: Annotated[
        bool,
        typer.Option("--approve", help="Let a lab offer other packages' tools as they are."),
    ] = False,
    folder: Folder = HERE,
    catalog: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Another folder than the one that ships.", metavar="DIR"
        ),
    ] = None,
) -> None:
    """List the tools; check them against their rules; write their manifest anew; approve them.

    For example: python -m mana_lab tools --check
    """
    shelf = catalog or catalog_dir()
    with refusals():
        if approve:
            say(f"{len(approve_tools(existing_lab(folder)))} tools are approved in {folder}")
        if refresh:
            _refresh(default_registry(), shelf)
        if check:
            _check(default_registry(), shelf)
        elif not (refresh or approve):
            show(_table(with_plugins(default_registry())))


def _check(registry: Registry, folder: Path) -> None:
    encrypted = _encrypted(folder / _ENCRYPTED)
    findings = audit(registry, encrypted, _manifest(folder / _MANIFEST))
    _complain(findings)
    if any(finding.rule == "manifest" for finding in findings):
        typer.echo(f"if the change is meant: {typed('tools', '--refresh')}", err=True)
    if findings:
        raise typer.Exit(1)
    say(f"{len(registry)} tools of {len(registry.modules())} modules keep all rules")


def _refresh(registry: Registry, folder: Path) -> None:
    path = folder / _MANIFEST
    known = _manifest(path) if path.exists() else {}
    if lower := sorted(worse(registry, known)):
        _complain(lower)
        typer.echo("nothing was written; describe those tools at least as well", err=True)
        raise typer.Exit(1)
    path.write_text(write_manifest(manifest_of(registry)), encoding="utf-8")
    for name, what in drift(registry, known).items():
        say(f"{what} {name}")
    say(f"{path} has {len(registry)} tools")


def _complain(findings: list[Finding]) -> None:
    for finding in findings:
        typer.echo(f"{finding.subject}: {finding.rule}: {finding.message}", err=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CatalogError(f"there is no {path.name} in {path.parent}") from None
    except UnicodeDecodeError:
        raise CatalogError(f"{path.name} is not UTF-8 text") from None


def _manifest(path: Path) -> dict[str, ToolEntry]:
    text = _text(path)
    try:
        return read_manifest(text)
    except CatalogError as error:
        raise CatalogError(f"{path.name}: {error.message}") from None


def _encrypted(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(_text(path))
    except (ValueError, RecursionError):
        raise CatalogError(f"{path.name} is not JSON") from None
    if not isinstance(document, dict):
        raise CatalogError(f"{path.name} must be one JSON object")
    return document


def _table(registry: Registry) -> Table:
    table = Table()
    for name in ("tool", "policy"):
        table.add_column(name, no_wrap=True)
    table.add_column("score", justify="right")
    table.add_column("purpose")
    for spec in registry:
        purpose = spec.description.partition("\n")[0]
        table.add_row(spec.name, spec.policy_hint, str(score(spec)), purpose)
    return table
