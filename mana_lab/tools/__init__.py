"""The tools of the app, one file per module.

To add one, copy a tool in its module's file and list it in ``TOOLS`` there; a new module is a new
file that is named here.
"""

from __future__ import annotations

from mana_lab.registry import Registry
from mana_lab.tools import (
    articles,
    calendar,
    contacts,
    dreams,
    goals,
    habits,
    invoices,
    journal,
    library,
    mood,
    news_research,
    notes,
    spaces,
    todo,
)
from mana_lab.tools.approval import Approvals, check_approved
from mana_lab.tools.plugins import ENTRY_POINTS, with_plugins

__all__ = ["ENTRY_POINTS", "Approvals", "check_approved", "default_registry", "with_plugins"]

_MODULES = (
    articles,
    calendar,
    contacts,
    dreams,
    goals,
    habits,
    invoices,
    journal,
    library,
    mood,
    news_research,
    notes,
    spaces,
    todo,
)


def default_registry() -> Registry:
    """Return a new registry with every tool of the app."""
    return Registry(spec for module in _MODULES for spec in module.TOOLS)
