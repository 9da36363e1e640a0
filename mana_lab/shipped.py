"""Where the data that ships with the package lies: the catalog and the notebooks."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _shipped(name: str) -> Path:
    installed = _PACKAGE / "_shipped" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def catalog_dir() -> Path:
    """Return the folder with ``personas.json``, its schema and the other catalog files."""
    return _shipped("catalog")


def notebooks_dir() -> Path:
    """Return the folder with the curated notebooks."""
    return _shipped("notebooks")
