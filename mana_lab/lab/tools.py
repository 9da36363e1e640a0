"""The tools of an embedded lab: those of the app, of installed packages, and those handed over."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mana_lab.lab.folder import LabFolder
from mana_lab.registry import AnyToolSpec, Registry
from mana_lab.tools import Approvals, check_approved, default_registry, with_plugins

APPROVED_FILE = "approved-tools.jws"


def tools_of(
    folder: LabFolder, tools: Iterable[AnyToolSpec] = (), *, approve: bool = False
) -> Registry:
    """Return the tools that the lab in *folder* offers.

    Args:
        folder: Where it is written down which tools of other packages are approved.
        tools: More tools, given by the caller's own code.
        approve: Approve the tools of other packages as they are now.

    Raises:
        ToolDriftError: A tool of another package is new or has changed since it was approved.
        SettingsError: The approvals, or an entry point of another package, are damaged.
        DuplicateToolError: There is a tool of that name already.
    """
    own = list(tools)
    registry = with_plugins(default_registry(), own)
    approvals = Approvals(folder.path / APPROVED_FILE, folder.secrets.kek())
    check_approved(registry, approvals, handed_over={spec.name for spec in own}, approve=approve)
    return registry


def approve_tools(path: Path) -> Registry:
    """Approve, for the lab in the folder *path*, the tools of installed packages as they are now.

    Returns:
        All tools that the lab offers.

    Raises:
        LabBusyError: The folder is open elsewhere.
        SettingsError: The folder cannot be used, or an entry point is damaged.
    """
    held = LabFolder(path)
    try:
        return tools_of(held, approve=True)
    finally:
        held.release()
