"""Catalog files: reading them, with refusals that name who and what, and writing them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mana_lab.errors import CatalogError
from mana_lab.personas.catalog import DOMAIN, LONGEST_SHOWN, Catalog, CatalogFile, short
from mana_lab.shipped import catalog_dir

MAX_BYTES = 32 * 1024 * 1024
_SECTIONS = {"personas": "persona", "spaces": "space"}


def load_catalog(path: Path | None = None) -> Catalog:
    """Read a catalog.

    Args:
        path: The file; by default the one that ships with the package.

    Raises:
        CatalogError: The file cannot be read, or breaks a rule; the message names the persona
            and the field.
    """
    place = path or catalog_dir() / "personas.json"
    content = _parse(place.name, _read(place))
    try:
        file = CatalogFile.model_validate(content)
    except ValidationError as error:
        raise CatalogError(_sentence(place.name, error, content)) from None
    return Catalog(file.personas, file.spaces)


def catalog_json(catalog: Catalog) -> str:
    """Return *catalog* as a file that :func:`load_catalog` reads; the same catalog, the same text.

    Args:
        catalog: The personas and what they share.
    """
    file = CatalogFile(personas=catalog.personas, spaces=catalog.spaces)
    content = file.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CatalogError(f"{path.name}: larger than {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogError(f"{path.name}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise CatalogError(f"{path.name}: is not UTF-8 text") from None


def _parse(name: str, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=partial(_unique, name))
    except json.JSONDecodeError as error:
        raise CatalogError(
            f"{name}: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise CatalogError(f"{name}: is nested too deeply") from None
    except ValueError:
        raise CatalogError(f"{name}: has a number of too many digits") from None


def _unique(name: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise CatalogError(f"{name}: the key {short(key)} stands twice in one object")
        members[key] = value
    return members


def _sentence(name: str, error: ValidationError, content: Any) -> str:
    first = error.errors()[0]
    place = [part for part in first["loc"] if part != "[key]"]
    reason = _reason(first["type"], str(first["msg"]), place)
    where, whole = name, "the file"
    if len(place) > 1 and place[0] in _SECTIONS and isinstance(place[1], int):
        section = str(place[0])
        who = _who(content, section, place[1])
        where, whole = f"{name}: {_SECTIONS[section]} {who}", "the entry"
        place = place[2:]
    field = ".".join(_plain(str(part)) for part in place)
    got = "" if first["type"] == "missing" else f", got {short(first['input'])}"
    return f"{where}: {field or whole} {reason}{got}"


def _reason(kind: str, message: str, place: list[int | str]) -> str:
    if kind == "extra_forbidden":
        return "is not a known key"
    if kind == "missing":
        return "is missing"
    if kind == "string_pattern_mismatch" and place[-1] == "email":
        return f"must be a lower-case address that ends with {DOMAIN}"
    text = message.removeprefix("Value error, ")
    text = text.removeprefix("Input ").removeprefix("String ").removeprefix("Tuple ")
    return text.replace("Dictionary should", "should")


def _who(content: Any, section: str, index: int) -> str:
    entry = content[section][index]
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name.strip():
        return f"number {index + 1}"
    return name[:LONGEST_SHOWN] if name.isprintable() else short(name)


def _plain(text: str) -> str:
    return text if text.isprintable() and len(text) <= LONGEST_SHOWN else short(text)
