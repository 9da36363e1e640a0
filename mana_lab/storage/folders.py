"""Folders that one process at a time works in."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from mana_lab.errors import LabBusyError, SettingsError


def hold_folder(path: Path, *, called: str, busy: str) -> FileLock:
    """Make a folder if it is missing, readable by its owner only, and keep others out of it.

    Args:
        path: The folder.
        called: What it is, for messages: ``the lab folder``.
        busy: What to say when somebody has it.

    Returns:
        What has it; release it.

    Raises:
        LabBusyError: Somebody else, here or in another process, has the folder.
        SettingsError: The path is a file, or cannot be written.
    """
    make_folder(path, called=called)
    try:
        lock = FileLock(path / "lock", is_singleton=False)
        lock.acquire(timeout=0)
    except Timeout:
        raise LabBusyError(busy) from None
    except OSError as error:
        raise _unusable(called, path, error) from None
    return lock


def make_folder(path: Path, *, called: str) -> None:
    """Make a folder if it is missing, readable by its owner only.

    Args:
        path: The folder.
        called: What it is, for messages: ``the lab folder``.

    Raises:
        SettingsError: The path is a file, or cannot be written.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(called, path, error) from None


def _unusable(called: str, path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{called} {path} cannot be used: {error.strerror}")
