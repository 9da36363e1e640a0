"""Run folders that somebody has been at."""

from __future__ import annotations

import json

from mana_lab.lab.manifest import MANIFEST, kept_file


def edited(folder, name, change):
    """Change a file's bytes, and its entry in the manifest, as who forges a folder would."""
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    sealed(folder, name)


def edited_lines(folder, name, change):
    """Change the lines of a file, which are JSON, in the same way."""

    def change_bytes(raw):
        lines = [json.loads(line) for line in raw.decode().splitlines()]
        return "".join(f"{json.dumps(line)}\n" for line in change(lines)).encode()

    edited(folder, name, change_bytes)


def sealed(folder, name):
    """Let the manifest say of a file what it is now."""
    edited_manifest(
        folder, lambda known: known["files"].update({name: kept_file(folder / name).model_dump()})
    )


def edited_manifest(folder, change):
    path = folder / MANIFEST
    known = json.loads(path.read_text())
    change(known)
    path.write_text(json.dumps(known))
