"""Folders that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mana_lab.errors import ConflictError, SettingsError


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder beside *target* that takes its place in the end, or is gone.

    Its files are readable by their owner only, and on the disk before it takes its place.

    Args:
        target: Where it is to be.

    Raises:
        ConflictError: Something is there already.
        SettingsError: It cannot be made or written.
    """
    if target.exists() or target.is_symlink():
        raise ConflictError(f"{target} is there already; name a folder that is not")
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise SettingsError(f"{target} cannot be made: {error.strerror}") from None
    try:
        yield folder
        for path in folder.rglob("*"):
            if path.is_file():
                path.chmod(0o600)
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        folder.rename(target)
    except OSError as error:
        raise SettingsError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
