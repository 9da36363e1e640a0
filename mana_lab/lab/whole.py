"""Folders that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mana_lab.errors import ConflictError, SettingsError

_LONGEST = 120


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
    try:
        if target.exists() or target.is_symlink():
            raise ConflictError(f"{target} is there already; name a folder that is not")
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise SettingsError(f"{_shown(target)} cannot be made: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{_shown(target)} cannot be made: {error}") from None
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


def check_writable(file: Path) -> None:
    """Check, before long work, that a file can be written; one that is there stays as it is.

    Raises:
        OSError: It cannot.
    """
    there = file.exists()
    with file.open("ab"):
        pass
    if not there:
        file.unlink()


def _shown(target: Path) -> str:
    text = str(target)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
