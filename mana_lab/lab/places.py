"""Places to live in or to read from: a lab, a run folder or an archive, whichever it is."""

from __future__ import annotations

import re
from pathlib import Path

from mana_lab.errors import SettingsError
from mana_lab.lab.archive import Archive
from mana_lab.lab.folder import holds_archive, holds_lab
from mana_lab.lab.lab import Lab
from mana_lab.lab.manifest import MANIFEST
from mana_lab.lab.reading import Reading
from mana_lab.lab.run_folder import RunFolder
from mana_lab.notebook import Progress

_PLACE = re.compile(r"(?s)(.+?)(?::(-?[0-9]{1,9}))?")


async def open_place(
    place: str | Path, *, database_url: str | None = None, progress: Progress | None = None
) -> Reading:
    """Open what is in a folder, for reading; ``async with`` or ``close()`` lets go of it.

    Args:
        place: The folder of a lab, a run folder or an archive.
        database_url: As of :meth:`Lab.open`.
        progress: As of :meth:`Lab.open`.

    Raises:
        SettingsError: It is none of them; nothing was made.
        LabBusyError: The lab is open elsewhere.
        RunFolderError: The run folder is not as it was written.
        ArchiveError: The archive cannot be read.
    """
    folder = Path(place)
    if holds_lab(folder):
        return await Lab.open(folder, database_url=database_url, progress=progress)
    if (folder / MANIFEST).exists():
        return RunFolder.open(folder)
    if holds_archive(folder):
        return Archive.open(folder)
    raise SettingsError(
        f"{folder}: is neither the folder of a lab nor a run folder nor an archive; make one "
        "with: python -m mana_lab seed, keep or export"
    )


async def open_lab(folder: str | Path, *, mcp_url: str = "", auth_url: str = "") -> Lab:
    """Open the lab in *folder*, with a Mana of its own or, if URLs are given, with a deployed one.

    Notebooks take the URLs from ``MANA_LAB_MCP_URL`` and ``MANA_LAB_AUTH_URL``.

    Args:
        folder: Made if it is missing.
        mcp_url: As of :meth:`Lab.connect`; empty for a Mana of its own.
        auth_url: As there.

    Raises:
        SettingsError: One of the URLs is given without the other.
        ManaLabError: As :meth:`Lab.open` and :meth:`Lab.connect` do.
    """
    if not mcp_url and not auth_url:
        return await Lab.open(folder)
    if not (mcp_url and auth_url):
        here, there = ("MCP", "AUTH") if mcp_url else ("AUTH", "MCP")
        raise SettingsError(
            f"a deployed Mana is a gateway and an identity service: MANA_LAB_{here}_URL is set, "
            f"and MANA_LAB_{there}_URL is not"
        )
    return await Lab.connect(folder, mcp_url=mcp_url, auth_url=auth_url)


def place_and_run(text: str) -> tuple[Path, int]:
    """Return the folder and the number of the run, -1 for the last one, of ``DIR[:RUN]``.

    A folder that is called so itself counts as one.

    Raises:
        SettingsError: The text is empty.
    """
    parts = _PLACE.fullmatch(text)
    if parts is None:
        raise SettingsError("got an empty name instead of DIR[:RUN]")
    if parts[2] is None or Path(text).exists():
        return Path(text), -1
    return Path(parts[1]), int(parts[2])
